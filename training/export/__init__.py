"""Graphs in every format, and that they are equal to the model."""
