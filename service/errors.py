"""What only a service refuses or fails at; the rest is in ``pofx.errors``. Status codes are those of ``problems``.

PofxError
├── NotAcceptable        none of the accepted answer types can be made
├── Unauthorized         no valid API key
├── OperatorOnly         no valid operator key, or none is set
├── StoreUnwritable      no new version can be written to the store
├── Overloaded           more pending work than the bound
├── NotReady             no model is loaded, or the process is shutting down
├── StillLoading         the model is in the store, but not loaded yet
├── DeadlineExceeded     not done in time
└── ClientGone           nobody waits for the answer any more
"""

from typing import Any

from pofx.errors import PofxError


class NotAcceptable(PofxError):
    """None of the media types the client accepts can be produced."""


class Unauthorized(PofxError):
    """The API key is missing or wrong."""


class OperatorOnly(PofxError):
    """The operator key is missing or wrong, or this service has none."""


class StoreUnwritable(PofxError):
    """The new version of a bundle cannot be written to the store."""


class Overloaded(PofxError):
    """Too much work is pending; try again after ``retry_after_s`` seconds."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail, retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s


class NotReady(PofxError):
    """The service cannot answer now."""


class StillLoading(PofxError):
    """The model may be there in a moment; try again after ``retry_after_s`` seconds."""

    def __init__(self, detail: str, retry_after_s: int, **extra: Any) -> None:
        super().__init__(detail, retry_after_s=retry_after_s, **extra)


class DeadlineExceeded(PofxError):
    """The deadline passed before the work was done."""


class ClientGone(PofxError):
    """The client closed the connection."""
