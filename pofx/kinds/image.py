"""Encoded images to arrays and back. The header is checked before any pixel is decoded."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pofx import bundle
from pofx.errors import TooLarge
from pofx.kinds.place import Place
from pofx.rules.pictures import Pixels, Turn, is_deep, pixels_shown, size_as_shown, turn_of

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
FORMATS_ON_DISK = (*FORMATS, "TIFF")
_MASK_FORMATS = ("PNG", "BMP", "GIF")  # others lose something, and black does not stay black
_MAX_MEGAPIXELS = 89  # a little below where Pillow warns


@dataclass
class Allowance:
    """How large pictures of another size may be before they are resized: a single one, and ``left`` of all together."""

    formats: tuple[str, ...]
    each_megapixels: float
    left_megapixels: float

    def take(self, pixels: int, place: Place) -> None:
        """Counts a picture that is to be decoded; raises TooLarge."""
        megapixels = pixels / 1e6
        for most, whose in ((self.each_megapixels, "at most"), (self.left_megapixels, "all together at most")):
            if megapixels > most:
                raise place.too_large(f"{megapixels:.3g} megapixels to resize, {whose} {most:.3g}; resize it before")
        self.left_megapixels -= megapixels


def sent() -> Allowance:
    """That of a request."""
    return Allowance(FORMATS, 25, 100)


def own() -> Allowance:
    """That of files of one's own, which are trusted."""
    return Allowance(FORMATS_ON_DISK, _MAX_MEGAPIXELS, float("inf"))


def decode_image(
    content: bytes, spec: bundle.ImageSpec, place: Place, allowance: Allowance | None = None
) -> tuple[Pixels, str | None]:
    """Pixels of shape (height, width, channels), of the first frame as it is shown, and a note of what was changed.

    Where training resized pictures, one of another size is resized in the same way.
    """
    mode, allowance = "L" if spec.channels == 1 else "RGB", allowance or sent()
    with _opened(content, spec, place, allowance.formats) as image:
        turn = turn_of(image)
        if spec.other_sizes == "refused":
            _check_size(image, turn, spec, place)
        elif size_as_shown(image, turn) != (spec.width, spec.height):
            allowance.take(image.width * image.height, place)
        _check_depth(image, content, place)
        pixels = _pixels(image, turn, mode, (spec.width, spec.height), place)
        note = _note(image, turn, mode, spec)
    return pixels, note


def decode_mask(content: bytes, spec: bundle.ImageSpec, place: Place) -> Pixels:
    """1 where the picture is not black, else 0, shape (height, width)."""
    with _opened(content, spec, place, _MASK_FORMATS) as image:
        turn = turn_of(image)
        _check_size(image, turn, spec, place)
        _check_depth(image, content, place)
        if image.has_transparency_data:
            raise place.refusal("expected black and white without transparency; white pixels are known")
        pixels = _pixels(image, turn, "RGB", None, place)
    return np.asarray(pixels.any(axis=2), np.uint8)


def _check_size(image: Image.Image, turn: Turn, spec: bundle.ImageSpec, place: Place) -> None:
    """Refuses by the header alone what has another size."""
    width, height = size_as_shown(image, turn)
    if (width, height) != (spec.width, spec.height):
        raise place.refusal(
            f"expected an image of {spec.width}x{spec.height} pixels, got {width}x{height}; resize it",
            expected=[spec.width, spec.height],
            got=[width, height],
        )


def _check_depth(image: Image.Image, content: bytes, place: Place) -> None:
    """Refuses by the header alone more than 8 bits per channel."""
    if is_deep(image, content):
        raise place.refusal("expected 8 bits per channel, got 16; convert it first")


def _note(image: Image.Image, turn: Turn, mode: str, spec: bundle.ImageSpec) -> str | None:
    changes = [] if image.mode == mode else [f"colours converted from {image.mode} to {mode}"]
    if image.has_transparency_data:
        changes.append("transparent parts made black")
    if turn is not None:
        changes.append("turned upright as its EXIF data say")
    if _is_animated(image):
        changes.append("only the first of several frames used")
    width, height = size_as_shown(image, turn)
    if (width, height) != (spec.width, spec.height):
        changes.append(f"resized from {width}x{height} to {spec.width}x{spec.height} as in training")
    return ", ".join(changes) or None


def _is_animated(image: Image.Image) -> bool:
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # what comes after the first frame is damaged, and is not used
        return True


def encode_png(pixels: Pixels) -> bytes:
    """A PNG of pixels of shape (height, width, 1 or 3)."""
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)  # level 1: a fifth of the time of level 6 for a tenth more bytes
    return buffer.getvalue()


def _opened(content: bytes, spec: bundle.ImageSpec, place: Place, formats: tuple[str, ...]) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:  # the second where it is an error
        raise _bomb(spec, place) from error
    except Exception as error:  # Pillow raises a dozen types on broken files; all mean the same to the caller
        raise place.refusal(f"not an image of type {', '.join(formats)}") from error
    if image.width * image.height > _MAX_MEGAPIXELS * 1_000_000:
        raise _bomb(spec, place)
    return image


def _bomb(spec: bundle.ImageSpec, place: Place) -> TooLarge:
    most = f"more than {_MAX_MEGAPIXELS} megapixels"
    return place.too_large(f"expected an image of {spec.width}x{spec.height} pixels, got {most}")


def _pixels(image: Image.Image, turn: Turn, mode: str, size: tuple[int, int] | None, place: Place) -> Pixels:
    try:
        return pixels_shown(image, turn, mode, size)
    except Exception as error:  # as above; the size was checked, so this is bounded work
        raise place.refusal("the image is truncated or damaged") from error
