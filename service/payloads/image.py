"""Encoded images to arrays and back. The header is checked before any pixel is decoded."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import bundle
from service.payloads.place import Place

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
_MASK_FORMATS = ("PNG", "BMP", "GIF")  # others lose something, and black does not stay black
MEDIA_TYPES = tuple(f"image/{name.lower()}" for name in FORMATS)
_EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
_PNG_BIT_DEPTH = 24  # its place in the file, in bytes

Pixels = NDArray[np.uint8]


def decode_image(content: bytes, spec: bundle.ImageSpec, place: Place) -> tuple[Pixels, str | None]:
    """Pixels of shape (height, width, channels), of the first frame, and a note of what was changed or dropped."""
    mode = "L" if spec.channels == 1 else "RGB"
    with _opened(content, place) as image:
        _check(image, content, spec, place)
        pixels = _pixels(image, mode, place)
        note = _note(image, mode)
    return pixels.reshape(spec.shape), note


def decode_mask(content: bytes, spec: bundle.ImageSpec, place: Place) -> Pixels:
    """1 where the picture is not black, else 0, shape (height, width)."""
    with _opened(content, place, _MASK_FORMATS) as image:
        _check(image, content, spec, place)
        if image.has_transparency_data:
            raise place.refusal("expected black and white without transparency; white pixels are known")
        pixels = _pixels(image, "RGB", place)
    return np.asarray(pixels.reshape(spec.height, spec.width, 3).any(axis=2), np.uint8)


def _check(image: Image.Image, content: bytes, spec: bundle.ImageSpec, place: Place) -> None:
    """Refuses by the header alone what has another size, or more than 8 bits per channel."""
    if image.size != (spec.width, spec.height):
        raise place.refusal(
            f"expected an image of {spec.width}x{spec.height} pixels, got {image.size[0]}x{image.size[1]}",
            expected=[spec.width, spec.height],
            got=list(image.size),
        )
    if image.mode not in _EIGHT_BIT_MODES or _is_deep_png(image, content):
        raise place.refusal("expected 8 bits per channel, got 16; convert it first")


def _note(image: Image.Image, mode: str) -> str | None:
    changes = [] if image.mode == mode else [f"colours converted from {image.mode} to {mode}"]
    if image.has_transparency_data:
        changes.append("transparency dropped")
    return ", ".join(changes) or None


def _is_deep_png(image: Image.Image, content: bytes) -> bool:
    """Whether the header says 16 bits per channel; Pillow reduces those of colour images without a word."""
    return image.format == "PNG" and content[_PNG_BIT_DEPTH] == 16


def encode_png(pixels: Pixels) -> bytes:
    """A PNG of pixels of shape (height, width, 1 or 3)."""
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)  # level 1: a fifth of the time of level 6 for a tenth more bytes
    return buffer.getvalue()


def _opened(content: bytes, place: Place, formats: tuple[str, ...] = FORMATS) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise place.too_large("the image has too many pixels") from error
    except Exception as error:  # Pillow raises a dozen types on broken files; all mean the same to the caller
        raise place.refusal(f"not an image of type {', '.join(formats)}") from error


def _pixels(image: Image.Image, mode: str, place: Place) -> Pixels:
    try:
        converted = image if image.mode == mode else image.convert(mode)
        return np.frombuffer(converted.tobytes(), np.uint8)
    except Exception as error:  # as above; the size was checked, so this is bounded work
        raise place.refusal("the image is truncated or damaged") from error
