"""Our density models beside the classic detectors, on the same splits: ``pofx compare``."""
