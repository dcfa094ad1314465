"""Many items at once: discoveries among them, and tables that come back with columns added."""

import csv
import io
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

NAMES = ("alcohol", "ash", "hue")
PARQUET, CSV, NPY = "application/vnd.apache.parquet", "text/csv", "application/x-npy"
FOUND = ["log_prob", "bits_per_dim", "p_value", "anomaly"]
FOUND += ["log_prob_value", "log_prob_p_value", "distance_value", "distance_p_value"]


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def parquet(columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def ask(client, content, kind, accept="application/json", options="", path="/score?model=tiny-table"):
    answer = client.post(path + options, content=content, headers={"Content-Type": kind, "Accept": accept})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == accept
    return answer


@pytest.fixture
def mixed(rows):
    """Forty rows, of which the last twelve are far from all others."""
    rows[28:] += 50
    return rows


def test_discoveries_are_those_of_the_definition(client, mixed):
    answer = ask(client, npy(mixed), NPY, options="&fdr=0.2&alpha=0.01").json()
    p_values = [item["p_value"] for item in answer["results"]]
    k = max(k for k in range(1, 41) if sorted(p_values)[k - 1] <= 0.2 * k / 40)
    threshold = sorted(p_values)[k - 1]
    assert [item["discovery"] for item in answer["results"]] == [p <= threshold for p in p_values]
    assert all(item["discovery"] for item in answer["results"][28:])
    assert answer["multiple_testing"] == {
        "fdr": 0.2,
        "control": "request",
        "by_group": False,
        "tests": 40,
        "discoveries": k,
        "threshold": threshold,
    }
    assert [item["anomaly"] for item in answer["results"]] == [p <= 0.01 for p in p_values]
    assert answer["calibration"]["alpha"] == 0.01


def test_without_a_rate_there_are_no_discoveries(client, mixed):
    answer = ask(client, npy(mixed), NPY).json()
    assert "multiple_testing" not in answer
    assert all("discovery" not in item for item in answer["results"])
    none = ask(client, npy(np.zeros((5, 3))), NPY, options="&fdr=0.1").json()
    told = none["multiple_testing"]
    assert (told["tests"], told["discoveries"], told["threshold"]) == (5, 0, None)
    (note,) = none["notes"]
    assert "over many requests of few items most discoveries can be false" in note


def test_discoveries_are_in_every_form_of_the_answer(client, mixed):
    expected = [item["discovery"] for item in ask(client, npy(mixed), NPY, options="&fdr=0.2").json()["results"]]
    body = {"model": "tiny-table", "fdr": 0.2, "inputs": [{"array": row} for row in mixed.astype(float).tolist()]}
    assert [item["discovery"] for item in client.post("/score", json=body).json()["results"]] == expected
    records = np.load(io.BytesIO(ask(client, npy(mixed), NPY, NPY, "&fdr=0.2").content))
    assert records["discovery"].tolist() == expected
    lines = csv.DictReader(io.StringIO(ask(client, npy(mixed), NPY, CSV, "&fdr=0.2").text))
    assert [line["discovery"] == "true" for line in lines] == expected
    table = pq.read_table(io.BytesIO(ask(client, npy(mixed), NPY, PARQUET, "&fdr=0.2").content))
    assert table.column("discovery").to_pylist() == expected


def test_too_few_calibration_items_are_refused_or_said(client, mixed):
    refused = client.post("/score", json={"model": "tiny-table", "fdr": 0.004, "inputs": [{"array": [0, 0, 0]}]})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/fdr"
    assert refused.json()["calibration_n_needed"] == 249
    (note,) = ask(client, npy(mixed), NPY, options="&fdr=0.1").json()["notes"]
    assert note == (
        "fdr 0.1: with 199 calibration items, fewer than 2 anomalies among 40 items are too few to be discovered; "
        "to discover a single one takes 399 calibration items (data.split.calibration of the recipe, or pofx calibrate "
        "with more items)"
    )
    assert json.loads(ask(client, npy(mixed), NPY, CSV, "&fdr=0.1").headers["x-notes"]) == [note]
    for rate in (0, 1, "x"):
        answer = client.post(f"/score?model=tiny-table&fdr={rate}", content=npy(mixed), headers={"Content-Type": NPY})
        assert answer.status_code == 422


def test_csv_comes_back_as_it_was_with_columns_added(client, rows):
    lines = [["name", "hue", "alcohol", "note, if any", "ash"]]
    lines += [[f"wine {i}", f"{a:.3e}", f" {b} ", 'say "x"\nor not', f"{c}"] for i, (a, b, c) in enumerate(rows)]
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    answer = ask(client, text.getvalue(), CSV, CSV, "&extra=keep")
    found = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert [line[:5] for line in found] == lines
    assert found[0][5:] == FOUND
    numbers = [[float(line[2]), float(line[4]), float(line[1])] for line in lines[1:]]
    expected = ask(client, npy(np.array(numbers)), NPY).json()["results"]
    assert [float(line[5]) for line in found[1:]] == [item["log_prob"] for item in expected]
    assert "'name', 'note, if any'" in json.loads(answer.headers["x-notes"])[0]


def test_parquet_comes_back_as_it_was_with_columns_added(client, rows):
    columns = {"id": pa.array(range(40)), **dict(zip(NAMES, rows.T, strict=True)), "kind": ["a", None] * 20}
    answer = ask(client, parquet(columns), PARQUET, PARQUET, "&extra=keep")
    table, expected = pq.read_table(io.BytesIO(answer.content)), ask(client, npy(rows), NPY).json()["results"]
    assert table.column_names == [*columns, *FOUND]
    assert table.select([*columns]).to_pydict() == pa.table(columns).to_pydict()
    assert table.schema.field("ash").type == pa.float32()
    assert table.column("p_value").to_pylist() == [item["p_value"] for item in expected]
    assert table.column("anomaly").to_pylist() == [item["anomaly"] for item in expected]


@pytest.mark.parametrize("accept", [CSV, PARQUET, NPY])
@pytest.mark.parametrize("kind", ["application/json", NPY, CSV, PARQUET])
def test_a_table_follows_rows_in_whichever_form_they_came(client, rows, kind, accept):
    content = {
        NPY: lambda: npy(rows),
        CSV: lambda: ",".join(NAMES) + "\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows),
        PARQUET: lambda: parquet(dict(zip(NAMES, rows.T, strict=True))),
        "application/json": lambda: json.dumps(
            {"model": "tiny-table", "inputs": [{"array": row} for row in rows.tolist()]}
        ),
    }[kind]()
    path = "/score" if kind == "application/json" else "/score?model=tiny-table"
    found = columns_of(ask(client, content, kind, accept, path=path).content, accept)
    assert list(found) == [*NAMES, *FOUND]
    assert np.array_equal(np.stack([found[name] for name in NAMES], axis=1).astype(np.float32), rows)
    expected = [item["log_prob"] for item in ask(client, npy(rows), NPY).json()["results"]]
    assert np.array(found["log_prob"], float).tolist() == expected


def columns_of(content, kind):
    if kind == NPY:
        records = np.load(io.BytesIO(content))
        return {name: records[name] for name in records.dtype.names}
    if kind == PARQUET:
        return {name: np.array(values) for name, values in pq.read_table(io.BytesIO(content)).to_pydict().items()}
    lines = list(csv.reader(io.StringIO(content.decode())))
    return {name: np.array(cells) for name, cells in zip(lines[0], zip(*lines[1:], strict=True), strict=True)} | {
        name: np.array([float(line[place]) for line in lines[1:]]) for place, name in enumerate(NAMES)
    }


def test_a_name_that_is_taken_gets_another(client):
    text = "log_prob,alcohol,ash,hue,score_log_prob\nmine,0,0,0,too\n"
    (line,) = csv.DictReader(io.StringIO(ask(client, text, CSV, CSV, "&extra=keep").text))
    assert (line["log_prob"], line["score_log_prob"], float(line["score_score_log_prob"])) == ("mine", "too", 0.0)


def test_a_verdict_that_is_none_is_missing(client):
    """A log-probability of minus infinity stays empty in CSV; its verdict does not."""
    content = npy(np.array([[101.0, 0, 0], [0, 0, 0]]))
    far, near = csv.DictReader(io.StringIO(ask(client, content, NPY, CSV).text))
    assert (far["log_prob"], far["p_value"], far["anomaly"]) == ("", "0.005", "true")
    assert near["log_prob"] == "0.0"
    table = pq.read_table(io.BytesIO(ask(client, content, NPY, PARQUET).content))
    assert table.column("log_prob").to_pylist() == [-np.inf, 0.0]


def test_images_have_only_columns_of_their_scores(client, pixels):
    answer = ask(client, npy(pixels), NPY, PARQUET, path="/score?model=tiny-made")
    assert pq.read_table(io.BytesIO(answer.content)).column_names == FOUND[:6]


def test_rows_of_a_parquet_file_are_encoded(client, rows):
    content = parquet({**dict(zip(NAMES, rows.T, strict=True)), "id": range(40)})
    path = "/encode?model=tiny-table&extra=keep"
    found, expected = ask(client, content, PARQUET, path=path), ask(client, npy(rows), NPY, path=path)
    assert found.json()["embeddings"] == expected.json()["embeddings"]
    assert found.json()["notes"] == ["not read, since the model has no such columns: 'id'"]


def test_more_rows_than_allowed_are_refused_before_they_are_read(client):
    content = parquet(dict.fromkeys(NAMES, np.zeros(10_001)))
    assert client.post("/score?model=tiny-table", content=content, headers={"Content-Type": PARQUET}).status_code == 413


def test_without_the_library_parquet_is_refused_by_name(client, rows, monkeypatch):
    monkeypatch.delitem(sys.modules, "pofx.kinds.parquet", raising=False)
    monkeypatch.delattr("pofx.kinds.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as if it were not installed
    for headers in ({"Content-Type": PARQUET}, {"Content-Type": NPY, "Accept": PARQUET}):
        content = parquet({"a": [1.0]}) if headers["Content-Type"] == PARQUET else npy(rows)
        answer = client.post("/score?model=tiny-table", content=content, headers=headers)
        assert answer.status_code == 415
        assert "without the extra 'parquet'" in answer.json()["detail"]
    assert client.post("/score?model=tiny-table", content=npy(rows), headers={"Content-Type": NPY}).status_code == 200
