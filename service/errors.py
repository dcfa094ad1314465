"""Everything the service refuses or fails at on purpose. Status codes are the business of ``problems`` alone.

ServiceError
├── RequestInvalid       a field, item, column or option is wrong; `errors` says which
├── UnknownModel         no such model
├── CapabilityMissing    the model cannot do this
├── TooLarge             over a limit on bytes, items, samples or work
├── MediaUnsupported     a body of this type is not understood here
├── NotAcceptable        none of the accepted answer types can be made
├── Unauthorized         no valid API key
├── OperatorOnly         no valid operator key, or none is set
├── StoreUnwritable      no new version can be written to the store
├── Overloaded           more pending work than the bound
├── NotReady             no model is loaded, or the process is shutting down
├── DeadlineExceeded     not done in time
├── ClientGone           nobody waits for the answer any more
└── GraphFailed          the runtime failed on these rows
"""

from typing import Any


class ServiceError(Exception):
    """Base of all errors with an answer; ``extra`` holds extension members of the problem document."""

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class RequestInvalid(ServiceError):
    """What was sent cannot be used; ``pointer`` names the place as a JSON pointer, ``index`` the item."""

    def __init__(self, detail: str, *, pointer: str | None = None, index: int | None = None, **extra: Any) -> None:
        if index is not None:
            extra["index"] = index
            pointer = pointer or f"/inputs/{index}"
        if pointer is not None:
            extra.setdefault("errors", [{"pointer": pointer, "detail": detail}])
        super().__init__(detail, **extra)


class UnknownModel(ServiceError):
    """No loaded model has that name or version."""


class CapabilityMissing(ServiceError):
    """The model exists but cannot do what was asked."""


class TooLarge(ServiceError):
    """A limit on size or work is exceeded."""


class MediaUnsupported(ServiceError):
    """The media type of the body is not understood at this endpoint."""


class NotAcceptable(ServiceError):
    """None of the media types the client accepts can be produced."""


class Unauthorized(ServiceError):
    """The API key is missing or wrong."""


class OperatorOnly(ServiceError):
    """The operator key is missing or wrong, or this service has none."""


class StoreUnwritable(ServiceError):
    """The new version of a bundle cannot be written to the store."""


class Overloaded(ServiceError):
    """Too much work is pending; try again after ``retry_after_s`` seconds."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail, retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s


class NotReady(ServiceError):
    """The service cannot answer now."""


class DeadlineExceeded(ServiceError):
    """The deadline passed before the work was done."""


class ClientGone(ServiceError):
    """The client closed the connection."""


class GraphFailed(ServiceError):
    """The runtime raised while it ran these rows."""
