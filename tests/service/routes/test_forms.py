"""Whatever form the same items come in, and however their client names or writes it, the answer is the same."""

import base64
import csv
import io
import json
import wave

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

SIDE, RATE_HZ, LENGTH = 6, 400, 40
OCTETS = "application/octet-stream"
NAMES = ("alcohol", "ash", "hue")
GREY = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
ROWS = np.random.default_rng(4).standard_normal((3, 3)).round(2)


def saved(form):
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, form, **({"lossless": True} if form == "WEBP" else {}))
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def parquet():
    buffer = io.BytesIO()
    pq.write_table(pa.table(dict(zip(NAMES, ROWS.T, strict=True))), buffer)
    return buffer.getvalue()


def wav():
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(np.arange(LENGTH, dtype="<i2").tobytes())
    return buffer.getvalue()


CSV = (",".join(NAMES) + "\n" + "".join(f"{a},{b},{c}\n" for a, b, c in ROWS)).encode()
BODIES = {
    "image/png": ("tiny-made", saved("PNG")),
    "image/jpeg": ("tiny-made", saved("JPEG")),
    "image/webp": ("tiny-made", saved("WEBP")),
    "image/bmp": ("tiny-made", saved("BMP")),
    "image/gif": ("tiny-made", saved("GIF")),
    "audio/wav": ("tiny-audio", wav()),
    "application/x-npy": ("tiny-table", npy(ROWS)),
    "application/vnd.apache.parquet": ("tiny-table", parquet()),
    "text/csv": ("tiny-table", CSV),
    "text/plain": ("tiny-text", b"ab\nba\n"),
}
OTHER_NAMES = {
    "image/jpeg": ("image/jpg", "image/pjpeg", "IMAGE/JPEG"),
    "image/png": ("image/x-png",),
    "image/bmp": ("image/x-ms-bmp",),
    "audio/wav": ("audio/x-wav", "audio/wave", "audio/vnd.wave"),
    "application/x-npy": ("application/npy",),
    "application/vnd.apache.parquet": ("application/parquet", "application/x-parquet"),
    "text/csv": (
        "application/csv",
        "application/vnd.ms-excel",
        "text/x-csv",
        "text/comma-separated-values",
        "text/csv; charset=utf-8",
    ),
}
ENDINGS = {"text/csv": ".CSV", "application/x-npy": ".npy", "application/vnd.apache.parquet": ".parquet"}
TOLD = [kind for kind in BODIES if not kind.startswith("text/")]


def sent(client, model, content, kind):
    return client.post(f"/score?model={model}", content=content, headers={"content-type": kind})


def uploaded(client, model, *files):
    return client.post(f"/score?model={model}", files=[("files", file) for file in files])


def results(answer):
    """The results, whatever the files are called."""
    assert answer.status_code == 200, answer.text
    return [{key: value for key, value in result.items() if key != "file"} for result in answer.json()["results"]]


def expected(client, kind):
    model, content = BODIES[kind]
    return results(sent(client, model, content, kind))


@pytest.mark.parametrize(("kind", "other"), [(kind, other) for kind, names in OTHER_NAMES.items() for other in names])
def test_a_media_type_by_another_name_is_read_alike(client, kind, other):
    assert results(sent(client, *BODIES[kind], other)) == expected(client, kind)


@pytest.mark.parametrize("kind", TOLD)
def test_octets_are_what_their_first_bytes_tell(client, kind):
    assert results(sent(client, *BODIES[kind], OCTETS)) == expected(client, kind)


@pytest.mark.parametrize("content", [CSV, b"x", b"BM is no picture", b"RIFF1234AVI "])
def test_octets_that_tell_nothing_are_refused_with_what_could_be_told(client, content):
    answer = sent(client, "tiny-table", content, OCTETS)
    assert answer.status_code == 415
    assert all(kind in answer.json()["detail"] for kind in (*TOLD, "text/csv for a table"))


@pytest.mark.parametrize("kind", BODIES)
def test_an_upload_is_read_as_the_body_alone_by_its_media_type(client, kind):
    model, content = BODIES[kind]
    assert results(uploaded(client, model, ("file", content, kind))) == expected(client, kind)


@pytest.mark.parametrize("kind", TOLD)
def test_an_upload_without_a_media_type_is_told_by_its_first_bytes(client, kind):
    model, content = BODIES[kind]
    assert results(uploaded(client, model, ("file", content, OCTETS))) == expected(client, kind)


@pytest.mark.parametrize("kind", ENDINGS)
def test_an_upload_of_a_vague_media_type_is_told_by_its_name(client, kind):
    model, content = BODIES[kind]
    for vague in (OCTETS, "text/plain"):
        assert results(uploaded(client, model, (f"data{ENDINGS[kind]}", content, vague))) == expected(client, kind)


@pytest.mark.parametrize("kind", ENDINGS)
def test_several_uploads_with_a_table_among_them_are_refused_in_words(client, kind):
    model, content = BODIES[kind]
    for other in ((f"b{ENDINGS[kind]}", content, kind), ("a.png", saved("PNG"), "image/png")):
        answer = uploaded(client, model, other, (f"data{ENDINGS[kind]}", content, kind))
        assert answer.status_code == 422
        assert "expected one file where it holds many items, got 2 with " in answer.json()["detail"]


def in_lines(text):
    return "\r\n".join(text[first : first + 76] for first in range(0, len(text), 76)) + "\r\n"


PLAIN = {"PNG": saved("PNG"), "GIF": saved("GIF")}
WRITINGS = {
    "in lines": in_lines,
    "with blanks": lambda text: f" {text[:10]} {text[10:]}\t",
    "data URI": lambda text: f"data:image/png;base64,{text}",
    "data URI with parameters": lambda text: f"DATA:image/png;name=a.png;BASE64,{text}",
    "data URI in lines": lambda text: f"data:image/png;base64,{in_lines(text)}",
    "URL-safe": lambda text: text.replace("+", "-").replace("/", "_"),
    "without padding": lambda text: text.rstrip("="),
}


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("form", PLAIN)
def test_base64_is_read_as_people_send_it(client, writing, form):
    text = base64.b64encode(PLAIN[form]).decode()

    def ask(given):
        return client.post("/score", json={"model": "tiny-made", "inputs": [{"image": given}]})

    assert results(ask(WRITINGS[writing](text))) == results(ask(text))


@pytest.mark.parametrize(
    "text", ["%%%", "iVBOR$w0", "AAAAA", "data:image/png,%89PNG", "data:image/png;base64,%%", "가"]
)
def test_what_is_no_base64_is_refused(client, text):
    answer = client.post("/score", json={"model": "tiny-made", "inputs": [{"image": text}]})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("item 0: not base64")


@pytest.mark.parametrize("path", ["/score", "/encode", "/generate"])
def test_a_byte_order_mark_before_json_does_not_count(client, path):
    asked = {"model": "tiny-table"} | ({"n": 1} if path == "/generate" else {"inputs": [{"array": [1, 2, 3]}]})
    body, kind = json.dumps(asked), {"content-type": "application/json"}
    answers = [client.post(path, content=body.encode(coding), headers=kind) for coding in ("utf-8-sig", "utf-8")]
    assert [answer.status_code for answer in answers] == [200, 200]
    refused = client.post(path, content=body.encode("utf-16"), headers=kind)
    assert refused.status_code == 422
    assert refused.json()["detail"] == "the body is text in UTF-16; expected JSON in UTF-8"


# --- names of files -------------------------------------------------------------------------------

CALLED = ("b/정상 1.png", "a,b.png")


def asked(client, path, accept):
    files = [("files", (name, saved("PNG"), "image/png")) for name in CALLED]
    answer = client.post(path, files=files, headers={"accept": accept})
    assert answer.status_code == 200, answer.text
    return answer


def named(answer, accept):
    if accept == "text/csv":
        lines = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        return tuple(line["file"] for line in lines)
    if accept == "application/x-npy":
        return tuple(np.load(io.BytesIO(answer.content), allow_pickle=False)["file"].tolist())
    return tuple(pq.read_table(io.BytesIO(answer.content))["file"].to_pylist())


@pytest.mark.parametrize("accept", ["text/csv", "application/x-npy", "application/vnd.apache.parquet"])
def test_scores_as_a_table_keep_the_names_of_files(client, accept):
    assert named(asked(client, "/score?model=tiny-made", accept), accept) == CALLED


@pytest.mark.parametrize("accept", ["text/csv", "application/vnd.apache.parquet"])
def test_codes_as_a_table_keep_the_names_of_files(client, accept):
    assert named(asked(client, "/encode?model=tiny-vae", accept), accept) == CALLED


def test_json_keeps_the_names_of_files(client):
    scored = asked(client, "/score?model=tiny-made", "application/json").json()
    assert tuple(result["file"] for result in scored["results"]) == CALLED
    assert tuple(asked(client, "/encode?model=tiny-vae", "application/json").json()["files"]) == CALLED


def test_a_refusal_says_what_the_file_is_called(client):
    answer = uploaded(client, "tiny-made", (CALLED[0], saved("PNG")), (CALLED[1], b"no image"))
    assert answer.status_code == 422
    assert (answer.json()["index"], answer.json()["file"]) == (1, CALLED[1])


@pytest.mark.parametrize("kind", BODIES)
def test_items_that_are_no_uploads_have_no_name(client, kind):
    model, content = BODIES[kind]
    assert "file" not in sent(client, model, content, kind).json()["results"][0]


@pytest.mark.parametrize("end", [b"\r", b"\r\n"])
def test_lines_of_a_table_may_end_otherwise(client, end):
    content = CSV.replace(b"\n", end)
    for answer in (
        sent(client, "tiny-table", content, "text/csv"),
        uploaded(client, "tiny-table", ("t.csv", content, OCTETS)),
    ):
        assert results(answer) == expected(client, "text/csv")
