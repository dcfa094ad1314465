"""Which errors are for a person, and how they are told: one red line on stderr."""

import sys

from rich.console import Console

_ON_PURPOSE = {"pofx.errors": "PofxError", "pofx.bundle.errors": "BundleError", "training.errors": "TrainingError"}
"""The roots of errors that were raised on purpose; a module that nobody imported has raised none."""


def words_of(error: Exception) -> str | None:
    """What to tell of an error that was raised on purpose, on one line; None for any other, which is a bug."""
    roots = tuple(getattr(sys.modules[module], name) for module, name in _ON_PURPOSE.items() if module in sys.modules)
    if isinstance(error, roots):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return None


def complain(words: str, first: str = "error") -> None:
    """Tells one line in red."""
    console = Console(stderr=True)
    console.print(f"{first}: {words}", style="red", markup=False, highlight=False, soft_wrap=True)
