"""Which items of a request belong together: windows of one recording, rows of one machine.

What is promised then is promised by group (``pofx.rules.groups``).
"""

from dataclasses import dataclass, replace

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.condition import Label
from pofx.kinds.decoded import Decoded
from pofx.rules.groups import FILES, UNNAMED, called
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
        return called("column", self.column)

    def of(self, items: Decoded) -> Decoded:
        """The items with their groups, as they are where nothing is said; raises RequestInvalid.

        Where items keep their errors, one without a group is left out for that reason.
        """
        if self.column is not None:
            if self.group is not None:
                raise RequestInvalid("expected group or group_column, got both", pointer="/group_column")
            return replace(items, groups=tuple(column_names(items, self.column, "group")))
        if self.group is None:
            return items
        names, count = label_texts(self.group), len(items.array)
        if isinstance(self.group, list) and len(names) != count:
            raise RequestInvalid(f"expected {count} groups, one per item, got {len(names)}", pointer="/group")
        return replace(items, groups=tuple(names if isinstance(self.group, list) else names * count))


def untold(items: Decoded, groups: bundle.Groups | None) -> bool:
    """Whether several items may belong together, since those that calibrated did, and nothing says which do."""
    return groups is not None and not items.groups and not (groups.by == FILES and items.files)


def fdr_note(fdr: float, groups: bundle.Groups | None) -> str:
    """What discoveries do not promise then."""
    what = UNNAMED if groups is None else groups.by
    return (
        f"fdr {fdr:g} holds only if no two items belong together: those of this model come in {what}, so say with "
        "group of which each item is"
    )
