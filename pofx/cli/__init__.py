"""The command ``pofx``."""
