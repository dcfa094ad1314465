"""A picture file has the same pixels at training and at the service, bit for bit, or neither takes it."""

import io
import itertools
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pofx
from pofx import bundle
from pofx.errors import RequestInvalid, TooLarge
from pofx.kinds import files
from pofx.kinds.image import decode_image, sent
from pofx.kinds.place import item
from training.data import images
from training.errors import DataError
from training.fit import Hardware, fit
from training.prepare import prepare
from training.recipe import parse
from training.run import Run
from training.stages import published

HEIGHT, WIDTH = 6, 5
ALPHA = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
ORIENTATION = 274


def _pixels(channels: int) -> np.ndarray:
    return np.random.default_rng(channels).integers(0, 256, (HEIGHT, WIDTH, channels)).astype(np.uint8)


def _saved(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def _grey() -> Image.Image:
    return Image.fromarray(_pixels(1)[..., 0])


def _colour() -> Image.Image:
    return Image.fromarray(_pixels(3))


def _with_alpha(picture: Image.Image) -> Image.Image:
    picture = picture.copy()
    picture.putalpha(Image.fromarray(ALPHA))
    return picture


def _turned(orientation: int, form: str) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = _colour() if orientation < 5 else _colour().transpose(Image.Transpose.ROTATE_90)
    return _saved(stored, form, exif=exif, **({"lossless": True} if form == "WEBP" else {}))


def _frames(form: str) -> bytes:
    other = Image.fromarray(255 - _pixels(3))
    return _saved(
        _colour(), form, save_all=True, append_images=[other], **({"lossless": True} if form != "GIF" else {})
    )


FILES = {
    "grey.png": _saved(_grey()),
    "colour.png": _saved(_colour()),
    "black-and-white.png": _saved(_grey().convert("1")),
    "palette.png": _saved(_colour().quantize(8)),
    "palette-with-one-transparent.png": _saved(_colour().quantize(8), transparency=3),
    "palette-with-alphas.png": _saved(_colour().quantize(8), transparency=bytes(range(0, 256, 32))),
    "grey-with-alpha.png": _saved(_with_alpha(_grey())),
    "colour-with-alpha.png": _saved(_with_alpha(_colour())),
    "one-grey-transparent.png": _saved(_grey(), transparency=int(_pixels(1)[0, 0, 0])),
    "one-colour-transparent.png": _saved(_colour(), transparency=tuple(map(int, _pixels(3)[0, 0]))),
    "colour.jpg": _saved(_colour(), "JPEG"),
    "grey.jpeg": _saved(_grey(), "JPEG"),
    "four-inks.jpg": _saved(_colour().convert("CMYK"), "JPEG"),
    "colour.bmp": _saved(_colour(), "BMP"),
    "palette.gif": _saved(_colour().quantize(8), "GIF"),
    "transparent.gif": _saved(_colour().quantize(8), "GIF", transparency=2),
    "moving.gif": _frames("GIF"),
    "moving.webp": _frames("WEBP"),
    "alpha.webp": _saved(_with_alpha(_colour()), "WEBP", lossless=True, exact=True),
    "damaged-exif.png": _saved(_colour(), exif=b"Exif\0\0MM\0*garbage"),
    **{f"turned-{way}.png": _turned(way, "PNG") for way in range(1, 9)},
    **{f"turned-{way}.jpg": _turned(way, "JPEG") for way in range(1, 9)},
    **{f"turned-{way}.webp": _turned(way, "WEBP") for way in range(1, 9)},
}


def _deep_png(colour_type: int, channels: int) -> bytes:
    """16 bits per channel, which Pillow does not write in colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, colour_type, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(WIDTH * channels * 2)) * HEIGHT)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


REFUSED = {
    **{f"deep-{kind}.png": _deep_png(kind, channels) for kind, channels in ((0, 1), (2, 3), (4, 2), (6, 4))},
    "cut.png": FILES["colour.png"][:60],
    "cut.jpg": FILES["colour.jpg"][:100],
    "cut.webp": FILES["alpha.webp"][:40],
    "text.png": b"hello",
    "empty.gif": b"",
}


def _at_training(folder: Path, name: str, data: bytes, mode: str) -> np.ndarray:
    (folder / name).write_bytes(data)
    return images.load(folder, mode, None, None).x[0]


@pytest.mark.parametrize(("name", "mode"), itertools.product(FILES, ["grey", "rgb", "auto"]))
def test_training_and_service_read_the_same_pixels(name, mode, tmp_path):
    seen = _at_training(tmp_path, name, FILES[name], mode)
    spec = bundle.ImageSpec(height=HEIGHT, width=WIDTH, channels=seen.shape[2])
    served, _ = decode_image(FILES[name], spec, item(0))
    assert seen.dtype == served.dtype == np.uint8
    assert np.array_equal(seen, served)
    assert np.array_equal(seen, files.read(tmp_path, spec).array[0])


@pytest.mark.parametrize("mode", ["grey", "rgb", "auto"])
@pytest.mark.parametrize("size", [4, 9])
def test_what_training_resized_is_resized_alike_later(size, mode, tmp_path):
    for number, (name, content) in enumerate(FILES.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / name).write_bytes(content)
        seen = images.load(folder, mode, size, None)
        spec = bundle.ImageSpec(height=size, width=size, channels=seen.x.shape[3], other_sizes="lanczos")
        served, note = decode_image(content, spec, item(0))
        assert seen.resized
        assert np.array_equal(seen.x[0], served), name
        assert f"resized from {WIDTH}x{HEIGHT} to {size}x{size} as in training" in (note or "")
        own = files.read(folder, spec)
        assert np.array_equal(seen.x, own.array), name
        as_it_is = Image.fromarray(served if served.shape[2] == 3 else served[..., 0])
        again, unsaid = decode_image(_saved(as_it_is), spec, item(0))
        assert np.array_equal(again, served)
        assert unsaid is None


def test_what_is_resized_for_a_request_is_bounded_before_it_is_decoded():
    spec, allowance = bundle.ImageSpec(height=4, width=4, channels=1, other_sizes="lanczos"), sent()
    large = _saved(Image.new("1", (6000, 5000)))[:100]  # hardly any pixels are there
    with pytest.raises(TooLarge, match="30 megapixels to resize, at most 25"):
        decode_image(large, spec, item(0), allowance)
    allowance.left_megapixels = 0.00002
    with pytest.raises(TooLarge, match="all together at most"):
        decode_image(FILES["grey.png"], spec, item(0), allowance)
    with pytest.raises(RequestInvalid, match="expected an image of 4x4 pixels, got 5x6; resize it"):
        decode_image(FILES["grey.png"], spec.model_copy(update={"other_sizes": "refused"}), item(0))


@pytest.mark.parametrize("name", ["grey.png", "black-and-white.png", "grey-with-alpha.png", "grey.jpeg"])
def test_a_file_without_colours_has_one_channel_unless_told(name, tmp_path):
    assert _at_training(tmp_path, name, FILES[name], "auto").shape == (HEIGHT, WIDTH, 1)


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_service_refuses_is_not_trained_on(name, tmp_path):
    spec = bundle.ImageSpec(height=HEIGHT, width=WIDTH, channels=3)
    with pytest.raises(RequestInvalid):
        decode_image(REFUSED[name], spec, item(0))
    with pytest.raises(DataError, match=name):
        _at_training(tmp_path, name, REFUSED[name], "rgb")


def test_a_tiff_file_of_training_shows_what_the_same_png_shows_at_the_service(tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    stored = _colour().transpose(Image.Transpose.ROTATE_90)
    seen = _at_training(tmp_path, "turned.tiff", _saved(stored, "TIFF", exif=exif), "rgb")
    assert np.array_equal(seen, _pixels(3))
    scored = files.read(tmp_path / "turned.tiff", bundle.ImageSpec(height=HEIGHT, width=WIDTH, channels=3))
    assert np.array_equal(scored.array[0], seen)
    deep = Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint16))
    with pytest.raises(DataError, match="expected 8 bits per channel"):
        _at_training(tmp_path, "a-deep.tiff", _saved(deep, "TIFF"), "grey")


RECIPE = """
name = "resized"
summary = "for tests"
[data]
source = "images"
path = "{path}"
size = 4
[data.split]
calibration = 0.3
[transform]
name = "binarise"
[family]
name = "bernoulli"
"""


def test_a_bundle_says_that_its_training_resized_and_scores_files_so(tmp_path):
    (tmp_path / "pictures").mkdir()
    random = np.random.default_rng(1)
    for place in range(100):
        pixels = random.integers(0, 256, (5 + place % 3, 6)).astype(np.uint8)
        (tmp_path / "pictures" / f"{place:02}.png").write_bytes(_saved(Image.fromarray(pixels)))
    prepared = prepare(parse(RECIPE.format(path=(tmp_path / "pictures").as_posix())))
    run = Run.of(prepared, tmp_path / "runs")
    fitted = fit(prepared, run, Hardware("cpu", "1", quiet=True), resume=False)
    written = published(fitted, bundle.Store(tmp_path / "models"), lambda _: None).bundle
    assert written.manifest.input.other_sizes == "lanczos"
    model = pofx.load(written.manifest.name, store=tmp_path / "models")
    found = model.score(tmp_path / "pictures")
    np.testing.assert_array_equal(found.log_prob, model.score(prepared.dataset.x).log_prob)
    assert found.notes[0].endswith("to 4x4 as in training (34 of 100 items)")
