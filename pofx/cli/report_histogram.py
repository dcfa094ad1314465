"""The p-values of a stream as a drawing."""

import numpy as np

from pofx.cli.outcome import Outcome
from pofx.rules.conformal import Floats

_BINS, _WIDTH, _HEIGHT, _LEFT, _BELOW, _ABOVE = 50, 720, 180, 64, 34, 14


def histogram(outcome: Outcome) -> str:
    """SVG with a bar per bin, anomalies in another colour, the level of normal items, and the threshold."""
    values, counts = outcome.tally.p_values, outcome.tally.counts
    anomalous = np.where(values <= outcome.threshold, counts, 0)
    all_bars, bars = _binned(values, counts), _binned(values, anomalous)
    top = max(float(all_bars.max()), outcome.tally.tests / _BINS, 1.0)
    parts = [
        *(_bar(place, height / top, "bar") for place, height in enumerate(all_bars)),
        *(_bar(place, height / top, "odd") for place, height in enumerate(bars)),
        _across(outcome.tally.tests / _BINS / top),
        _upright(outcome.threshold),
        *_axes(top),
    ]
    height = _HEIGHT + _BELOW + _ABOVE
    return (
        f'<svg viewBox="0 0 {_LEFT + _WIDTH + 10} {height}" role="img" '
        f'aria-label="histogram of p-values">{"".join(parts)}</svg>\n'
    )


def _binned(values: Floats, counts: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Floats:
    """The counts in bins of equal width; a p-value belongs to the bin that it ends."""
    places = np.ceil(values * _BINS).astype(np.int64) - 1
    return np.bincount(places.clip(0, _BINS - 1), counts, _BINS).astype(np.float64)


def _bar(place: int, share: float, name: str) -> str:
    width, height = _WIDTH / _BINS, share * _HEIGHT
    if height == 0:
        return ""
    return (
        f'<rect class="{name}" x="{_LEFT + place * width + 1:.1f}" y="{_ABOVE + _HEIGHT - height:.1f}" '
        f'width="{width - 2:.1f}" height="{height:.1f}"/>'
    )


def _across(share: float) -> str:
    y = _ABOVE + _HEIGHT - share * _HEIGHT
    return f'<line class="level" x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _upright(threshold: float) -> str:
    x = _LEFT + threshold * _WIDTH
    return f'<line class="threshold" x1="{x:.1f}" x2="{x:.1f}" y1="{_ABOVE - 8}" y2="{_ABOVE + _HEIGHT}"/>'


def _axes(top: float) -> list[str]:
    floor = _ABOVE + _HEIGHT
    ticks = [
        f'<text x="{_LEFT + share * _WIDTH:.0f}" y="{floor + 18}" text-anchor="middle">{share:g}</text>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    return [
        f'<line class="axis" x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{floor}" y2="{floor}"/>',
        *ticks,
        f'<text x="{_LEFT - 8}" y="{_ABOVE + 10}" text-anchor="end">{top:,.0f}</text>',
        f'<text x="{_LEFT - 8}" y="{floor}" text-anchor="end">0</text>',
    ]
