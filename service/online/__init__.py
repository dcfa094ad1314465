"""Streams of discoveries across requests, one for every model and key."""
