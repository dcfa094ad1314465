"""Which items of a request belong together: windows of one recording, rows of one machine.

What is promised then is promised by group (``pofx.rules.groups``).
"""

from dataclasses import dataclass

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.condition import Label
from pofx.kinds.decoded import Decoded
from pofx.rules.groups import UNNAMED
from pofx.use.column_names import column_names
from pofx.use.labels import label_texts


@dataclass(frozen=True)
class GroupsAsked:
    """``group`` is one name for all items, or one for each; ``column`` that of their table which holds the names."""

    group: Label | list[Label] | None = None
    column: str | None = None

    @property
    def by(self) -> str:
        """What the groups are, in words."""
        return UNNAMED if self.column is None else f"column {self.column!r}"

    def of(self, items: Decoded) -> tuple[str, ...] | None:
        """The group of every item, (batch,); None where nothing is said. Raises RequestInvalid."""
        if self.column is not None:
            if self.group is not None:
                raise RequestInvalid("expected group or group_column, got both", pointer="/group_column")
            return tuple(column_names(items.columns, self.column, "group"))
        if self.group is None:
            return None
        names, count = label_texts(self.group), len(items.array)
        if isinstance(self.group, list) and len(names) != count:
            raise RequestInvalid(f"expected {count} groups, one per item, got {len(names)}", pointer="/group")
        return tuple(names if isinstance(self.group, list) else names * count)


def fdr_note(fdr: float, calibration: bundle.Calibration) -> tuple[str, ...]:
    """What discoveries do not promise where several items may belong together and nothing says so."""
    if calibration.groups is None:
        return ()
    return (
        f"fdr {fdr:g} holds only if no two items belong together: those of this model come in {calibration.groups.by}, "
        "so say with group of which each item is",
    )
