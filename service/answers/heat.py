"""A sheet of inputs and their heat maps, with a title and a bar for the colours."""

import numpy as np

from pofx import bundle
from pofx.kinds.framed import DARK, colour_bar, framed, stacked
from pofx.kinds.sheets import as_colour, contact_sheet, ends_of, envelope_with_heat, heat_map, strip_of
from pofx.rules.arrays import Array
from pofx.rules.pictures import Pixels
from pofx.use.reasons import per_position
from pofx.use.scores import Explanation


def heat_sheet(manifest: bundle.Manifest, items: Array, explanation: Explanation, sound: Array) -> Pixels:
    """Every input beside the map of its surprise, a recording above it; all maps in the same colours.

    What is not ``sound``, shape (n,), stays black: nothing is known of it.
    """
    spec = manifest.input
    if spec.kind == "audio":
        strips = np.stack([strip_of(surprise) for surprise in explanation.nats])
        ends = ends_of(strips[sound])
        pairs = zip(items, np.where(sound[:, np.newaxis], explanation.nats, ends[0]), strict=True)
        sheet = contact_sheet(np.stack([envelope_with_heat(item, odd, ends)[0] for item, odd in pairs]))
        where = f"under each recording, from 0 to {spec.length / spec.rate_hz:.3g} s"
    else:
        maps = np.stack([per_position(surprise) for surprise in explanation.nats])
        ends = ends_of(maps[sound])
        maps[~sound] = ends[0]
        coloured = np.stack([heat_map(surprise, ends)[0] for surprise in maps])
        pictures = np.stack([as_colour(items), coloured], axis=1)  # (n, 2, height, width, 3)
        columns = 2 * max(1, round(len(maps) ** 0.5 / 1.5))
        sheet = contact_sheet(pictures.reshape(-1, *pictures.shape[2:]), columns)  # of (2n, height, width, 3)
        where = f"right of each image, {maps.shape[2]} x {maps.shape[1]} pixels"
    what, unit = _measure(manifest, explanation)
    title = f"{manifest.reference}\n{what}\n{where}"
    return stacked([framed(sheet, title, style=DARK), colour_bar(*ends, unit, style=DARK)], DARK)


def _measure(manifest: bundle.Manifest, explanation: Explanation) -> tuple[str, str]:
    """What a map shows, and its unit."""
    of = {"image": "pixel", "audio": "moment"}[manifest.input.kind]
    if explanation.kind == "dim_log_prob":
        return f"surprise of every {of}", "nats"
    assert manifest.score is not None  # noqa: S101 - it was explained
    units = {item.name: item.unit for item in manifest.score.statistics}
    return f"reconstruction error of every {of}", units.get("reconstruction", "nats")
