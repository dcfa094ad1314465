"""A sheet of inputs and their heat maps, with a title and a bar for the colours."""

import math

import numpy as np

from pofx import bundle
from pofx.kinds.framed import DARK, Axis, colour_bar, framed, stacked
from pofx.kinds.sheets import GAP_PIXELS, as_colour, contact_sheet, ends_of, envelope_with_heat, heat_map, strip_of
from pofx.rules.arrays import Array
from pofx.rules.pictures import Pixels
from pofx.use.reasons import per_position
from pofx.use.scores import Explanation

_WHERE = {"image": ("pixel", "right of the image"), "audio": ("moment", "under the recording")}
_HALVES = (0.0, 0.5)  # of a tile, where its axis is marked


def heat_sheet(manifest: bundle.Manifest, items: Array, explanation: Explanation, sound: Array) -> Pixels:
    """Every input beside the map of its surprise, a recording above it; all maps in the same colours.

    What is not ``sound``, shape (n,), stays black: nothing is known of it.
    """
    spec = manifest.input
    if spec.kind == "audio":
        sheet, ends = _recordings(items, explanation.nats, sound)
        below = _axis("seconds", sheet.shape[1], _columns(len(items)), spec.length / spec.rate_hz)
        left = None
    else:
        sheet, ends = _images(items, explanation.nats, sound)
        height, width = items.shape[1:3]
        columns = 2 * _pairs(len(items))
        below = _axis("pixel", sheet.shape[1], columns, width)
        left = _axis("pixel", sheet.shape[0], math.ceil(2 * len(items) / columns), height)
    what, unit = _measure(manifest, explanation)
    title = f"{manifest.reference}\n{what}"
    return stacked([framed(sheet, title, below, left, DARK), colour_bar(*ends, unit, style=DARK)], DARK)


def _images(items: Array, nats: Array, sound: Array) -> tuple[Pixels, tuple[float, float]]:
    """The sheet, and the values at both ends of its colours."""
    maps = np.stack([per_position(surprise) for surprise in nats])
    ends = ends_of(maps[sound])
    maps[~sound] = ends[0]
    coloured = np.stack([heat_map(surprise, ends)[0] for surprise in maps])
    pictures = np.stack([as_colour(items), coloured], axis=1)  # (n, 2, height, width, 3)
    flat = pictures.reshape(-1, *pictures.shape[2:])  # (2n, height, width, 3)
    return contact_sheet(flat, 2 * _pairs(len(items))), ends


def _recordings(items: Array, nats: Array, sound: Array) -> tuple[Pixels, tuple[float, float]]:
    strips = np.stack([strip_of(surprise) for surprise in nats])
    ends = ends_of(strips[sound])
    pairs = zip(items, np.where(sound[:, np.newaxis], nats, ends[0]), strict=True)
    return contact_sheet(np.stack([envelope_with_heat(item, odd, ends)[0] for item, odd in pairs])), ends


def _pairs(count: int) -> int:
    """Images and their maps in a row, so that the sheet is nearly square."""
    return max(1, round(math.sqrt(count) / 1.5))


def _columns(count: int) -> int:
    """Recordings in a row, as on a contact sheet."""
    return math.ceil(math.sqrt(count))


def _axis(label: str, side: int, tiles: int, length: float) -> Axis:
    """Marks at the beginning and in the middle of every tile along a side of a contact sheet, in pixels."""
    step = (side - GAP_PIXELS) / tiles
    places = [
        (tile * step + GAP_PIXELS + share * (step - GAP_PIXELS), share) for tile in range(tiles) for share in _HALVES
    ]
    return Axis(label, [(round(place), f"{share * length:.3g}") for place, share in places])


def _measure(manifest: bundle.Manifest, explanation: Explanation) -> tuple[str, str]:
    """What a map shows, and its unit."""
    of, side = _WHERE[manifest.input.kind]
    if explanation.kind == "dim_log_prob":
        return f"surprise of every {of}, {side}", "nats"
    assert manifest.score is not None  # noqa: S101 - it was explained
    units = {item.name: item.unit for item in manifest.score.statistics}
    return f"reconstruction error of every {of}, {side}", units.get("reconstruction", "nats")
