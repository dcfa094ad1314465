"""Where the surprise of an item lies, in the terms of its kind: pixels, columns, spans of time, characters.

Surprise is minus a term of log_prob, in nats.
"""

import numpy as np

import bundle
from service.inference.graph import Array
from service.payloads.image import Pixels, encode_png
from service.payloads.json_text import to_base64
from service.payloads.picture import envelope_with_heat, heat_map
from service.payloads.text import decode_texts
from service.schemas.score import CharacterSurprise, ColumnSurprise, SpanSurprise, SurpriseMap

_SPAN_S = 0.01
_MAX_SPANS = 5


def surprise_map(spec: bundle.InputSpec, values: Array, terms: Array) -> SurpriseMap:
    """The map of one item from its values and its terms of log_prob."""
    match spec:
        case bundle.ImageSpec():
            surprise = surprise_of(terms)
            return {"values": surprise.tolist(), **_picture(*heat_map(surprise))}
        case bundle.AudioSpec():
            surprise = surprise_of(terms)
            picture = _picture(*waveform_map(values, terms))
            return {"values": surprise.tolist(), **picture, "spans": _spans(surprise, spec.rate_hz)}
        case bundle.TextSpec():
            (text,) = decode_texts(values[np.newaxis], spec)
            return {"characters": _characters(text, surprise_of(terms))}
    surprise = np.where(np.isnan(values), np.nan, surprise_of(terms))  # what is missing surprises nobody
    return {"columns": _columns([column.name for column in spec.columns], surprise)}


def surprise_of(terms: Array) -> Array:
    """Minus the terms, in nats; those of several channels of a pixel are added up, shape (height, width)."""
    surprise = -terms.astype(np.float64)
    return surprise.sum(axis=2) if surprise.ndim == 3 else surprise


def waveform_map(samples: Array, terms: Array) -> tuple[Pixels, float, float]:
    """A recording drawn above its surprise, and the values at both ends of the colours."""
    return envelope_with_heat(samples, surprise_of(terms))


def _picture(picture: Pixels, low: float, high: float) -> SurpriseMap:
    return {
        "image": to_base64(encode_png(picture)),
        "scale": {"minimum": low, "maximum": high, "unit": "nats"},
    }


def _columns(names: list[str], surprise: Array) -> list[ColumnSurprise]:
    return [{"column": names[place], "surprise": float(surprise[place])} for place in _most_first(surprise)]


def _spans(surprise: Array, rate_hz: int) -> list[SpanSurprise]:
    """The few most surprising of all stretches of equal length."""
    width = max(1, round(_SPAN_S * rate_hz))
    starts = np.arange(0, len(surprise), width)
    sums = np.add.reduceat(surprise, starts)
    return [
        {
            "start_s": float(starts[place] / rate_hz),
            "end_s": float(min(starts[place] + width, len(surprise)) / rate_hz),
            "surprise": float(sums[place]),
        }
        for place in _most_first(sums)[:_MAX_SPANS]
    ]


def _characters(text: str, surprise: Array) -> list[CharacterSurprise]:
    """The characters in order; the end of the text, with what fills the rest, is an empty one."""
    found: list[CharacterSurprise] = [
        {"character": character, "surprise": float(value)}
        for character, value in zip(text, surprise.tolist(), strict=False)
    ]
    if len(text) < len(surprise):
        found.append({"character": "", "surprise": float(surprise[len(text) :].sum())})
    return found


def _most_first(surprise: Array) -> list[int]:
    """Places from the most to the least surprising; what is not a number comes first of all."""
    order: list[int] = np.argsort(np.nan_to_num(-surprise, nan=-np.inf), kind="stable").tolist()
    return order
