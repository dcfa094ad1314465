"""A refusal names the next step."""

import io

import pytest
from PIL import Image


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("path", "options", "status", "detail"),
    [
        (
            "/score?model=tiny-made",
            {"content": b"\x89PNG"},
            415,
            "no Content-Type; expected one of application/json",
        ),
        ("/score", {"content": b""}, 422, "the body is empty; expected a JSON object"),
        ("/generate", {"content": b""}, 422, "the body is empty"),
        *(
            ("/score?model=tiny-made", {"content": b"", "headers": {"content-type": kind}}, 422, f"expected {kind}")
            for kind in ("image/png", "text/csv", "application/x-npy")
        ),
        ("/score?model=tiny-made", {"files": {"files": (None, "x")}}, 422, "got text; with curl: -F files=@"),
        ("/generate", {"json": {"model_name": "tiny-made"}}, 422, "one of the fields model, n, seed"),
        ("/score?model=tiny-made", {"files": {"image": b"x"}}, 422, "in the field 'files', got the fields: image"),
        (
            "/score",
            {"files": {"files": b"x"}, "data": {"model": "tiny-made"}},
            422,
            "expected only the field 'files', got also model; options go into the query string, as in ?model=…",
        ),
        ("/score", {"files": {"files": b"x", "more": b"x"}}, 422, "expected only the field 'files', got also more"),
        ("/generate", {"json": {"model": "tiny-made", "temprature": 1}}, 422, "did you mean 'temperature'?"),
        (
            "/generate",
            {"json": {"model": "tiny-made", "count": 1}},
            422,
            "this model takes: temperature, model, n, seed, condition, latents, mean, format",
        ),
        (
            "/score?model=tiny-table",
            {"content": b"alcohol;ash;hue\n1;2;3\n", "headers": {"content-type": "text/csv"}},
            422,
            "expected columns separated by commas",
        ),
        ("/no/such/path", {"json": {}}, 404, "see /docs"),
        ("/models", {"json": {}}, 405, "this path takes GET"),
    ],
)
def test_a_refusal_says_what_to_do(client, path, options, status, detail):
    answer = client.post(path, **options)
    assert answer.status_code == status
    assert detail in answer.json()["detail"]


def test_transparency_made_black_is_noted(client):
    picture = _png(Image.new("RGBA", (6, 6), (255, 255, 255, 0)))
    answer = client.post("/score?model=tiny-made", content=picture, headers={"content-type": "image/png"})
    (note,) = answer.json()["notes"]
    assert note.endswith("colours converted from RGBA to L, transparent parts made black")


def test_sixteen_bits_are_refused_with_advice(client):
    picture = _png(Image.new("I;16", (6, 6)))
    answer = client.post("/score?model=tiny-made", content=picture, headers={"content-type": "image/png"})
    assert answer.status_code == 422
    assert "convert it first" in answer.json()["detail"]
