"""From a fitted family to a verified bundle: graphs, parity, golden vectors, card."""
