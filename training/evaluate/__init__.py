"""The final numbers and pictures of a fitted model."""
