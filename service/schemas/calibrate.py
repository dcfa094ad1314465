"""POST /calibrate: request and answer."""

from typing import NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from pofx.kinds.item import Item
from service.schemas.groups import GroupOptions, GroupsUsed


class CalibrateOptions(GroupOptions):
    """What to calibrate: in the body of a JSON request, or in the query string of any."""

    model: str | None = Field(None, description="name or name:version; may be left out if only one model can score.")
    data: str = Field(
        "items sent to /calibrate, not described further",
        min_length=1,
        max_length=1000,
        description="What the items are, and why normal traffic is like them; kept in the manifest and the card.",
    )


class CalibrateRequest(CalibrateOptions):
    """Normal items to calibrate a model on."""

    inputs: list[Item] = Field(
        min_length=1, description="Normal items, at least 20, as they came: that their halves differ is told."
    )


class SmallestAlpha(TypedDict):
    """The smallest false-alarm rate that each promise of /score supports with this calibration."""

    marginal: float
    pac: float


class CalibrateAnswer(TypedDict):
    """The new version, and what it can promise; ``served`` says whether the service answers with it already.

    Where items belong together, one of each of the ``groups`` counts, and ``n`` is the number of these.
    """

    model: str
    version: int
    n: int
    groups: NotRequired[GroupsUsed]
    smallest_p_value: float
    smallest_alpha: SmallestAlpha
    statistics: list[str]
    served: bool
    notes: list[str]
