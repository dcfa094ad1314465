"""Networks whose outputs for a dimension see only the dimensions before it, and the steps by which they are sampled."""
