"""Which errors are for a person, and how they are told: one red line on stderr."""

import sys

from rich.console import Console


def words_of(error: Exception) -> str | None:
    """What to tell of an error that was raised on purpose, on one line; None for any other, which is a bug."""
    if isinstance(error, _on_purpose()):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return None


def complain(words: str, first: str = "error") -> None:
    """Tells one line in red."""
    console = Console(stderr=True)
    console.print(f"{first}: {words}", style="red", markup=False, highlight=False, soft_wrap=True)


def _on_purpose() -> tuple[type[Exception], ...]:
    from pofx.bundle.errors import BundleError  # pydantic takes a while to import, and --help needs none
    from pofx.errors import PofxError

    training = sys.modules.get("training.errors")  # only there if a command of training was called
    return (PofxError, BundleError, *(() if training is None else (training.TrainingError,)))
