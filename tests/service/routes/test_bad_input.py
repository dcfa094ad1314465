"""Input that is not quite right: every case has its answer, the same for every form of the request, and is documented.

``ANSWERS`` is the table of docs/service.md.
"""

import base64
import io
import struct
import wave
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

SIDE, RATE_HZ, LENGTH = 6, 400, 40
GREY = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
SOUND = np.random.default_rng(4).integers(-3000, 3000, LENGTH).astype(np.int16)
NAMES = ("alcohol", "ash", "hue")
DOCS = Path(__file__).parents[3] / "docs" / "service.md"

ANSWERS = {
    "row: columns in another order": "taken by name",
    "row: a column missing": "422, which one",
    "row: a column the model does not have": "422, which one; with `extra=keep` not read, noted, and back in a table",
    "row: a column named twice": "422 (in JSON the last one counts)",
    "row: no header line, or another separator than the comma": "422",
    "row: a column of CSV without a name, an empty row": "not read, noted; `NA` in a cell makes it a row again",
    "row: names of columns with space around them, or decomposed (NFD)": "read without and composed; noted in CSV",
    "row: CSV in UTF-16 with its mark, or in the charset that the Content-Type names": "decoded",
    "row: CSV in another encoding, an Excel workbook, a title above the header": "422, with the place and what to do",
    "row: a value that is empty, `null`, text or a boolean": "422 with row and column (npy: booleans are 0 and 1); "
    "empty and `null` are missing values where the model [leaves them out](scoring.md#missing-values)",
    "row: a value that is not finite, also in float32": "422 with row and column",
    "row: an array of another shape": "422, expected and got",
    "image: another size, also 1×1": "422, expected and got, from the header alone; where training resized "
    "(`other_sizes` of its `input`), resized alike and noted, up to 25 megapixels each and 100 together",
    "image: over 89 megapixels": "413, from the header alone",
    "image: colour for a grey model, grey for a colour model, palette, CMYK, black and white": "converted, noted",
    "image: transparent parts": "made black, noted",
    "image: turned by its EXIF data": "turned upright, noted",
    "image: animated": "first frame, noted",
    "image: 16 bits per channel": "422",
    "image: truncated, or none": "422",
    "image: npy of another type than uint8": "422",
    "WAV: 8, 24 or 32 bits": "rounded to 16 bits, noted",
    "WAV: two channels": "averaged, noted",
    "WAV: more channels, floating-point numbers, A-law, mu-law": "422",
    "WAV: another rate": "422, expected and got; nothing is resampled",
    "WAV: too short": "padded with silence, noted",
    "WAV: too long, empty, truncated, or none": "422",
}


# --- rows -----------------------------------------------------------------------------------------


def json_row(**row):
    return {"json": {"model": "tiny-table", "inputs": [{"array": [0, 0, 0]}, {"row": row}]}}


def body(content, kind, query=""):
    content = content.encode() if isinstance(content, str) else content
    return {"path": f"/score?model=tiny-table{query}", "content": content, "headers": {"Content-Type": kind}}


def csv(text, query=""):
    return body(text, "text/csv", query)


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return body(buffer.getvalue(), "application/x-npy")


def parquet(query="", **columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table({name: [1.0, *values] for name, values in columns.items()}), buffer)
    return body(buffer.getvalue(), "application/vnd.apache.parquet", query)


FINE = [1, 2, 0.5]
ORDER, MISSING, EXTRA, TWICE, HEADER, UNNAMED, SPELLED, CODED, TITLE, VALUE, FINITE, SHAPE = [
    what for what in ANSWERS if what.startswith("row")
]
ROWS = [
    (ORDER, json_row(hue=0.5, ash=2, alcohol=1), FINE),
    (ORDER, csv("hue,ash,alcohol\n0,0,0\n0.5,2,1\n"), FINE),
    (ORDER, parquet(hue=[0.5], ash=[2.0], alcohol=[1.0]), FINE),
    (MISSING, json_row(alcohol=1, hue=1), {"missing": ["ash"], "index": 1}),
    (MISSING, csv("alcohol,hue\n1,2\n"), {"missing": ["ash"]}),
    (MISSING, parquet(alcohol=[1.0], hue=[1.0]), {"missing": ["ash"]}),
    (EXTRA, json_row(alcohol=1, ash=2, hue=0.5, id=7), {"unknown": ["id"], "index": 1}),
    (EXTRA, csv("id,alcohol,ash,hue\nx,1,2,0.5\n"), {"unknown": ["id"]}),
    (EXTRA, parquet(alcohol=[1.0], ash=[2.0], hue=[0.5], id=[7]), {"unknown": ["id"]}),
    (EXTRA, csv("id,alcohol,ash,hue\nx,0,0,0\nx,1,2,0.5\n", "&extra=keep"), (FINE, "no such columns: 'id'")),
    (EXTRA, parquet("&extra=keep", alcohol=[1.0], ash=[2.0], hue=[0.5], id=[7]), (FINE, "no such columns: 'id'")),
    (
        EXTRA,
        {"json": json_row(alcohol=1, ash=2, hue=0.5, id=7)["json"] | {"extra": "keep"}},
        (FINE, "no such columns: 'id'"),
    ),
    (TWICE, csv("alcohol,ash,hue,hue\n1,2,3,4\n"), "named twice"),
    (
        TWICE,
        body(
            '{"model":"tiny-table","inputs":[{"row":{"alcohol":9,"ash":2,"hue":0.5,"alcohol":1}}]}', "application/json"
        ),
        FINE,
    ),
    (HEADER, csv("1,2,3\n4,5,6\n"), "expected a header line with the column names, got numbers"),
    (HEADER, csv("alcohol;ash;hue\n1;2;3\n"), "expected columns separated by commas"),
    (UNNAMED, csv(",alcohol,ash,hue\n0,0,0,0\n1,1,2,0.5\n"), (FINE, "since they have no name: columns number 1")),
    (UNNAMED, csv("alcohol,ash,hue,\n0,0,0,\n1,2,0.5,\n"), (FINE, "are empty and have no name: 1 columns")),
    (UNNAMED, csv("alcohol,ash,hue\n0,0,0\n1,2,0.5\n,,\n"), (FINE, "since they are empty: 1 rows")),
    (SPELLED, csv("alcohol, ash, hue\n0, 0, 0\n1, 2, 0.5\n"), (FINE, "without space around them, in composed")),
    (SPELLED, json_row(**{" alcohol": 1, "ash ": 2, "hue": 0.5}), FINE),
    (CODED, body("alcohol,ash,hue\n0,0,0\n1,2,0.5\n".encode("utf-16"), "text/csv"), FINE),
    (CODED, body("alcohol,ash,hue\n0,0,0\n1,2,0.5\n".encode("utf-16-le"), "text/csv; charset=utf-16le"), FINE),
    (
        CODED,
        body("온도,alcohol,ash,hue\n1,0,0,0\n1,1,2,0.5\n".encode("cp949"), 'text/csv; Charset="EUC-KR"', "&extra=keep"),
        (FINE, "no such columns: '온도'"),
    ),
    (TITLE, body("온도,hue\n1,2\n".encode("cp949"), "text/csv"), "not UTF-8 at byte 0, perhaps cp949"),
    (TITLE, body("온도,hue\n1,2\n", "text/csv; charset=ascii"), {"missing": ["alcohol", "ash"]}),
    (TITLE, body("온도,hue\n1,2\n", "text/csv; charset=utf-16"), "not utf-16 as its Content-Type says"),
    (TITLE, body(b"PK\x03\x04\n\n", "text/csv"), "an Excel workbook"),
    (TITLE, csv("Report\nalcohol,ash,hue\n1,2,3\n"), "line 1 has 1 name, line 2 has 3 values: is line 1 a title?"),
    (VALUE, json_row(alcohol=1, ash=None, hue=1), "/inputs/1/row/ash"),
    (VALUE, json_row(alcohol=1, ash="2", hue=1), "/inputs/1/row/ash"),
    (VALUE, json_row(alcohol=1, ash=True, hue=1), "/inputs/1/row/ash"),
    *(
        (VALUE, csv(f"alcohol,ash,hue\n1,2,3\n1,{value},3\n"), {"index": 1, "column": "ash"})
        for value in ("", "n/a", "true", "null", "1_000")
    ),
    (VALUE, parquet(alcohol=[1.0], ash=[None], hue=[1.0]), {"index": 1, "column": "ash"}),
    (VALUE, npy(np.array([[False] * 3, [True, True, False]])), [1, 1, 0]),
    *(
        (FINITE, csv(f"alcohol,ash,hue\n1,2,3\n1,{value},3\n"), {"index": 1, "column": "ash"})
        for value in ("nan", "-inf", "1e39", "1e999")
    ),
    *(
        (FINITE, parquet(alcohol=[1.0], ash=[value], hue=[1.0]), {"index": 1, "column": "ash"})
        for value in (np.nan, -np.inf, 1e39)
    ),
    *(
        (FINITE, npy(np.array([[1, 2, 3], [1, value, 3]])), {"index": 1, "column": "ash"})
        for value in (np.nan, -np.inf, 1e39)
    ),
    (FINITE, json_row(alcohol=1, ash=1e39, hue=1), {"index": 1, "column": "ash"}),
    (SHAPE, npy(np.zeros((2, 4))), {"expected": ["n", 3], "got": [2, 4]}),
    (SHAPE, npy(np.zeros(3)), {"expected": ["n", 3], "got": [3]}),
    (SHAPE, {"json": {"model": "tiny-table", "inputs": [{"array": [0] * 3}, {"array": [0] * 4}]}}, {"index": 1}),
]


@pytest.mark.parametrize(("what", "request_", "expected"), ROWS)
def test_rows(client, what, request_, expected):
    answer = client.post(**{"path": "/score", **request_})
    if isinstance(expected, list | tuple):
        values, *notes = expected if isinstance(expected, tuple) else (expected,)
        assert answer.status_code == 200, answer.text
        assert answer.json()["results"][-1]["log_prob"] == pytest.approx(-np.square(values).sum() / 2)
        assert len(answer.json()["notes"]) == len(notes)
        assert all(note in answer.text for note in notes)
        return
    assert answer.status_code == 422, answer.text
    if isinstance(expected, str):
        assert expected in answer.text
        return
    assert answer.json() | expected == answer.json()
    assert all(str(name) in answer.json()["detail"] for key, name in expected.items() if key == "column")


# --- files: images and recordings -----------------------------------------------------------------


def saved(picture, form="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def picture(mode="L", size=(SIDE, SIDE)):
    return Image.fromarray(GREY).convert(mode).resize(size)


def png_of_zeros(width, height, bits=8):
    """A valid PNG, small whatever its size; written by hand, because an encoder would hold all pixels."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer, row = zlib.compressobj(), bytes(1 + width * bits // 8)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def transparent(mode):
    image = picture().convert(mode)
    image.putalpha(Image.fromarray(np.where(np.arange(SIDE) < 3, 255, 0).astype(np.uint8)[np.newaxis].repeat(SIDE, 0)))
    return image


def palette():
    image = picture("P")
    image.info["transparency"] = bytes([0] * 256)
    return image


def turned(**options):
    exif = Image.Exif()
    exif[274] = 6  # to be shown a quarter turn to the right
    return saved(Image.fromarray(np.rot90(GREY)), exif=exif, **options)


def as_read(content):
    """The pixels of a lossy or palette file as any program reads them."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"))


def animated(form, **options):
    return saved(picture(), form, save_all=True, append_images=[Image.new("L", (SIDE, SIDE), 255)], **options)


CMYK = saved(picture("CMYK"), "JPEG", quality=100)
GIF, WEBP, APNG = animated("GIF"), animated("WEBP", lossless=True), animated("PNG")
SIZE, HUGE, MODE, ALPHA, EXIF, FRAMES, DEEP, BROKEN, TYPE = [what for what in ANSWERS if what.startswith("image")]
HALF = np.where(np.arange(SIDE) < 3, GREY, 0)
IMAGES = [
    (SIZE, saved(picture(size=(7, 5))), (422, "expected an image of 6x6 pixels, got 7x5")),
    (SIZE, saved(picture(size=(1, 1))), (422, "expected an image of 6x6 pixels, got 1x1")),
    (SIZE, png_of_zeros(5000, 4000)[:200], (422, "expected an image of 6x6 pixels, got 5000x4000")),
    (HUGE, png_of_zeros(10_000, 10_000), (413, "expected an image of 6x6 pixels, got more than 89 megapixels")),
    (HUGE, png_of_zeros(8, 8)[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + bytes(20), (422, "not an image")),
    *((MODE, saved(picture(mode)), (GREY, f"colours converted from {mode} to L")) for mode in ("RGB", "RGBA", "LA")),
    (MODE, saved(picture("1")), (as_read(saved(picture("1"))), "colours converted from 1 to L")),
    (MODE, saved(picture("P")), (as_read(saved(picture("P"))), "colours converted from P to L")),
    (MODE, CMYK, (as_read(CMYK), "colours converted from CMYK to L")),
    *((ALPHA, saved(transparent(mode)), (HALF, "transparent parts made black")) for mode in ("LA", "RGBA")),
    (ALPHA, saved(palette()), (np.zeros_like(GREY), "transparent parts made black")),
    (EXIF, turned(), (GREY, "turned upright")),
    (FRAMES, GIF, (as_read(GIF), "only the first of several frames used")),
    (FRAMES, WEBP, (GREY, "only the first of several frames used")),
    (FRAMES, APNG, (GREY, "only the first of several frames used")),
    (DEEP, png_of_zeros(SIDE, SIDE, bits=16), (422, "expected 8 bits per channel, got 16; convert it first")),
    (DEEP, saved(Image.new("I;16", (SIDE, SIDE))), (422, "expected 8 bits per channel, got 16; convert it first")),
    (BROKEN, saved(picture())[:60], (422, "truncated or damaged")),
    (BROKEN, saved(picture(), "JPEG")[:-30], (422, "truncated or damaged")),
    (BROKEN, saved(picture(), "JPEG")[:150], (422, "")),
    (BROKEN, b"no image", (422, "not an image of type PNG, JPEG, WEBP, BMP, GIF")),
    (BROKEN, saved(picture(), "TIFF"), (422, "not an image of type PNG, JPEG, WEBP, BMP, GIF")),
]


def wav(samples, bits=16, channels=1, rate_hz=RATE_HZ):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((channels, bits // 8, rate_hz, 0, "NONE", ""))
        wide = np.asarray(samples, np.int64) * 2 ** (bits - 16) if bits > 8 else np.asarray(samples) // 256 + 128
        file.writeframes(
            b"".join(int(value).to_bytes(bits // 8, "little", signed=bits > 8) for value in np.ravel(wide))
        )
    return buffer.getvalue()


def coded(coding):
    """Another coding in the header of a good file."""
    content = wav(SOUND)
    return content[:20] + struct.pack("<H", coding) + content[22:]


WIDTH, STEREO, CODING, RATE, SHORT, LONG = [what for what in ANSWERS if what.startswith("WAV")]
SOUNDS = [
    (WIDTH, wav(SOUND, 8), (SOUND // 256 * 256, "converted from 8 to 16 bits")),
    (WIDTH, wav(SOUND, 24), (SOUND, "converted from 24 to 16 bits")),
    (WIDTH, wav(SOUND, 32), (SOUND, "converted from 32 to 16 bits")),
    (STEREO, wav(np.stack([SOUND + 100, SOUND - 100], 1), channels=2), (SOUND, "two channels mixed into one")),
    (CODING, wav(np.zeros(30), channels=6), (422, "in one or two channels, got 16 in 6")),
    (CODING, coded(3), (422, "expected PCM samples, got floating-point numbers; convert it first")),
    (CODING, coded(6), (422, "got A-law")),
    (CODING, coded(7), (422, "got mu-law")),
    (RATE, wav(SOUND, rate_hz=44_100), (422, "expected 400 samples per second, the header of the file says 44100")),
    (SHORT, wav(SOUND[:30]), (np.pad(SOUND[:30], (0, 10)), "padded with silence to 40 samples (0.1 s)")),
    (LONG, wav(np.zeros(41)), (422, "expected at most 40 samples (0.1 s), got 41 samples (0.1025 s)")),
    (LONG, wav([]), (422, "the recording is empty")),
    (LONG, wav(SOUND)[:-1], (422, "truncated")),
    (LONG, b"RIFF", (422, "not a WAV file")),
]
CASES = [(*case, "tiny-made", "image") for case in IMAGES] + [(*case, "tiny-audio", "audio") for case in SOUNDS]
GOOD = {"tiny-made": saved(picture()), "tiny-audio": wav(SOUND)}


def every_way(client, model, kind, content):
    """The answers to the same file as one of two in JSON, alone as a body, and as one of two uploads."""
    both = [base64.b64encode(file).decode() for file in (GOOD[model], content)]
    yield 1, client.post("/score", json={"model": model, "inputs": [{kind: text} for text in both]})
    media = {"image": "image/png", "audio": "audio/wav"}[kind]
    yield 0, client.post(f"/score?model={model}", content=content, headers={"Content-Type": media})
    files = [("files", ("x", file)) for file in (GOOD[model], content)]
    yield 1, client.post(f"/score?model={model}", files=files)


@pytest.mark.parametrize(("what", "content", "expected", "model", "kind"), CASES)
def test_files(client, what, content, expected, model, kind):
    first, words = expected
    for index, answer in every_way(client, model, kind, content):
        if isinstance(first, int):
            assert answer.status_code == first, answer.text
            assert answer.json()["index"] == index
            assert words in answer.json()["detail"]
            assert answer.json()["detail"].startswith(f"item {index}: ")
            continue
        assert answer.status_code == 200, answer.text
        clean = client.post("/score", json={"model": model, "inputs": [{"array": np.asarray(first).tolist()}]}).json()
        (result,) = clean["results"]
        assert answer.json()["results"][-1] in (result, {**result, "file": "x"})
        assert clean["notes"] == []
        (note,) = answer.json()["notes"]
        assert words in note


@pytest.mark.parametrize("dtype", ["f4", "i8", "u2", "?"])
def test_pixels_have_one_type(client, dtype):
    request = npy(np.zeros((1, SIDE, SIDE), dtype))
    answer = client.post(**{**request, "path": "/score?model=tiny-made"})
    assert answer.status_code == 422
    assert "expected pixels of type uint8, got " in answer.json()["detail"]


def test_notes_of_an_answer_that_is_no_json_are_in_a_header(client):
    headers = {"Content-Type": "image/png", "Accept": "text/csv"}
    answer = client.post("/score?model=tiny-made", content=saved(picture("RGB")), headers=headers)
    assert answer.headers["x-notes"] == '["colours converted from RGB to L"]'
    answer = client.post("/score?model=tiny-made", content=saved(picture()), headers=headers)
    assert "x-notes" not in answer.headers


def test_every_case_is_tried_and_documented():
    assert {what for what, *_ in ROWS + CASES} | {TYPE} == set(ANSWERS)
    table = DOCS.read_text(encoding="utf-8").partition("<!-- bad input -->\n")[2].partition("<!-- end -->")[0]
    rows = "".join(f"| {what} | {answer} |\n" for what, answer in ANSWERS.items())
    assert table == f"| what comes | what is done |\n|---|---|\n{rows}"
