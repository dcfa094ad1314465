"""Words around pictures: a title above, what stands along an axis, and a bar that says what colours mean."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pofx.kinds.sheets import heat_map
from pofx.rules.pictures import Pixels

_TEXT_PX, _LINE_PX, _MARGIN_PX, _TICK_PX = 12, 16, 8, 4
_BAR_HEIGHT, _BAR_WIDTH = 10, 160
_FONT = ImageFont.load_default(_TEXT_PX)

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Style:
    """Colours of what is around a picture."""

    paper: Colour = (255, 255, 255)
    ink: Colour = (60, 60, 60)


LIGHT, DARK = Style(), Style((32, 32, 32), (220, 220, 220))


@dataclass(frozen=True)
class Axis:
    """What stands along a side: its ``label``, and texts at places in pixels of the picture."""

    label: str
    ticks: Sequence[tuple[int, str]] = ()


def framed(
    pixels: Pixels, title: str, below: Axis | None = None, left: Axis | None = None, style: Style = LIGHT
) -> Pixels:
    """The picture, (height, width, 3), below a title of one or more lines, with its axes; larger than it was."""
    lines, height, width = title.splitlines(), *pixels.shape[:2]
    beside = 0 if left is None else max((_width(text) for _, text in left.ticks), default=0) + _TICK_PX + 2
    above = _MARGIN_PX + _LINE_PX * (len(lines) + (left is not None)) + _TICK_PX
    under = 0 if below is None else _TICK_PX + _LINE_PX * (1 + bool(below.ticks))
    wide = max(width, *(_width(line) - beside for line in lines))
    size = (beside + wide + 2 * _MARGIN_PX, above + height + under + _MARGIN_PX)
    page = Image.new("RGB", size, style.paper)
    corner = (_MARGIN_PX + beside, above)
    page.paste(Image.fromarray(np.ascontiguousarray(pixels)), corner)
    pen = ImageDraw.Draw(page)
    for place, line in enumerate(lines):
        pen.text((_MARGIN_PX, _MARGIN_PX + place * _LINE_PX), line, style.ink, _FONT)
    if left is not None:
        _draw_left(pen, left, corner, len(lines), style)
    if below is not None:
        _draw_below(pen, below, (corner[0], above + height), width, style)
    return np.asarray(page)


def colour_bar(low: float, high: float, unit: str, style: Style = LIGHT) -> Pixels:
    """What the colours of a heat map mean, from black to white, (height, width, 3)."""
    texts = f"{low:.3g}" if abs(low) > abs(high) / 1000 else "0", f"{high:.3g} {unit}"
    bar = heat_map(np.linspace(0, 1, _BAR_WIDTH)[np.newaxis].repeat(_BAR_HEIGHT, 0))[0]
    start = _MARGIN_PX + _width(texts[0]) + _TICK_PX
    page = Image.new("RGB", (start + _BAR_WIDTH + _TICK_PX + _width(texts[1]) + _MARGIN_PX, 2 * _LINE_PX), style.paper)
    page.paste(Image.fromarray(bar), (start, (2 * _LINE_PX - _BAR_HEIGHT) // 2))
    pen = ImageDraw.Draw(page)
    pen.rectangle(
        (start - 1, (2 * _LINE_PX - _BAR_HEIGHT) // 2 - 1, start + _BAR_WIDTH, (2 * _LINE_PX + _BAR_HEIGHT) // 2),
        outline=style.ink,
    )
    for left, text in zip((_MARGIN_PX, start + _BAR_WIDTH + _TICK_PX), texts, strict=True):
        pen.text((left, _LINE_PX), text, style.ink, _FONT, anchor="lm")
    return np.asarray(page)


def stacked(pictures: Sequence[Pixels], style: Style = LIGHT) -> Pixels:
    """Pictures (height, width, 3) of any sizes, one below the other."""
    size = (max(part.shape[1] for part in pictures), sum(part.shape[0] for part in pictures))
    page, top = Image.new("RGB", size, style.paper), 0
    for part in pictures:
        page.paste(Image.fromarray(np.ascontiguousarray(part)), (0, top))
        top += part.shape[0]
    return np.asarray(page)


def _draw_left(pen: ImageDraw.ImageDraw, axis: Axis, corner: tuple[int, int], lines: int, style: Style) -> None:
    pen.text((_MARGIN_PX, _MARGIN_PX + lines * _LINE_PX), axis.label, style.ink, _FONT)
    for place, text in axis.ticks:
        row = corner[1] + place
        pen.line((corner[0] - _TICK_PX, row, corner[0] - 1, row), style.ink)
        pen.text((corner[0] - _TICK_PX - 2, row), text, style.ink, _FONT, anchor="rm")


def _draw_below(pen: ImageDraw.ImageDraw, axis: Axis, corner: tuple[int, int], width: int, style: Style) -> None:
    for place, text in axis.ticks:
        column = corner[0] + place
        pen.line((column, corner[1], column, corner[1] + _TICK_PX), style.ink)
        pen.text((column, corner[1] + _TICK_PX), text, style.ink, _FONT, anchor="ma")
    under = corner[1] + _TICK_PX + (_LINE_PX if axis.ticks else 0)
    pen.text((corner[0] + width // 2, under), axis.label, style.ink, _FONT, anchor="ma")


def _width(text: str) -> int:
    return round(_FONT.getlength(text))
