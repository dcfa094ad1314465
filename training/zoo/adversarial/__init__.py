"""Families trained by a game between a generator and a discriminator."""
