"""Encoded images to arrays and back. The header is checked before any pixel is decoded."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pofx import bundle
from pofx.kinds.place import Place

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
FORMATS_ON_DISK = (*FORMATS, "TIFF")
_MASK_FORMATS = ("PNG", "BMP", "GIF")  # others lose something, and black does not stay black
MEDIA_TYPES = tuple(f"image/{name.lower()}" for name in FORMATS)
_EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
_ORIENTATION = 274  # an EXIF tag; 1 is upright
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
_MAX_MEGAPIXELS = 89  # a little below where Pillow warns
_PNG_BIT_DEPTH = 24  # its place in the file, in bytes

Pixels = NDArray[np.uint8]
Turn = Image.Transpose | None


def decode_image(
    content: bytes, spec: bundle.ImageSpec, place: Place, formats: tuple[str, ...] = FORMATS
) -> tuple[Pixels, str | None]:
    """Pixels of shape (height, width, channels), of the first frame as it is shown, and a note of what was changed."""
    mode = "L" if spec.channels == 1 else "RGB"
    with _opened(content, spec, place, formats) as image:
        turn = _turn(image)
        _check(image, turn, content, spec, place)
        pixels = _pixels(image, turn, mode, place)
        note = _note(image, turn, mode)
    return pixels.reshape(spec.shape), note


def decode_mask(content: bytes, spec: bundle.ImageSpec, place: Place) -> Pixels:
    """1 where the picture is not black, else 0, shape (height, width)."""
    with _opened(content, spec, place, _MASK_FORMATS) as image:
        turn = _turn(image)
        _check(image, turn, content, spec, place)
        if image.has_transparency_data:
            raise place.refusal("expected black and white without transparency; white pixels are known")
        pixels = _pixels(image, turn, "RGB", place)
    return np.asarray(pixels.reshape(spec.height, spec.width, 3).any(axis=2), np.uint8)


def _check(image: Image.Image, turn: Turn, content: bytes, spec: bundle.ImageSpec, place: Place) -> None:
    """Refuses by the header alone what has another size, or more than 8 bits per channel."""
    width, height = image.size[::-1] if turn in _SIDEWAYS else image.size
    if (width, height) != (spec.width, spec.height):
        raise place.refusal(
            f"expected an image of {spec.width}x{spec.height} pixels, got {width}x{height}; resize it",
            expected=[spec.width, spec.height],
            got=[width, height],
        )
    if image.mode not in _EIGHT_BIT_MODES or _is_deep_png(image, content):
        raise place.refusal("expected 8 bits per channel, got 16; convert it first")


def _note(image: Image.Image, turn: Turn, mode: str) -> str | None:
    changes = [] if image.mode == mode else [f"colours converted from {image.mode} to {mode}"]
    if image.has_transparency_data:
        changes.append("transparent parts made black")
    if turn is not None:
        changes.append("turned upright as its EXIF data say")
    if _is_animated(image):
        changes.append("only the first of several frames used")
    return ", ".join(changes) or None


def _turn(image: Image.Image) -> Turn:
    """What makes the picture upright, None if it is, or if its header does not say or is damaged there."""
    if "exif" not in image.info:  # Pillow would decode a whole PNG to look behind the pixels
        return None
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # viewers show such a picture as it is
        return None


def _is_animated(image: Image.Image) -> bool:
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # what comes after the first frame is damaged, and is not used
        return True


def _is_deep_png(image: Image.Image, content: bytes) -> bool:
    """Whether the header says 16 bits per channel; Pillow reduces those of colour images without a word."""
    return image.format == "PNG" and content[_PNG_BIT_DEPTH] == 16


def encode_png(pixels: Pixels) -> bytes:
    """A PNG of pixels of shape (height, width, 1 or 3)."""
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)  # level 1: a fifth of the time of level 6 for a tenth more bytes
    return buffer.getvalue()


def _opened(content: bytes, spec: bundle.ImageSpec, place: Place, formats: tuple[str, ...] = FORMATS) -> Image.Image:
    too_large = place.too_large(
        f"expected an image of {spec.width}x{spec.height} pixels, got more than {_MAX_MEGAPIXELS} megapixels"
    )
    try:
        image = Image.open(io.BytesIO(content), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:  # the second where it is an error
        raise too_large from error
    except Exception as error:  # Pillow raises a dozen types on broken files; all mean the same to the caller
        raise place.refusal(f"not an image of type {', '.join(formats)}") from error
    if image.width * image.height > _MAX_MEGAPIXELS * 1_000_000:
        raise too_large
    return image


def _pixels(image: Image.Image, turn: Turn, mode: str, place: Place) -> Pixels:
    try:
        shown = _on_black(image) if image.has_transparency_data else image
        shown = shown if shown.mode == mode else shown.convert(mode)
        shown = shown if turn is None else shown.transpose(turn)
        return np.frombuffer(shown.tobytes(), np.uint8)
    except Exception as error:  # as above; the size was checked, so this is bounded work
        raise place.refusal("the image is truncated or damaged") from error


def _on_black(image: Image.Image) -> Image.Image:
    """The image in RGB, before a black background."""
    colours = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), colours).convert("RGB")
