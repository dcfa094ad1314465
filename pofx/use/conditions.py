"""What a model can be told about the samples it draws, as the arrays its graph takes, and how exactly it can obey.

The list of conditions is closed (``pofx.bundle.conditions``); every match on it is exhaustive.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.errors import CapabilityMissing, RequestInvalid
from pofx.graphs.loaded import LoadedModel
from pofx.kinds import place
from pofx.kinds.condition import Condition
from pofx.kinds.json_items import JsonItems
from pofx.kinds.known_values import decode_known
from pofx.kinds.text import encode_text, padded
from pofx.rules import noise
from pofx.rules.arrays import Array
from pofx.rules.known import Known
from pofx.use.labels import places_of

Conditional = Literal["exact", "tempered", "approximate"]
"""Whether what is drawn is a sample of the model's p(unknown | known), of that at another temperature than 1 (or with
another option of the sampler changed), or of neither."""
Notes = tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """The arrays of all conditions by the name of their input, n rows each; what is ``known``, if anything is."""

    arrays: dict[str, Array] = field(default_factory=dict)
    known: Known | None = None
    conditional: Conditional | None = None
    notes: Notes = ()


def check(model: LoadedModel, generate: bundle.Generate, condition: Condition, models: Iterable[LoadedModel]) -> None:
    """Refuses what the model cannot be told, before anything is decoded; RequestInvalid or CapabilityMissing."""
    reference = model.manifest.reference
    if condition.given and generate.completion is None:
        raise CapabilityMissing(
            f"{reference} cannot complete what is known of a sample; it draws whole samples only",
            models_that_can=[other.manifest.name for other in models if _completes(other, model.manifest.makes.kind)],
        )
    takes = {item.of for item in generate.conditions}
    for name in ("label", "attributes", "code", "source", "target", "caption"):
        if getattr(condition, name) is not None and name not in takes:
            raise RequestInvalid(f"{reference} takes no {name}", pointer=f"/condition/{name}")
    for item in generate.conditions:
        if item.of in ("source", "target", "caption") and getattr(condition, item.of) is None:
            raise RequestInvalid(
                f"{reference} needs condition.{item.of}: {_wanted(item)}", pointer=f"/condition/{item.of}"
            )


def told(
    model: LoadedModel,
    generate: bundle.Generate,
    condition: Condition,
    n: int,
    seed: int,
    options: Mapping[str, float] | None = None,
) -> Told:
    """The arrays of every condition of a model for n samples that are drawn with options; raises RequestInvalid."""
    spec = model.graphs[generate.graph].spec
    known, notes = decode_known(condition, model.manifest.makes)
    found = Told({}, known, _conditional(spec, generate.completion, known, options or {}), notes)
    for item in spec.inputs:
        if item.role == "condition":
            found = _with_array(found, item, generate, condition, n, seed)
    return found


def _with_array(
    found: Told, item: bundle.ConditionInput, generate: bundle.Generate, condition: Condition, n: int, seed: int
) -> Told:
    """The same with the array of one more input, and what is to be said about it."""
    notes: Notes = ()
    if item.of == "mask":
        array: Array = _of_known(item, found.known, n)
    else:
        declared = generate.condition(item.of)
        if declared is None:
            raise ValueError(f"input {item.name!r} without its condition; the wiring is checked when a model is loaded")
        array, notes = _array(item, declared, found.known, condition, n, seed)
    return Told({**found.arrays, item.name: array}, found.known, found.conditional, (*found.notes, *notes))


def _array(
    item: bundle.ConditionInput,
    declared: bundle.Condition,
    known: Known | None,
    condition: Condition,
    n: int,
    seed: int,
) -> tuple[Array, Notes]:
    match declared:
        case bundle.LabelCondition():
            return _labels(declared, condition, n), ()
        case bundle.AttributesCondition():
            return np.tile(_attributes(declared, condition.attributes or {}), (n, 1)), ()
        case bundle.CodeCondition():
            return _code(item, declared, condition.code or {}, n, seed), ()
        case bundle.KnownCondition():
            return _of_known(item, known, n), ()
        case bundle.SourceCondition():
            return _sources(declared, condition, n)
        case bundle.TargetCondition():
            chosen = condition.target if condition.target is not None else []
            return places_of(declared.domains, chosen, n, "/condition/target", "domain"), ()
        case bundle.CaptionCondition():
            codes = encode_text(condition.caption or "", declared.text, place.condition("caption"))
            return np.tile(padded(codes, declared.text), (n, 1)), ()
        case _:
            assert_never(declared)


def _labels(declared: bundle.LabelCondition, condition: Condition, n: int) -> NDArray[np.int64]:
    """The label of each of n samples, shape (n,); the number of labels where none was chosen."""
    if condition.label is None:
        return np.full(n, len(declared.labels))
    return places_of(declared.labels, condition.label, n, "/condition/label", "label")


def _attributes(declared: bundle.AttributesCondition, chosen: dict[str, float]) -> NDArray[np.float32]:
    """A number for each attribute, shape (attributes,)."""
    limits = {item.name: (item.minimum, item.maximum) for item in declared.attributes}
    _check_numbers(limits, chosen, "attribute")
    return np.array([chosen.get(name, low) for name, (low, _) in limits.items()], np.float32)


def _code(
    item: bundle.ConditionInput, declared: bundle.CodeCondition, chosen: dict[str, float], n: int, seed: int
) -> NDArray[np.float32]:
    """Codes of n samples, (n, numbers); a part that was not chosen is drawn for each sample from its seed."""
    limits = {
        part.name: (0.0, part.size - 1.0) if part.kind == "categorical" else (part.minimum, part.maximum)
        for part in declared.parts
    }
    _check_numbers(limits, chosen, "part of the code")
    drawn = bundle.NoiseInput(
        name=item.name, dtype="float64", shape=("batch", len(declared.parts)), distribution="uniform"
    )
    uniform = noise.draw(drawn, seed, range(n))  # (n, parts)
    parts = [_part(part, chosen.get(part.name), uniform[:, index]) for index, part in enumerate(declared.parts)]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _part(
    part: bundle.CategoricalCode | bundle.ContinuousCode, chosen: float | None, uniform: NDArray[np.float64]
) -> Array:
    """The numbers of one part, (n, size): the chosen value for all, or one for each uniform number (n,)."""
    if part.kind == "continuous":
        values = part.minimum + (part.maximum - part.minimum) * uniform
        return (values if chosen is None else np.full(len(uniform), chosen))[:, np.newaxis]
    places = np.floor(uniform * part.size) if chosen is None else np.full(len(uniform), chosen)
    return np.eye(part.size)[places.astype(np.int64)]


def _check_numbers(limits: dict[str, tuple[float, float]], chosen: dict[str, float], what: str) -> None:
    key = "attributes" if what == "attribute" else "code"
    for name, value in chosen.items():
        pointer = f"/condition/{key}/{name}"
        if name not in limits:
            raise RequestInvalid(f"no {what} {name!r}; this model has: {', '.join(limits)}", pointer=pointer)
        low, high = limits[name]
        if not low <= value <= high:
            raise RequestInvalid(f"{what} {name!r}: expected {low:g} to {high:g}, got {value:g}", pointer=pointer)


def _sources(declared: bundle.SourceCondition, condition: Condition, n: int) -> tuple[Array, Notes]:
    """The sources of n samples, (n, …); one counts for all."""
    given = condition.source if isinstance(condition.source, list) else [condition.source]
    items = [item for item in given if item is not None]
    decoded = JsonItems(items, 0, place=place.source).decode(declared.item)
    array = decoded.array if len(decoded.array) == n else np.repeat(decoded.array, n, axis=0)
    return array, decoded.notes


def _of_known(item: bundle.ConditionInput, known: Known | None, n: int) -> Array:
    """Known values or their mask, n rows; zero where nothing is known, so that every request has the same arrays."""
    shape = (n, *(axis for axis in item.shape[1:] if axis != "batch"))
    if known is None:
        return np.zeros(shape, item.dtype)
    return np.broadcast_to(known.mask if item.of == "mask" else known.values, shape)


def _conditional(
    spec: bundle.Graph, completion: bundle.KnownCondition | None, known: Known | None, options: Mapping[str, float]
) -> Conditional | None:
    """What the rest is drawn from, given what is known; None where nothing is."""
    if completion is None or known is None:
        return None
    found = exactness(completion, known.mask)
    changed = any(options.get(item.name, item.default) != item.default for item in spec.inputs if item.role == "option")
    return "tempered" if found == "exact" and changed and not known.mask.all() else found


def exactness(completion: bundle.KnownCondition, mask: NDArray[np.uint8]) -> Conditional | None:
    """``exact`` where no known position comes after an unknown one in the model's order, if it has one; None if none is
    known.
    """
    known = mask.reshape(-1) == 1
    if not known.any():
        return None
    if completion.kind == "any":
        return "exact"
    ordered = known[list(completion.order)] if completion.kind == "listed" else known
    ahead = bool((ordered[1:] <= ordered[:-1]).all())
    return "exact" if known.all() or (ahead and completion.kind != "mixed") else "approximate"


def _wanted(condition: bundle.Condition) -> str:
    match condition:
        case bundle.SourceCondition():
            return f"an item ({condition.item.kind}) that samples are made from"
        case bundle.TargetCondition():
            return f"one of {', '.join(condition.domains)}"
    return "a text that describes the samples"


def _completes(model: LoadedModel, kind: str) -> bool:
    generate = model.manifest.generate
    return model.manifest.makes.kind == kind and generate is not None and generate.completion is not None
