"""Our density models beside the classic detectors, on the same splits: ``python -m training compare``."""
