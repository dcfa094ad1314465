"""Drift: whether the traffic still looks like the data a model was calibrated on."""
