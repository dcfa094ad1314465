"""Rows of a table that miss values: who may see them, and what is said about them.

A family that marginalises is fitted on the complete rows of its fit split; its other splits keep their gaps, so that
p-values compare a row that misses values with rows that miss them in the same way. For any other family rows with gaps
are left out of every split.
"""

from dataclasses import dataclass

import numpy as np

from training.data import Items, Splits
from training.errors import DataError
from training.transforms import Transform
from training.zoo.base import FactorisedDensity, Family

_LEAST_ROWS, _ROWS_PER_COLUMN = 50, 5  # complete ones, to fit on


def marginalises(family: Family, transform: Transform) -> bool:
    """Whether a row may miss values: the score is then that of the columns that are there."""
    return transform.raw == "row" and isinstance(family, FactorisedDensity) and family.marginalises


@dataclass(frozen=True)
class Missing:
    """``cells`` values are missing; ``rows`` says of how many rows of each split, as the source has them.

    ``passed_over`` are the families of the recipe that are not tried, because they take no rows with gaps.
    """

    cells: int
    rows: dict[str, int]
    marginalised: bool
    passed_over: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = ", ".join(f"{count} of {name}" for name, count in self.rows.items() if count)
        start = f"{self.cells} values are missing, in {sum(self.rows.values())} rows ({where})"
        if not self.marginalised:
            return f"{start}: these rows were left out, because the family cannot marginalise over missing values"
        left_out = f"the {self.rows['fit']} rows of fit were left out, and all others" if self.rows["fit"] else "they"
        others = f"; not tried, since they take no gaps: {', '.join(self.passed_over)}" if self.passed_over else ""
        return (
            f"{start}: {left_out} keep their gaps, over which scores marginalise; likelihoods are of complete rows"
            f"{others}"
        )


def missing_in(splits: Splits, *, marginalised: bool) -> Missing | None:
    """What is missing from the rows of all splits; None if nothing is."""
    rows = {name: int((~part.is_complete).sum()) for name, part in splits.parts.items()}
    if not sum(rows.values()):
        return None
    cells = sum(int(np.isnan(part.x).sum()) for part in splits.parts.values())
    return Missing(cells, rows, marginalised)


def usable(splits: Splits, missing: Missing, columns: tuple[str, ...], source: str) -> Splits:
    """The splits without the rows that the family must not see; DataError where too little is left."""
    kept = splits.map(lambda name, part: part if missing.marginalised and name != "fit" else part.complete())
    least = max(_LEAST_ROWS, _ROWS_PER_COLUMN * splits.fit.x.shape[1])
    if missing.rows["fit"] and len(kept.fit) < least:
        raise DataError(
            f"{source}: expected at least {least} complete rows to fit on, got {len(kept.fit)} of {len(splits.fit)}; "
            f"most values are missing from column {_emptiest(splits.fit, columns)!r}: leave it out, or fill it"
        )
    for name in ("validation", "calibration", "held_out", "test"):
        part: Items = getattr(kept, name)
        if not part.is_complete.any():
            raise DataError(f"{source}: all rows of the {name} split miss a value; expected some that are complete")
    return kept


def _emptiest(part: Items, columns: tuple[str, ...]) -> str:
    return columns[int(np.isnan(part.x).sum(0).argmax())]
