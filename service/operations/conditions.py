"""What a model can be told about the samples it draws, and how exactly it can obey."""

from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

import bundle
from service.errors import CapabilityMissing, RequestInvalid
from service.inference.model import Model
from service.operations.labels import check_known, label_texts
from service.schemas.condition import Condition, Label

Conditional = Literal["exact", "approximate"]


def check(model: Model, condition: Condition, models: Iterable[Model]) -> None:
    """Refuses what the model cannot be told, before anything is decoded; RequestInvalid or CapabilityMissing."""
    manifest = model.manifest
    generate = manifest.generate
    if condition.label is not None and not (generate and generate.labels):
        raise RequestInvalid(f"{manifest.reference} takes no label", pointer="/condition/label")
    if condition.given and not (generate and generate.completion):
        raise CapabilityMissing(
            f"{manifest.reference} cannot complete what is known of a sample; it draws whole samples only",
            models_that_can=[other.manifest.name for other in models if _completes(other, manifest.input.kind)],
        )


def label_indices(labels: tuple[str, ...], chosen: Label | list[Label] | None, n: int) -> NDArray[np.int64]:
    """The label of each of n samples, shape (n,); the number of labels where none was chosen."""
    if chosen is None:
        return np.full(n, len(labels))
    names = label_texts(chosen if isinstance(chosen, list) else [chosen] * n)
    check_known(labels, names, "/condition/label")
    places = {name: place for place, name in enumerate(labels)}
    return np.array([places[name] for name in names])


def exactness(completion: bundle.Completion, mask: NDArray[np.uint8]) -> Conditional | None:
    """``exact`` where no known position comes after an unknown one in the model's order; None if none is known."""
    known = mask.reshape(-1) == 1
    if not known.any():
        return None
    ordered = known[list(completion.order)] if completion.kind == "listed" else known
    ahead = bool((ordered[1:] <= ordered[:-1]).all())
    return "exact" if known.all() or (ahead and completion.kind != "mixed") else "approximate"


def _completes(model: Model, kind: str) -> bool:
    generate = model.manifest.generate
    return model.manifest.input.kind == kind and generate is not None and generate.completion is not None
