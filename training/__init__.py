"""Offline: data → family → fit → evaluate → calibrate → export → bundle."""
