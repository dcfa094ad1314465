"""Tiny tables of every kind of column, and every family that scores tables fitted to them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.transforms import TRANSFORMS, DataFacts
from training.transforms.rows import RowTransform
from training.zoo import FAMILIES
from training.zoo.base import ClosedForm, Facts, Family, LabelConditioned, LabelledClosedForm

ROWS, STEPS = 400, 20
OPTIONS = {
    "gmm": {"components": (3,), "covariances": ("full",), "restarts": 1},
    "gda": {},
    "naive_bayes": {},
    "rnade": {"hidden": 6, "components": 3},
    "made": {"hidden": (8,), "components": 3, "orders": ("raster", "reversed")},
}


@dataclass(frozen=True)
class Table:
    """Columns, how many categories each has (0 of numbers), and every item there is, with the size of its cell.

    ``axes`` are the values that a column can take, in practice; numbers between which no cell lies are integrated over.
    """

    columns: tuple[np.ndarray, ...]
    categories: tuple[int, ...]
    axes: tuple[np.ndarray, ...]
    volume: float = 1.0

    @property
    def x(self) -> Tensor:
        """The rows, float32 (rows, columns)."""
        return torch.from_numpy(np.stack(self.columns, 1).astype(np.float32))

    @property
    def everything(self) -> Tensor:
        """Every item, float32 (items, columns), the last column changing fastest."""
        return torch.cartesian_prod(*(torch.from_numpy(np.asarray(axis, np.float32)) for axis in self.axes))


_random = np.random.default_rng(0)
_LABEL = _random.choice(2, ROWS, p=[0.7, 0.3])
_THIRD = (_LABEL + _random.choice(3, ROWS, p=[0.7, 0.2, 0.1])) % 3
_REAL = _random.normal(size=ROWS) + 2 * _LABEL
_FEW = _random.binomial(5, 0.2 + 0.5 * _LABEL)
_HEAVY = np.round(3 * np.exp(1.8 * _random.normal(size=ROWS)))
_WHOLE = np.round(_random.normal(20 + 8 * _LABEL, 5, ROWS))

TABLES = {
    "categories": Table((_LABEL, _THIRD), (2, 3), (np.arange(2), np.arange(3))),
    "mixed": Table((_LABEL, _REAL, _THIRD), (2, 0, 3), (np.arange(2), np.arange(-25, 25, 0.02), np.arange(3)), 0.02),
    "few-numbers": Table((_FEW, _LABEL), (0, 2), (np.arange(-100, 100), np.arange(2))),
    "heavy-tailed": Table((_HEAVY, _LABEL), (0, 2), (np.arange(-10_000, 20_000), np.arange(2))),
    "lattices": Table((_WHOLE, _FEW), (0, 0), (np.arange(-30, 80), np.arange(-60, 60))),
}


def labels() -> Tensor:
    """The labels of the rows, int64 (rows,)."""
    return torch.from_numpy(_LABEL)


def fitted(name: str, table: Table, transform: str = "columns") -> tuple[Family, RowTransform]:
    """A family fitted to a table, and its transform."""
    raw = table.x
    kind, family_type = TRANSFORMS[transform], FAMILIES[name]
    rows = kind(DataFacts("row", raw.shape[1:], categories=table.categories), kind.Options())
    rows.fit(raw.numpy())
    classes = 2 if issubclass(family_type, LabelConditioned) else 0
    torch.manual_seed(0)
    family = family_type(Facts(tuple(raw.shape[1:]), "real", classes=classes), family_type.Options(**OPTIONS[name]))
    family.take_cells(rows.cells)
    view = rows.training_view(raw)
    match family:
        case LabelledClosedForm():
            family.fit_labelled(view, labels(), view, labels(), 0)
        case ClosedForm():
            family.fit(view, view, 0)
        case _:
            _learn(family, rows, raw)
    return family.eval().requires_grad_(False), rows


def _learn(family: Family, transform: RowTransform, raw: Tensor) -> None:
    optimiser = torch.optim.Adam(family.parameters(), 2e-2)
    family.train()
    for _ in range(STEPS):
        optimiser.zero_grad()
        family.loss(transform.training_view(raw)).backward()
        optimiser.step()
