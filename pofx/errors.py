"""Everything the library refuses or fails at on purpose.

PofxError
├── RequestInvalid       a field, item, column or option is wrong; `errors` says which
├── UnknownModel         no such model
├── CapabilityMissing    the model cannot do this
├── TooLarge             over a limit on bytes, items, samples or work
├── MediaUnsupported     a file of this kind is not understood here
└── GraphFailed          the runtime failed on these rows

What can be wrong with a bundle itself is in ``pofx.bundle.errors``; what only a service can fail at, in
``service.errors``.
"""

from typing import Any


class PofxError(Exception):
    """Base of all errors with words for a caller; ``extra`` holds what a program can read of them."""

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class RequestInvalid(PofxError):
    """What was asked for cannot be done; ``pointer`` names the place as a JSON pointer, ``index`` the item."""

    def __init__(self, detail: str, *, pointer: str | None = None, index: int | None = None, **extra: Any) -> None:
        if index is not None:
            extra["index"] = index
            pointer = pointer or f"/inputs/{index}"
        if pointer is not None:
            extra.setdefault("errors", [{"pointer": pointer, "detail": detail}])
        super().__init__(detail, **extra)


class UnknownModel(PofxError):
    """No model has that name or version."""


class CapabilityMissing(PofxError):
    """The model exists but cannot do what was asked."""


class TooLarge(PofxError):
    """A limit on size or work is exceeded."""


class MediaUnsupported(PofxError):
    """A file or body of this kind is not understood here."""


class GraphFailed(PofxError):
    """The runtime raised while it ran these rows."""
