"""The most anomalous items of a stream."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.kinds.files import Block
from pofx.rules.arrays import Array
from pofx.rules.conformal import Floats
from pofx.use.scores import REASON, Scores


@dataclass(frozen=True)
class WorstItem:
    """An item with its place in the stream; ``own`` are the columns of its table, ``found`` those of its scores."""

    index: int
    name: str | None
    array: Array
    own: Mapping[str, Any]
    found: Mapping[str, Any]
    order: tuple[float, float]

    @property
    def reason(self) -> str | None:
        """Which unseen category it holds, if any; then its array is none for the model."""
        return self.found.get(REASON)

    @property
    def title(self) -> str:
        """What a person calls it: the name of its file, or its number."""
        return self.name or f"{self.index:,}"


class Worst:
    """At most that many items with the smallest p-values, the more extreme first where p-values are equal."""

    def __init__(self, most: int, statistic: bundle.Statistic) -> None:
        self._most, self._statistic = most, statistic
        self.items: list[WorstItem] = []

    def take(self, block: Block, scores: Scores) -> None:
        """Keeps of a block what belongs to the worst so far."""
        if self._most == 0:
            return
        extreme = scores.statistics[self._statistic.name] * (1 if self._statistic.tail == "low" else -1)
        extreme = np.where(np.isnan(extreme), -np.inf, extreme)  # an unseen category is the most extreme
        places = self._candidates(scores.p_value)
        order = places[np.lexsort((extreme[places], scores.p_value[places]))][: self._most]
        columns = scores.columns()
        new = [_item(block, columns, int(at), (scores.p_value[at], extreme[at])) for at in order]
        self.items = sorted([*self.items, *new], key=lambda item: item.order)[: self._most]

    def _candidates(self, p_values: Floats) -> NDArray[np.int64]:
        """Places whose p-value could be among the smallest, so that few are sorted."""
        if len(self.items) == self._most:
            return np.flatnonzero(p_values <= self.items[-1].order[0])
        return np.flatnonzero(~np.isnan(p_values))


def _item(block: Block, columns: Mapping[str, Array], at: int, order: tuple[float, float]) -> WorstItem:
    own = {} if block.decoded.columns is None else block.decoded.columns.typed()
    return WorstItem(
        block.first + at,
        block.decoded.files[at] if block.decoded.files else None,
        block.decoded.array[at].copy(),
        {name: _plain(values, at) for name, values in own.items()},
        {name: _plain(values, at) for name, values in columns.items()},
        order,
    )


def _plain(values: Sequence[Any] | Array | Any, at: int) -> Any:
    """A value of a column as Python holds it; None where it is missing."""
    value = values[at]
    if value is np.ma.masked:
        return None
    as_python = getattr(value, "as_py", None) or getattr(value, "item", None)
    return value if as_python is None else as_python()
