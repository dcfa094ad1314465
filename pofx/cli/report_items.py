"""How the worst items look in a report: pictures with heat maps, columns, or characters."""

import math
from html import escape

import numpy as np

from pofx import bundle
from pofx.cli.outcome import Outcome
from pofx.cli.summary import number
from pofx.cli.worst import WorstItem
from pofx.kinds.category_names import names_of
from pofx.kinds.image import encode_png
from pofx.kinds.json_text import to_base64
from pofx.kinds.sheets import as_colour, envelope_with_heat, envelopes, heat_map
from pofx.rules.arrays import Array
from pofx.rules.pictures import Pixels
from pofx.rules.texts import texts_of
from pofx.use.reasons import most_first, per_position

_COLUMNS, _OWN = 6, 4


def item_card(outcome: Outcome, place: int) -> str:
    """The item at that place among the worst."""
    item = outcome.worst[place]
    surprise = None if outcome.surprise is None else outcome.surprise[place]
    return (
        f"<article><h3>{_title(item)}</h3>{_looks(outcome, item, surprise)}<p>{_numbers(outcome, item)}</p></article>\n"
    )


def _title(item: WorstItem) -> str:
    return escape(item.name) if item.name else f"item {item.index:,}"


def _numbers(outcome: Outcome, item: WorstItem) -> str:
    name = outcome.statistic.name
    verdict = '<b class="odd">anomaly</b>' if item.found["anomaly"] else "normal"
    log_prob = item.found.get("log_prob")
    density = "" if log_prob is None or name == "log_prob" else f" · log p(x) {number(log_prob)}"
    return (
        f"{verdict} · p {number(item.found['p_value'])} · {escape(name)} {number(item.found[f'{name}_value'])}{density}"
    )


def _looks(outcome: Outcome, item: WorstItem, surprise: Array | None) -> str:
    measure = outcome.measure
    spec = outcome.manifest.input
    match spec:
        case bundle.ImageSpec():
            return _image(item.array, surprise, measure)
        case bundle.AudioSpec():
            return _recording(item.array, surprise, measure)
        case bundle.TextSpec():
            return _text(spec, item.array, surprise)
        case bundle.RowSpec():
            return _row(spec, item, surprise, measure)


def _image(pixels: Pixels, surprise: Array | None, measure: str) -> str:
    shown = [_picture(as_colour(pixels[np.newaxis])[0], "the image")]
    if surprise is not None:
        colours, low, high = heat_map(per_position(surprise))
        shown.append(_picture(colours, f"{measure}: {_span(low, high)}"))
    return f'<div class="pair">{"".join(shown)}</div>'


def _recording(samples: Array, surprise: Array | None, measure: str) -> str:
    if surprise is None:
        return _picture(as_colour(envelopes(samples[np.newaxis]))[0], "the recording")
    colours, low, high = envelope_with_heat(samples, surprise)
    return _picture(colours, f"above its {measure}: {_span(low, high)}")


def _span(low: float, high: float) -> str:
    """Both ends of the colours, in hundredths of the larger."""
    digits = 2 - math.floor(math.log10(max(abs(low), abs(high), 1e-9)))
    return f"{round(low, digits) + 0.0:g} to {round(high, digits) + 0.0:g}"


def _picture(pixels: Pixels, caption: str) -> str:
    source = f"data:image/png;base64,{to_base64(encode_png(pixels))}"
    return f'<figure><img src="{source}" alt="{escape(caption)}"><figcaption>{escape(caption)}</figcaption></figure>'


def _text(spec: bundle.TextSpec, codes: Array, surprise: Array | None) -> str:
    """The characters, the more surprising the redder; after them the end where there is one."""
    (text,) = texts_of(codes[np.newaxis], spec.alphabet)
    if surprise is None:
        return f"<pre>{escape(text)}</pre>"
    shown = [*text, *(["¶"] if len(text) < len(surprise) else [])]
    most = max(float(np.nan_to_num(surprise[: len(shown)], posinf=0.0).max(initial=0.0)), 1e-9)
    return f"<pre>{''.join(map(_character, shown, (surprise[: len(shown)] / most).tolist(), surprise.tolist()))}</pre>"


def _character(character: str, share: float, nats: float) -> str:
    strength = 100 if not np.isfinite(share) else round(100 * min(max(share, 0.0), 1.0))
    return f'<span style="--s:{strength}%" title="{nats:.3g} nats">{escape(character)}</span>'


def _row(spec: bundle.RowSpec, item: WorstItem, surprise: Array | None, measure: str) -> str:
    """The most surprising columns with their values, and some of the columns that the model does not read."""
    read = {column.name for column in spec.columns}
    odd = np.full(len(read), np.nan) if surprise is None else np.where(np.isnan(item.array), -np.inf, surprise)
    most = max(float(odd[np.isfinite(odd)].max(initial=0.0)), 1e-9)
    places = most_first(odd)[:_COLUMNS]
    rows = "".join(
        _column(spec.columns[place], float(item.array[place]), float(odd[place]), float(odd[place]) / most)
        for place in places
    )
    others = [f"{escape(name)}: {escape(str(value)[:40])}" for name, value in item.own.items() if name not in read]
    own = f'<p class="own">{" · ".join(others[:_OWN])}</p>' if others else ""
    own += f"<p>{escape(item.reason)}</p>" if item.reason else ""
    return f"{own}<table><tr><th>column<th>value<th>seen in training<th>{measure}{rows}</table>"


def _column(column: bundle.Column, value: float, nats: float, share: float) -> str:
    shown = (names_of(np.array([value]), column)[0] or "-") if column.categories else number(value)
    usual = (
        f"{len(column.categories)} names"
        if column.categories
        else f"{number(column.minimum)} – {number(column.maximum)}"
    )
    strength = 100 if not np.isfinite(share) else round(100 * min(max(share, 0.0), 1.0))
    return (
        f"<tr><td>{escape(column.name)}<td>{escape(shown)}<td>{escape(usual)}"
        f'<td class="bar" style="--s:{strength}%">{number(nats)}'
    )
