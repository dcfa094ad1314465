"""Pixels of a picture file of any format and size, by the rules by which a model is shown pictures later."""

import io
import warnings
from typing import Literal

import numpy as np
from PIL import Image

from pofx.rules.pictures import is_deep, pixels_shown, turn_of
from training.errors import DataError


def read_picture(name: str, data: bytes, mode: Literal["L", "RGB"], size: int | None = None) -> np.ndarray:
    """uint8 (height, width, channels), resized to a square of that side if one is given; DataError if unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                square = None if size is None else (size, size)
                pixels = None if is_deep(image, data) else pixels_shown(image, turn_of(image), mode, square)
    except Exception as error:  # Pillow raises a dozen types on broken files; all mean the same
        raise DataError(f"{name}: not a readable image; remove it, or convert it to PNG") from error
    if pixels is None:
        raise DataError(f"{name}: expected 8 bits per channel, got more; convert it first")
    return pixels
