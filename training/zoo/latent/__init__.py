"""Families with a latent variable z."""
