"""Which calibration items an item is compared with: all of them, or only those of its label.

A false-alarm rate that holds on average over all items need not hold for every kind of them: a class whose statistics
lie further out has more false alarms, and the others fewer. Ranked among calibration items of its own label, an item
keeps the rate within its class: Mondrian conformal prediction (V. Vovk, A. Gammerman & G. Shafer, "Algorithmic Learning
in a Random World", 2005, section 4.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.graphs.held_out import Values
from pofx.graphs.loaded import LoadedModel
from pofx.kinds.condition import Label
from pofx.rules.arrays import Array
from pofx.rules.conformal import Floats, p_values
from pofx.use.labels import check_known, label_texts
from pofx.use.sizes import Size


@dataclass(frozen=True)
class Peers:
    """Calibration items that items are compared with, the values of their statistics sorted."""

    size: Size
    values: Values


@dataclass(frozen=True)
class Comparison:
    """The peers of the items of a request; ``labels`` is one label for all items, or holds one for each.

    Every label that was named has its peers, in order of appearance; without labels all items have the same.
    ``groups`` says that the calibration items came in groups, if they did.
    """

    peers: tuple[Peers, ...]
    labels: str | tuple[str, ...] | None = None
    groups: bundle.Groups | None = None

    @property
    def sizes(self) -> tuple[Size, ...]:
        """How many calibration items there are, of each label."""
        return tuple(peers.size for peers in self.peers)

    def check_count(self, items: int) -> None:
        """Raises RequestInvalid unless there are as many labels as items, or one for all."""
        if isinstance(self.labels, tuple) and len(self.labels) != items:
            raise RequestInvalid(f"expected {items} labels, one per item, got {len(self.labels)}", pointer="/label")

    def places(self, items: int) -> NDArray[np.int64]:
        """The place of the peers of every item, (items,)."""
        if len(self.peers) == 1:
            return np.zeros(items, np.int64)
        place = {peers.size.label: index for index, peers in enumerate(self.peers)}
        return np.array([place[label] for label in self.labels_of(items)])

    def smallest_p_values(self, items: int) -> Floats:
        """The smallest p-value that every item can have, (items,)."""
        return np.array([size.smallest_p_value for size in self.sizes])[self.places(items)]

    def labels_of(self, items: int) -> Sequence[str]:
        """The label of every item; nothing without labels."""
        return (self.labels,) * items if isinstance(self.labels, str) else self.labels or ()

    def p_values(self, statistic: bundle.Statistic, values: Array) -> Floats:
        """The p-value of each value among its peers, (batch,)."""
        if len(self.peers) == 1:
            return p_values(statistic.tail, self.peers[0].values[statistic.name], values)
        places, found = self.places(len(values)), np.empty(len(values))
        for index, peers in enumerate(self.peers):
            own = places == index
            found[own] = p_values(statistic.tail, peers.values[statistic.name], values[own])
        return found


def with_all(model: LoadedModel) -> Comparison:
    """The comparison with every calibration item."""
    calibration = _calibration(model)
    return Comparison((Peers(Size(calibration.n), model.held_out.values),), groups=calibration.groups)


def comparison(model: LoadedModel, label: Label | list[Label] | None) -> Comparison:
    """What the items of a request are compared with; RequestInvalid for a label that the calibration does not have."""
    if label is None:
        return with_all(model)
    calibration = _calibration(model)
    counts = {item.name: item.n for item in calibration.labels}
    if not counts:
        raise RequestInvalid(
            f"{model.manifest.reference} is not calibrated per label; leave label out, or calibrate the model on items "
            "with labels",
            pointer="/label",
        )
    names = label_texts(label)
    check_known(list(counts), names, "/label")
    peers = (Peers(Size(counts[name], name), model.held_out.of_label[name]) for name in dict.fromkeys(names))
    return Comparison(tuple(peers), tuple(names) if isinstance(label, list) else names[0], calibration.groups)


def _calibration(model: LoadedModel) -> bundle.Calibration:
    score = model.manifest.score
    if score is None:
        raise ValueError(f"{model.manifest.reference} cannot score; choose models by capability")
    return score.calibration
