"""Images: what is encoded decodes to the same pixels, and everything that is not one is refused by name."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pofx import bundle
from pofx.errors import PofxError, RequestInvalid
from pofx.kinds.image import decode_image, encode_png
from pofx.kinds.place import item

GREY = bundle.ImageSpec(height=6, width=5, channels=1)
COLOUR = bundle.ImageSpec(height=6, width=5, channels=3)


def saved(picture, form="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def encoded(form, mode="L", size=(5, 6), **options):
    return saved(Image.new(mode, size, 7), form, **options)


@pytest.mark.parametrize("spec", [GREY, COLOUR])
def test_png_is_lossless(spec):
    pixels = np.random.default_rng(0).integers(0, 256, spec.shape).astype(np.uint8)
    found, note = decode_image(encode_png(pixels), spec, item(0))
    assert np.array_equal(found, pixels)
    assert note is None


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
def test_every_allowed_format_is_read(form):
    pixels, _ = decode_image(encoded(form), GREY, item(0))
    assert pixels.shape == (6, 5, 1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "1"])
def test_conversions_are_noted(mode):
    _, note = decode_image(encoded("PNG", mode), GREY, item(0))
    assert note is not None
    assert mode in note


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGBA", {}),
        ("LA", {}),
        ("P", {"transparency": 0}),
        ("P", {"transparency": b"\0\1"}),
        ("L", {"transparency": 7}),
        ("RGB", {"transparency": (7, 0, 0)}),
    ],
)
@pytest.mark.parametrize("spec", [GREY, COLOUR])
def test_transparency_is_noted(mode, options, spec):
    _, note = decode_image(encoded("PNG", mode, **options), spec, item(0))
    assert note is not None
    assert note.endswith("transparent parts made black")


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_becomes_black(mode):
    picture = Image.new(mode, (5, 6), 0)
    picture.putpixel((0, 0), (200, 255) if mode == "LA" else (200, 200, 200, 255))
    picture.putpixel((1, 0), (200, 0) if mode == "LA" else (200, 200, 200, 0))  # a hidden colour
    picture.putpixel((2, 0), (200, 51) if mode == "LA" else (200, 200, 200, 51))  # a fifth of it
    for spec in (GREY, COLOUR):
        pixels, _ = decode_image(saved(picture), spec, item(0))
        assert pixels[0, :3].max(axis=-1).tolist() == [200, 0, 40]
        assert pixels[1:].max() == 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_a_picture_is_read_as_it_is_shown(orientation, form):
    upright = np.random.default_rng(1).integers(0, 256, COLOUR.shape).astype(np.uint8)
    back = {1: lambda x: x, 2: np.fliplr, 3: lambda x: np.rot90(x, 2), 4: np.flipud}
    back |= {5: lambda x: np.swapaxes(x, 0, 1), 6: lambda x: np.rot90(x, 1)}
    back |= {7: lambda x: np.swapaxes(x[::-1, ::-1], 0, 1), 8: lambda x: np.rot90(x, -1)}
    exif = Image.Exif()
    exif[274] = orientation
    stored = Image.fromarray(np.ascontiguousarray(back[orientation](upright)))
    pixels, note = decode_image(saved(stored, form, exif=exif, lossless=True), COLOUR, item(0))
    assert np.array_equal(pixels, upright)
    assert note == (None if orientation == 1 else "turned upright as its EXIF data say")


def test_exif_data_that_are_damaged_are_not_looked_at():
    pixels, note = decode_image(encoded("PNG", exif=b"Exif\0\0MM\0*garbage"), GREY, item(0))
    assert (pixels.shape, note) == ((6, 5, 1), None)


def sixteen_bit_png(colour_type, channels):
    """Pillow does not write these in colour."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 5, 6, 16, colour_type, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(5 * channels * 2)) * 6)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_are_never_reduced_in_silence(colour_type, channels):
    with pytest.raises(RequestInvalid, match="expected 8 bits per channel, got 16; convert it first"):
        decode_image(sixteen_bit_png(colour_type, channels), COLOUR, item(0))


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", encoded("TIFF"), encoded("PNG")[:45], encoded("PNG", "I;16"), encoded("JPEG")[:100]],
)
def test_what_cannot_be_used_is_refused_with_its_index(content):
    with pytest.raises(RequestInvalid) as refused:
        decode_image(content, GREY, item(3))
    assert refused.value.extra["index"] == 3


def test_a_wrong_size_is_refused_from_the_header_alone():
    content = encoded("PNG", size=(4000, 4000))[:64]  # no pixel data at all
    with pytest.raises(RequestInvalid) as refused:
        decode_image(content, GREY, item(0))
    assert refused.value.extra["got"] == [4000, 4000]


def test_a_huge_header_is_refused():
    header = bytearray(encoded("BMP"))
    header[18:26] = (30000).to_bytes(4, "little") * 2
    with pytest.raises(PofxError):
        decode_image(bytes(header), GREY, item(0))


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"\xff\xd8\xff", b"RIFF"])
)
def test_no_bytes_raise_anything_but_our_errors(content, magic):
    with pytest.raises(PofxError):
        decode_image(magic + content, GREY, item(0))
