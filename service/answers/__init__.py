"""Results of operations as bytes of each media type."""
