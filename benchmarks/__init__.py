"""Reproducible side-by-side measurements; never part of the tests."""
