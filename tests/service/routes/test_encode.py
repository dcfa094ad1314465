"""POST /encode: one vector per item, the same in every form."""

import csv
import io
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

NPY = {"Content-Type": "application/x-npy"}
CSV, PARQUET, JSON = "text/csv", "application/vnd.apache.parquet", "application/json"
NAMES = ("alcohol", "ash", "hue")


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def parquet(columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def ask(client, content, kind, accept, path="/encode?model=tiny-table"):
    answer = client.post(path, content=content, headers={"Content-Type": kind, "Accept": accept})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == accept
    return answer


def lines_of(answer):
    return list(csv.reader(io.StringIO(answer.text, newline="")))


def test_json_and_npy_have_the_same_vectors(client, pixels):
    path = "/encode?model=tiny-vae"
    answer = client.post(path, content=npy(pixels), headers=NPY).json()
    array = client.post(path, content=npy(pixels), headers={**NPY, "Accept": "application/x-npy"})
    vectors = np.load(io.BytesIO(array.content), allow_pickle=False)
    assert vectors.dtype == np.float32
    assert vectors.shape == (40, answer["dims"])
    assert np.array_equal(np.float32(answer["embeddings"]), vectors)


def test_only_models_that_can_encode_do(client):
    answer = client.post("/encode", json={"model": "tiny-made", "inputs": [{"array": [[0] * 6] * 6}]})
    assert answer.status_code == 409
    assert answer.json()["models_that_can"] == ["tiny-pca", "tiny-table", "tiny-vae"]


BODIES = {
    "application/x-npy": npy,
    CSV: lambda rows: ",".join(NAMES) + "\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows),
    PARQUET: lambda rows: parquet(dict(zip(NAMES, rows.T, strict=True))),
    JSON: lambda rows: json.dumps({"model": "tiny-table", "inputs": [{"array": row} for row in rows.tolist()]}),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_table_of_codes_follows_the_rows_in_whichever_form_they_came(client, rows, kind):
    content, path = BODIES[kind](rows), "/encode" if kind == JSON else "/encode?model=tiny-table"
    vectors = np.array(ask(client, content, kind, JSON, path).json()["embeddings"], np.float32)
    lines = lines_of(ask(client, content, kind, CSV, path))
    assert lines[0] == [*NAMES, "latent_0", "latent_1"]
    assert np.array_equal(np.array(lines[1:], np.float32), np.hstack([rows, vectors]))
    table = pq.read_table(io.BytesIO(ask(client, content, kind, PARQUET, path).content))
    assert table.column_names == lines[0]
    assert [table.schema.field(name).type for name in lines[0][3:]] == [pa.float32()] * 2
    assert np.array_equal(np.stack([table[name] for name in lines[0][3:]], axis=1), vectors)
    assert np.array_equal(np.load(io.BytesIO(ask(client, content, kind, "application/x-npy", path).content)), vectors)


@pytest.mark.parametrize("form", [CSV, PARQUET])
def test_columns_that_are_not_read_come_back_and_a_taken_name_stays(client, form):
    columns = {
        "id": ["a", "b"],
        "ash": [1.0, 2.5],
        "latent_0": ["mine", "too"],
        "hue": [0.5, 0.0],
        "alcohol": [3.0, 1.0],
    }
    text = io.StringIO()
    csv.writer(text).writerows([list(columns), *zip(*columns.values(), strict=True)])
    content = text.getvalue() if form == CSV else parquet(columns)
    path = "/encode?model=tiny-table&extra=keep"
    answer = ask(client, content, form, form, path)
    table = lines_of(answer) if form == CSV else _as_lines(pq.read_table(io.BytesIO(answer.content)))
    assert table[0] == [*columns, "encode_latent_0", "latent_1"]
    assert [line[0] for line in table[1:]] == ["a", "b"]
    assert [line[2] for line in table[1:]] == ["mine", "too"]
    expected = ask(client, content, form, JSON, path).json()["embeddings"]
    assert np.array_equal(np.float32([line[5:] for line in table[1:]]), np.float32(expected))
    assert json.loads(answer.headers["x-notes"]) == ["not read, since the model has no such columns: 'id', 'latent_0'"]


def _as_lines(table):
    return [table.column_names, *zip(*table.to_pydict().values(), strict=True)]


def test_images_have_only_the_columns_of_their_code(client, pixels):
    lines = lines_of(ask(client, npy(pixels), "application/x-npy", CSV, "/encode?model=tiny-vae"))
    assert lines[0] == ["latent_0", "latent_1", "latent_2"]
    vectors = ask(client, npy(pixels), "application/x-npy", JSON, "/encode?model=tiny-vae").json()["embeddings"]
    assert np.array_equal(np.float32(lines[1:]), np.float32(vectors))


def test_a_code_that_is_not_finite_is_an_empty_cell(client):
    content = npy(np.array([[3e38, 3e38, -3e38], [0, 0, 0]], np.float32))
    far, near = lines_of(ask(client, content, "application/x-npy", CSV))[1:]
    expected = ask(client, content, "application/x-npy", JSON).json()["embeddings"]
    assert [cell == "" for cell in far[3:]] == [value is None for value in expected[0]]
    assert "" in far
    assert near[3:] == ["0.0", "0.0"]


def test_every_form_is_documented_and_any_other_is_refused(client, rows):
    documented = client.get("/openapi.json").json()["paths"]["/encode"]["post"]["responses"]["200"]["content"]
    assert list(documented) == [JSON, "application/x-npy", CSV, PARQUET]
    answer = client.post("/encode?model=tiny-table", content=npy(rows), headers={**NPY, "Accept": "image/png"})
    assert answer.status_code == 406
    assert answer.json()["offers"] == [JSON, "application/x-npy", CSV, PARQUET]


def test_without_the_library_a_parquet_answer_is_refused_by_name(client, rows, monkeypatch):
    monkeypatch.delitem(sys.modules, "pofx.kinds.parquet", raising=False)
    monkeypatch.delattr("pofx.kinds.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as if it were not installed
    answer = client.post("/encode?model=tiny-table", content=npy(rows), headers={**NPY, "Accept": PARQUET})
    assert answer.status_code == 415
    assert "without the extra 'parquet'" in answer.json()["detail"]
