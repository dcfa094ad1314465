"""Where the surprise of an item lies, in the terms of its kind: pixels, columns, spans of time, characters.

Surprise is minus a term of log_prob, or of log p(x | z) where a model has only that, in nats.
"""

import numpy as np

from pofx import bundle
from pofx.kinds.image import Pixels, encode_png
from pofx.kinds.json_text import to_base64
from pofx.kinds.pictures import envelope_with_heat, heat_map
from pofx.kinds.text import decode_texts
from pofx.rules.arrays import Array
from pofx.use.reasons import most_first, per_position, spans
from service.schemas.score import CharacterSurprise, ColumnSurprise, Places, SpanSurprise

_MAX_SPANS = 5


def surprise_map(spec: bundle.InputSpec, values: Array, surprise: Array) -> Places:
    """The map of one item from its values and the surprise of each."""
    surprise = per_position(surprise)
    match spec:
        case bundle.ImageSpec():
            return {"values": surprise.tolist(), **_picture(*heat_map(surprise))}
        case bundle.AudioSpec():
            picture = _picture(*waveform_map(values, surprise))
            return {"values": surprise.tolist(), **picture, "spans": _spans(surprise, spec.rate_hz)}
        case bundle.TextSpec():
            (text,) = decode_texts(values[np.newaxis], spec)
            return {"characters": _characters(text, surprise)}
    surprise = np.where(np.isnan(values), np.nan, surprise)  # what is missing surprises nobody
    return {"columns": _columns([column.name for column in spec.columns], surprise)}


def waveform_map(samples: Array, surprise: Array) -> tuple[Pixels, float, float]:
    """A recording drawn above its surprise, and the values at both ends of the colours."""
    return envelope_with_heat(samples, surprise)


def _picture(picture: Pixels, low: float, high: float) -> Places:
    return {
        "image": to_base64(encode_png(picture)),
        "scale": {"minimum": low, "maximum": high, "unit": "nats"},
    }


def _columns(names: list[str], surprise: Array) -> list[ColumnSurprise]:
    return [{"column": names[place], "surprise": float(surprise[place])} for place in most_first(surprise)]


def _spans(surprise: Array, rate_hz: int) -> list[SpanSurprise]:
    """The few most surprising of all stretches of equal length."""
    found = spans(surprise, rate_hz)[:_MAX_SPANS]
    return [{"start_s": start, "end_s": end, "surprise": value} for start, end, value in found]


def _characters(text: str, surprise: Array) -> list[CharacterSurprise]:
    """The characters in order; the end of the text, with what fills the rest, is an empty one."""
    found: list[CharacterSurprise] = [
        {"character": character, "surprise": float(value)}
        for character, value in zip(text, surprise.tolist(), strict=False)
    ]
    if len(text) < len(surprise):
        found.append({"character": "", "surprise": float(surprise[len(text) :].sum())})
    return found
