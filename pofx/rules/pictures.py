"""How a picture file becomes pixels: as a viewer shows its first frame, upright and on black, with 8 bits per channel.

A model must see at training what it will be shown later, so both sides read pictures by these rules.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Turn = Image.Transpose | None

_EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
_ORIENTATION = 274  # an EXIF tag; 1 is upright
_BITS_PER_SAMPLE = 258  # a TIFF tag
_PNG_BIT_DEPTH = 24  # its place in the file, in bytes
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {_TURNS[value] for value in (5, 6, 7, 8)}


def turn_of(image: Image.Image) -> Turn:
    """What makes the picture upright, None if it is, or if its header does not say or is damaged there."""
    if (
        "exif" not in image.info
    ):  # Pillow would decode a whole PNG to look behind the pixels, and turns TIFF files itself
        return None
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # viewers show such a picture as it is
        return None


def size_as_shown(image: Image.Image, turn: Turn) -> tuple[int, int]:
    """Width and height after the turn."""
    width, height = image.size
    return (height, width) if turn in _SIDEWAYS else (width, height)


def is_deep(image: Image.Image, content: bytes) -> bool:
    """Whether the header says more than 8 bits per channel; Pillow reduces some of those without a word."""
    if image.format == "PNG" and content[_PNG_BIT_DEPTH] > 8:
        return True
    if image.format == "TIFF" and max(image.tag_v2.get(_BITS_PER_SAMPLE, (8,))) > 8:  # type: ignore[attr-defined]
        return True
    return image.mode not in _EIGHT_BIT_MODES


def shown(image: Image.Image, turn: Turn, mode: str) -> Image.Image:
    """What a viewer shows of the first frame, before black, in grey (L) or colours (RGB); decodes it."""
    seen = _on_black(image) if image.has_transparency_data else image
    seen = seen if seen.mode == mode else seen.convert(mode)
    seen.load()
    return seen if turn is None else seen.transpose(turn)


def pixels_shown(image: Image.Image, turn: Turn, mode: str, size: tuple[int, int] | None = None) -> Pixels:
    """The pixels that a viewer shows, grey (L) or in colours (RGB), shape (height, width, channels).

    Resized to a width and height if they are given, which leaves a picture of that size as it is. Not to be written to.
    """
    picture = shown(image, turn, mode)
    if size not in (None, picture.size):
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return np.frombuffer(picture.tobytes(), np.uint8).reshape(picture.height, picture.width, -1)


def _on_black(image: Image.Image) -> Image.Image:
    """The image in RGB, before a black background."""
    colours = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), colours).convert("RGB")
