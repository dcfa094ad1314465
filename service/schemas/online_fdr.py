"""GET /models/{name}/online-fdr: what a caller's stream of discoveries has come to."""

from typing_extensions import TypedDict


class OnlineFdrReport(TypedDict):
    """The stream of this key and model since it was begun; null where no request has begun one.

    ``level`` is the largest p-value with which the next item is a discovery. Without a further discovery items can be
    discovered for ``left`` more tests, and then never again.
    """

    model: str
    version: int
    fdr: float | None
    statistic: str | None
    calibration_n: int
    tests: int
    discoveries: int
    level: float | None
    left: int | None
    meaning: str
