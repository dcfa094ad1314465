"""Columns of a table whose values lie apart: which these are, and the cell of x around each of their values.

A column of categories holds the codes 0..K−1, a column of evenly spaced numbers whole steps from an origin. A density
at such a value is no probability, so a family gives it that of its cell: of all x that are nearer to it than to any
other value. Cells do not overlap and leave nothing out, hence the probabilities of all values sum to one: the first and
the last category take what lies beyond them, and evenly spaced numbers go on for ever. A chain rule of such
probabilities, each given the values before, is a distribution over rows if samples are brought to their value before
the next column is drawn.

Columns of categories, and of few evenly spaced numbers, are *counted*: they can be listed in a table.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

_FURTHEST = 80.0  # of a bent value, so that sinh stays finite
_BEYOND = 1e6  # of x: where a cell ends that has no end
_OFF = 0.05  # of a quantum; further from a step, a number is between two of them


def bent(u: Tensor) -> Tensor:
    """asinh(u), float64: near the identity in the middle, logarithmic far from it; in double also in ONNX Runtime."""
    return torch.sign(u) * torch.log(u.abs() + torch.sqrt(u.square() + 1))


def unbent(v: Tensor) -> Tensor:
    """sinh(v), float64, of what is not too far out."""
    near = torch.clamp(v, -_FURTHEST, _FURTHEST)
    return (torch.exp(near) - torch.exp(-near)) / 2


def to_raw(x: Tensor, centre: Tensor, scale: Tensor, mean: Tensor, std: Tensor, is_bent: Tensor) -> Tensor:
    """The values of columns in their units, float64, for x of any precision."""
    v = x.double() * std + mean
    return torch.where(is_bent, unbent(v), v) * scale + centre


def to_x(raw: Tensor, centre: Tensor, scale: Tensor, mean: Tensor, std: Tensor, is_bent: Tensor) -> Tensor:
    """X = (bent((raw − centre) / scale) − mean) / std, float64, for values in the units of columns."""
    u = (raw - centre) / scale
    return (torch.where(is_bent, bent(u), u) - mean) / std


class Cells(nn.Module):
    """Where the values of columns lie: at origin + quantum · step in their units, and ``to_x`` of that in model space.

    All arrays are of shape (dims,), float64 but for ``bent`` and ``endless``. ``quantum`` is 0 where any number may
    occur; ``count`` is how many steps are counted, 0 of a column that is not; ``endless`` columns of these are numbers,
    which may lie beyond. They are no part of a state: they come from the transform, which is fitted before.
    """

    NAMES = ("centre", "scale", "mean", "std", "bent", "origin", "quantum", "count", "endless")

    def __init__(self, dims: int) -> None:
        super().__init__()
        for name in self.NAMES:
            start = {"scale": 1.0, "std": 1.0, "bent": False, "endless": False}.get(name, 0.0)
            kind = torch.bool if isinstance(start, bool) else torch.float64
            self.register_buffer(name, torch.full((dims,), start, dtype=kind), persistent=False)
        self.apart: tuple[int, ...] = ()  # columns whose values lie apart
        self.counted: tuple[int, ...] = ()
        self.sizes: tuple[int, ...] = ()  # of the tables of counted columns

    def take(self, **arrays: Tensor) -> None:
        """Takes over arrays by name."""
        for name, array in arrays.items():
            getattr(self, name).copy_(array)
        self.apart = tuple((self.quantum > 0).nonzero()[:, 0].tolist())
        self.counted = tuple((self.count > 0).nonzero()[:, 0].tolist())
        self.sizes = tuple(int(self.count[column]) for column in self.counted)

    def take_from(self, other: "Cells") -> None:
        """Takes over all arrays."""
        self.take(**{name: getattr(other, name) for name in self.NAMES})

    @property
    def numbers(self) -> tuple[int, ...]:
        """The columns that are not counted."""
        return tuple(column for column in range(len(self.quantum)) if column not in self.counted)

    def arrays(self) -> tuple[Tensor, ...]:
        """All arrays, in the order in which ``nearest_of`` takes them."""
        return tuple(getattr(self, name) for name in self.NAMES)

    def bounds(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both ends of the cell around x (…, dims), float64; some cell where the values do not lie apart."""
        raw, half = self._raw(x), torch.where(self.quantum > 0, self.quantum, self.scale) / 2
        closed = (self.count > 0) & ~self.endless
        first = closed & (raw < self.origin + half)
        last = closed & (raw > self.origin + (self.count - 1) * self.quantum - half)
        low = torch.where(first, -_BEYOND, self._x(raw - half))
        return low, torch.where(last, _BEYOND, self._x(raw + half))

    def steps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The place of each value among those that are counted, and how many steps beyond them it lies.

        Both float64, (…, counted), for x (…, dims). A number between two steps counts as one beyond them.
        """
        columns = torch.tensor(self.counted, device=x.device)
        parts = (self.origin, self.quantum, self.count, self.endless)
        origin, quantum, count, endless = (array[columns] for array in parts)
        exact = (self._raw(x).index_select(-1, columns) - origin) / quantum
        step = torch.round(exact)
        inside = torch.minimum(torch.clamp(step, min=0.0), count - 1)
        between = (exact - step).abs() > _OFF
        beyond = torch.where(endless, torch.maximum((step - inside).abs(), between.double()), 0.0)
        return inside, beyond

    def x_of(self, column: int, step: Tensor) -> Tensor:
        """The x of a column at steps of any shape, float64."""
        raw = self.origin[column] + self.quantum[column] * step
        return to_x(raw, *(array[column] for array in self.arrays()[:5]))

    def nearest(self, x: Tensor) -> Tensor:
        """X (…, dims) brought to the nearest value where values lie apart, in its precision."""
        return nearest_of(x, *self.arrays()) if self.apart else x

    def _raw(self, x: Tensor) -> Tensor:
        return to_raw(x, *self.arrays()[:5])

    def _x(self, raw: Tensor) -> Tensor:
        return to_x(raw, *self.arrays()[:5])


def nearest_of(x: Tensor, *arrays: Tensor) -> Tensor:
    """X at the nearest value where values lie apart; arrays as in ``Cells.arrays``, which x can be combined with."""
    *scales, origin, quantum, count, endless = arrays
    step = torch.round((to_raw(x, *scales) - origin) / torch.where(quantum > 0, quantum, 1.0))
    inside = torch.minimum(torch.clamp(step, min=0.0), count - 1)
    value = to_x(origin + quantum * torch.where((count > 0) & ~endless, inside, step), *scales)
    return torch.where(quantum > 0, value.to(x.dtype), x)


class InCells(ABC):
    """A family that gives values that lie apart the probability of their cells."""

    @abstractmethod
    def take_cells(self, cells: Cells) -> None:
        """Takes over where the values of columns lie, before it is fitted."""
