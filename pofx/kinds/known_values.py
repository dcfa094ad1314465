"""What a condition says is known, as arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.kinds import place
from pofx.kinds.audio import decode_beginning
from pofx.kinds.categories import codes_in
from pofx.kinds.condition import Condition
from pofx.kinds.image import decode_image, decode_mask
from pofx.kinds.json_text import from_base64
from pofx.kinds.nested import decode_elements, decode_nested
from pofx.kinds.row import number_or_code
from pofx.kinds.text import encode_text
from pofx.kinds.words import PLURAL
from pofx.rules.arrays import Array
from pofx.rules.known import Known, positions

Mask = NDArray[np.uint8]


def decode_known(condition: Condition, spec: bundle.InputSpec) -> tuple[Known | None, tuple[str, ...]]:
    """What is known, None where the condition says nothing of it, and what was changed on the way."""
    if not condition.given:
        return None, ()
    (form,) = condition.given
    if form not in (spec.kind, "array"):
        raise place.condition(form).refusal(
            f"expected {spec.kind} or array, since this model makes {PLURAL[spec.kind]}"
        )
    if spec.kind == "image":
        return _pixels(condition, spec)
    if spec.kind == "row":
        return _columns(condition, spec), ()
    return _beginning(condition, spec)


def _pixels(condition: Condition, spec: bundle.ImageSpec) -> tuple[Known, tuple[str, ...]]:
    mask, note = _mask(condition, spec), None
    if condition.image is not None:
        here = place.condition("image")
        values, note = decode_image(from_base64(condition.image, here), spec, here)
    else:
        values = decode_nested(condition.array or [], spec, place.condition("array"))
    return Known(values * mask[..., np.newaxis], mask), () if note is None else (note,)


def _columns(condition: Condition, spec: bundle.RowSpec) -> Known:
    if condition.row is None:
        return _features(condition, spec)
    here, names = place.condition("row"), [column.name for column in spec.columns]
    if unknown := [name for name in condition.row if name not in names]:
        raise here.refusal(f"no column {', '.join(map(repr, unknown))}; this model has: {', '.join(names)}")
    values = np.array([_known(condition.row, column, here) for column in spec.columns])
    return _finite(values, np.array([name in condition.row for name in names], np.uint8), here)


def _known(row: Mapping[str, float | str], column: bundle.Column, here: place.Place) -> float:
    if column.name not in row:
        return 0.0
    return number_or_code(row[column.name], column, here.column(column.name, column.name))


def _features(condition: Condition, spec: bundle.RowSpec) -> Known:
    """What is known of all features; a category that is not may be anything, also null."""
    here, given, mask = place.condition("array"), condition.array or [], _mask(condition, spec)
    if len(given) == len(spec.columns):
        unknown = [bool(column.categories) and not on for column, on in zip(spec.columns, mask, strict=True)]
        given = [None if off else value for value, off in zip(given, unknown, strict=True)]
        given = codes_in(given, spec, here)
        given = [0.0 if off else value for value, off in zip(given, unknown, strict=True)]
    return _finite(decode_nested(given, spec, here), mask, here)


def _finite(values: Array, mask: Mask, here: place.Place) -> Known:
    with np.errstate(over="ignore"):
        known = np.where(mask == 1, values, 0).astype(np.float32)
    if not np.isfinite(known).all():
        raise here.refusal("expected finite numbers in the range of float32")
    return Known(known, mask)


def _beginning(condition: Condition, spec: bundle.AudioSpec | bundle.TextSpec) -> tuple[Known, tuple[str, ...]]:
    if condition.mask is not None:
        detail = f"what can be known of {PLURAL[spec.kind]} is their beginning; leave the mask out"
        raise place.condition("mask").refusal(detail)
    values, note, here = _first_elements(condition, spec)
    if values.ndim != 1 or len(values) >= spec.length:
        raise here.refusal(f"expected fewer elements than the {spec.length} this model makes, got shape {values.shape}")
    rest = (0, spec.length - len(values))
    return Known(np.pad(values, rest), np.pad(np.ones(len(values), np.uint8), rest)), () if note is None else (note,)


def _first_elements(
    condition: Condition, spec: bundle.AudioSpec | bundle.TextSpec
) -> tuple[Array, str | None, place.Place]:
    if spec.kind == "audio" and condition.audio is not None:
        here = place.condition("audio")
        return *decode_beginning(from_base64(condition.audio, here), spec, here), here
    if spec.kind == "text" and condition.text is not None:
        here = place.condition("text")
        return encode_text(condition.text, spec, here), None, here
    here = place.condition("array")
    return decode_elements(condition.array or [], spec, here), None, here


def _mask(condition: Condition, spec: bundle.ImageSpec | bundle.RowSpec) -> Mask:
    here = place.condition("mask")
    if condition.mask is None:
        raise here.refusal(f"expected a mask of shape {positions(spec)}, 1 where values are known")
    if isinstance(condition.mask, list):
        return _nested_mask(condition.mask, positions(spec), here)
    if spec.kind == "row":
        raise here.refusal("expected numbers, since this model makes rows of a table")
    return decode_mask(from_base64(condition.mask, here), spec, here)


def _nested_mask(values: list[Any], shape: tuple[int, ...], here: place.Place) -> Mask:
    try:
        mask = np.asarray(values)
    except ValueError as error:
        raise here.refusal(f"expected a regular array of shape {shape}") from error
    if mask.dtype.kind not in "biuf" or not np.isin(mask, (0, 1)).all():
        raise here.refusal("expected only 0 and 1, or false and true")
    if mask.shape != shape:
        raise here.refusal(f"expected shape {shape}, got {mask.shape}", expected=list(shape), got=list(mask.shape))
    return mask.astype(np.uint8)
