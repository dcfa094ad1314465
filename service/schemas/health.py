"""GET /health/live and GET /health/ready."""

from typing import Literal

from typing_extensions import TypedDict


class Liveness(TypedDict):
    """The device thread makes progress; seconds the current batch has been running."""

    status: Literal["live"]
    batch_running_s: float


class Readiness(TypedDict):
    """Requests are welcome; number of loaded model versions, those still to be tried, and why others are refused."""

    status: Literal["ready"]
    models: int
    loading: list[str]
    refused: list[str]
