"""Graphs of verified bundles, and the one thread that runs them in batches."""
