"""Pixels of a picture file, read by the rules by which the service reads what it is sent.

A model must see at training what it will be shown later: transparent parts on black, turned upright as EXIF data say,
the first of several frames, and never more than 8 bits per channel. The service and training know nothing of each
other, so the rules are written down twice, and a contract test feeds the same files to both.
"""

import io
import warnings
from typing import Literal

import numpy as np
from PIL import Image

from training.errors import DataError

_ORIENTATION = 274  # an EXIF tag; 1 is upright
_BITS_PER_SAMPLE = 258  # a TIFF tag
_PNG_BIT_DEPTH = 24  # its place in the file, in bytes
_EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_picture(name: str, data: bytes, mode: Literal["L", "RGB"], size: int | None = None) -> np.ndarray:
    """uint8 (height, width, channels), resized to a square of that side if one is given; DataError if unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                deep = _is_deep(image, data)
                shown = None if deep else _shown(image, mode)
    except Exception as error:  # Pillow raises a dozen types on broken files; all mean the same
        raise DataError(f"{name}: not a readable image; remove it, or convert it to PNG") from error
    if shown is None:
        raise DataError(f"{name}: expected 8 bits per channel, got more; convert it first")
    if size is not None:
        shown = shown.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(shown, np.uint8).reshape(shown.height, shown.width, -1)


def _is_deep(image: Image.Image, data: bytes) -> bool:
    """Whether there are more than 8 bits per channel; Pillow reduces some of those without a word."""
    if image.format == "PNG" and data[_PNG_BIT_DEPTH] > 8:
        return True
    if image.format == "TIFF" and max(image.tag_v2.get(_BITS_PER_SAMPLE, (8,))) > 8:
        return True
    return image.mode not in _EIGHT_BIT_MODES


def _shown(image: Image.Image, mode: str) -> Image.Image:
    """What a viewer shows of the first frame, before black."""
    turn = _turn(image)
    picture = _on_black(image) if image.has_transparency_data else image
    picture = picture.convert(mode)
    return picture if turn is None else picture.transpose(turn)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What makes the picture upright, None if it is, or if its header does not say or is damaged there."""
    if "exif" not in image.info:  # Pillow turns TIFF files itself
        return None
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # viewers show such a picture as it is
        return None


def _on_black(image: Image.Image) -> Image.Image:
    """The image in RGB, before a black background."""
    colours = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), colours).convert("RGB")
