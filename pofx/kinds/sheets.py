"""Pictures of many arrays at once: contact sheets, heat maps of surprise, and the envelopes of recordings."""

import math

import numpy as np
from numpy.typing import NDArray

from pofx.rules.pictures import Pixels

_TILE_PIXELS = 112
_MAX_SHEET_PIXELS = 16_000_000
GAP_PIXELS = 2  # around every tile of a contact sheet
_BACKGROUND = 32
_ENVELOPE_HEIGHT, _ENVELOPE_WIDTH, _STRIP_HEIGHT = 64, 256, 12
_WAVE = 200

Surprise = NDArray[np.floating]


def contact_sheet(images: Pixels, columns: int | None = None) -> Pixels:
    """A near-square grid of images of shape (n, height, width, channels), small ones enlarged pixel by pixel."""
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    factor = _enlargement(rows * columns, height, width)
    tiles = images.repeat(factor, axis=1).repeat(factor, axis=2)
    height, width = height * factor + GAP_PIXELS, width * factor + GAP_PIXELS
    sheet = np.full((rows * height + GAP_PIXELS, columns * width + GAP_PIXELS, channels), _BACKGROUND, np.uint8)
    for place, tile in enumerate(tiles):
        top, left = place // columns * height + GAP_PIXELS, place % columns * width + GAP_PIXELS
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def heat_map(surprise: Surprise, ends: tuple[float, float] | None = None) -> tuple[Pixels, float, float]:
    """Colours of shape (height, width, 3) from black over red and yellow to white, and the values at both ends.

    Those of the map itself, unless others are given, which several maps share.
    """
    low, high = ends_of(surprise) if ends is None else ends
    share = np.nan_to_num((surprise - low) / ((high - low) or 1.0), nan=1.0, posinf=1.0, neginf=0.0)
    colours = np.stack([share * 3, share * 3 - 1, share * 3 - 2], axis=-1)  # (height, width, 3)
    return (colours.clip(0, 1) * 255).round().astype(np.uint8), low, high


def ends_of(surprise: Surprise) -> tuple[float, float]:
    """The least and the largest finite value; 0 where there is none."""
    finite = surprise[np.isfinite(surprise)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def envelopes(recordings: NDArray[np.int16]) -> Pixels:
    """Pictures of recordings (n, length), shape (n, height, width, 1): each column from its least to largest sample."""
    starts = np.arange(_ENVELOPE_WIDTH) * recordings.shape[1] // _ENVELOPE_WIDTH
    low, high = (extreme.reduceat(recordings, starts, axis=1) / 2**15 for extreme in (np.minimum, np.maximum))
    step = 2 / _ENVELOPE_HEIGHT
    rows = 1 - step * (np.arange(_ENVELOPE_HEIGHT)[:, np.newaxis] + 0.5)  # middle of each, from 1 down to -1
    inside = (rows >= low[:, np.newaxis] - step / 2) & (rows <= high[:, np.newaxis] + step / 2)
    return (inside * np.uint8(_WAVE))[..., np.newaxis]


def strip_of(surprise: Surprise) -> Surprise:
    """The mean surprise of every column of an envelope, (1, width)."""
    starts = np.arange(_ENVELOPE_WIDTH) * len(surprise) // _ENVELOPE_WIDTH
    widths = np.maximum(np.diff(starts, append=len(surprise)), 1)
    means: Surprise = np.add.reduceat(surprise, starts)[np.newaxis] / widths
    return means


def envelope_with_heat(
    recording: NDArray[np.int16], surprise: Surprise, ends: tuple[float, float] | None = None
) -> tuple[Pixels, float, float]:
    """The envelope above a strip of mean surprise, (height, width, 3), and the values at both ends of its colours."""
    colours, low, high = heat_map(strip_of(surprise), ends)  # (1, width, 3)
    strip = colours.repeat(_STRIP_HEIGHT, axis=0)
    return np.concatenate([as_colour(envelopes(recording[np.newaxis]))[0], strip]), low, high


def as_colour(images: Pixels) -> Pixels:
    """Images with three channels, shape (n, height, width, 3)."""
    return np.broadcast_to(images, (*images.shape[:3], 3)) if images.shape[3] == 1 else images


def _enlargement(tiles: int, height: int, width: int) -> int:
    affordable = math.isqrt(max(1, _MAX_SHEET_PIXELS // (tiles * height * width)))
    return max(1, min(_TILE_PIXELS // max(height, width), affordable))
