"""What a dimension is given those before it: its distribution, the order of all, and known ones among them."""
