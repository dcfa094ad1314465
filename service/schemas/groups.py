"""What belongs together: as a request says it, and as a calibration counted it."""

from pydantic import Field
from typing_extensions import TypedDict

from pofx import bundle
from pofx.kinds.condition import Labels
from pofx.kinds.item import ItemOptions
from pofx.use.grouping import GroupsAsked


class GroupOptions(ItemOptions):
    """Which items belong together, windows of one recording or rows of one machine for instance."""

    group: Labels | None = Field(
        None,
        description="What items belong together: the name of a recording, machine or patient, one for all items or one "
        "for each.",
    )
    group_column: str | None = Field(
        None,
        description="Instead of group: the column of the table that was sent, with extra=keep, that holds the name of "
        "every row's group.",
    )

    @property
    def groups(self) -> GroupsAsked:
        """The same as the library takes it."""
        return GroupsAsked(self.group, self.group_column)


class GroupsUsed(TypedDict):
    """That calibration items came in groups, and one of each was kept; ``items`` is how many the groups held.

    Where it was not ``told`` which items belong together, all were kept, and nothing is promised.
    """

    by: str
    items: int
    told: bool


def groups_used(groups: bundle.Groups) -> GroupsUsed:
    """What an answer says of the groups of a calibration."""
    return {"by": groups.by, "items": groups.items, "told": groups.told}
