"""Dataset → splits, by a seeded permutation."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from pydantic import Field, model_validator

from training.data.dataset import Dataset
from training.data.items import Items
from training.errors import DataError
from training.zoo.base import Options


@dataclass(frozen=True)
class Splits:
    """Disjoint splits, and the items that are abnormal by the recipe's definition (never used to fit).

    ``held_out`` is drawn from the same pool as ``calibration``, so that a false-alarm rate measured on it is one the
    calibration promises something about. It is the test split itself, unless the source has an official test set: that
    one may come from elsewhere (MNIST's does: other writers).
    """

    fit: Items
    validation: Items
    calibration: Items
    held_out: Items
    test: Items
    anomalies: Items

    @property
    def parts(self) -> dict[str, Items]:
        """The distinct splits by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.has_official_test:
            return named
        del named["held_out"]
        return named

    @property
    def has_official_test(self) -> bool:
        """Whether the test split comes from the source rather than from the pool."""
        return self.test is not self.held_out

    def sizes(self) -> dict[str, int]:
        """Number of items per split."""
        return {name: len(part) for name, part in self.parts.items()}

    def map(self, change: Callable[[str, Items], Items]) -> "Splits":
        """The splits after a change to each distinct one, given its name."""
        changed = {name: change(name, part) for name, part in self.parts.items()}
        return Splits(**{"held_out": changed["test"], **changed})

    def complete(self) -> "Splits":
        """The items of every split that miss no value."""
        return self.map(lambda _, part: part.complete())


class SplitOptions(Options):
    """Shares of the items; the rest is fitted.

    Where the source has an official test set, ``test`` is the share held out beside it, to measure false alarms on.
    """

    validation: float = Field(default=0.1, gt=0, lt=1, description="chooses hyper-parameters and the best epoch")
    calibration: float = Field(default=0.2, gt=0, lt=1, description="turns scores into p-values; never fitted on")
    test: float = Field(default=0.2, gt=0, lt=1, description="measured once, at the end")

    @model_validator(mode="after")
    def _leaves_something_to_fit(self) -> "SplitOptions":
        if self.validation + self.calibration + self.test >= 0.95:
            raise ValueError("validation + calibration + test must leave at least 5 % to fit")
        return self


def split(dataset: Dataset, options: SplitOptions, seed: int, normal: tuple[str, ...] = ()) -> Splits:
    """Four splits of the normal items; items with other labels become anomalies.

    ``normal`` names the labels a one-class recipe fits on; empty means that everything is normal.
    """
    items = dataset.items
    is_normal = _is_normal(dataset, normal)
    anomalies = items.take(~is_normal)
    kept = items.take(is_normal)
    parts = _parts(len(kept), options, seed, kept.groups)
    validation, calibration, held_out, fit = (kept.take(part) for part in parts)
    test = held_out
    if dataset.test is not None:
        official, official_normal = dataset.test.items, _is_normal(dataset.test, normal)
        test = official.take(official_normal)
        anomalies = official.take(~official_normal)
    if dataset.defects is not None:
        anomalies = anomalies.joined(dataset.defects)
    splits = Splits(fit, validation, calibration, held_out, test, anomalies)
    for name, size in splits.sizes().items():
        if size == 0 and name != "anomalies":
            raise DataError(f"{dataset.source}: {_counted(kept, dataset)} leave none for the {name} split")
    return splits


def _counted(items: Items, dataset: Dataset) -> str:
    if not items.are_grouped:
        return f"{len(items)} normal items"
    return f"{len(items)} normal items of {len(np.unique(items.groups))} groups ({dataset.grouped_by})"


def _parts(items: int, options: SplitOptions, seed: int, groups: np.ndarray | None) -> list[np.ndarray]:
    """Places of the validation, calibration, test and fit items; a group is never torn apart."""
    names = np.arange(items) if groups is None else np.unique(groups)
    order = np.random.default_rng(seed).permutation(len(names))
    counts = [round(len(names) * share) for share in (options.validation, options.calibration, options.test)]
    parts = np.split(order, np.cumsum(counts))
    return parts if groups is None else [np.flatnonzero(np.isin(groups, names[part])) for part in parts]


def sliver(splits: Splits, fit: int = 512, rest: int = 128) -> Splits:
    """Some items of every split: enough to rehearse a recipe in seconds, not to learn anything."""
    return splits.map(lambda name, part: some_of(part, fit if name == "fit" else rest))


def some_of(part: Items, most: int) -> Items:
    """At most that many items of a split: the first, which are as good as any, or of groups all over it."""
    if not part.are_grouped:
        return part.take(slice(most))
    return part.take(np.unique(np.linspace(0, len(part) - 1, min(most, len(part))).astype(int)))


def _is_normal(dataset: Dataset, normal: tuple[str, ...]) -> np.ndarray:
    if not normal:
        return np.ones(len(dataset.x), dtype=bool)
    if dataset.labels is None:
        raise DataError(f"{dataset.source}: has no labels, so `normal` cannot select any")
    unknown = [name for name in normal if name not in dataset.label_names]
    if unknown:
        raise DataError(f"{dataset.source}: no label {unknown[0]!r}; there is: {', '.join(dataset.label_names)}")
    return np.isin(dataset.labels, [dataset.label_names.index(name) for name in normal])
