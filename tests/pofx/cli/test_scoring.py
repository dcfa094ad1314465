"""pofx score gives the numbers of Model.score, in one block or in many, and explains the worst items."""

import functools
import io
import re

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import pofx
from pofx.cli import scoring
from pofx.kinds.files import blocks


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(scoring, "blocks", functools.partial(blocks, rows=7))


def same(found, expected):
    """Whether a table holds exactly these columns."""
    assert list(found.columns) == list(expected)
    for name, values in expected.items():
        if np.asarray(values).dtype.kind in "fb":
            np.testing.assert_array_equal(found[name].to_numpy(), np.ma.getdata(values), err_msg=name)
        else:
            assert [str(cell) for cell in found[name]] == [str(value) for value in values]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("options", [{}, {"fdr": 0.2}, {"alpha": 0.1, "verdict": "distance"}, {"promise": "pac"}])
def test_parquet_holds_what_the_library_gives(run, table, opened, options):
    words = " ".join(f"--{name} {value}" for name, value in options.items())
    run(f"score rows.parquet -m tiny-table -o out.parquet {words}")
    expected = opened("tiny-table").score(table, extra="keep", **options)
    same(pq.read_table("out.parquet").to_pandas(), expected.columns())


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("options", [{}, {"fdr": 0.2}])
def test_csv_on_a_pipe_holds_what_the_library_gives(run, table, opened, options):
    words = " ".join(f"--{name} {value}" for name, value in options.items())
    result = run(f"score rows.csv -m tiny-table {words}")
    read = pd.read_csv(io.StringIO(result.stdout), float_precision="round_trip")
    expected = opened("tiny-table").score(
        pd.read_csv("rows.csv", float_precision="round_trip"), extra="keep", **options
    )
    same(read, expected.columns())
    assert "40 items scored with tiny-table:1" in result.stderr


@pytest.mark.usefixtures("small_blocks")
def test_a_stream_of_discoveries_goes_on_in_its_file(run, table, opened, here):
    model = opened("tiny-table")
    stream = model.online_fdr(0.2)
    for out in ("first.parquet", "second.parquet"):
        shown = run(f"score rows.parquet -m tiny-table -o {out} --fdr 0.2 --online-fdr state.json").stdout
        same(pq.read_table(out).to_pandas(), model.score(table, extra="keep", fdr=stream).columns())
    assert "among the 80 tests of the stream so far" in shown
    assert pofx.OnlineFdr.load("state.json").stream == stream.stream
    assert (
        "fdr: this stream is one of 0.2, got 0.1"
        in run("score rows.csv -m tiny-table --fdr 0.1 --online-fdr state.json", 2).stderr
    )
    assert "expected fdr" in run("score rows.csv -m tiny-table --online-fdr state.json", 2).stderr
    (here / "state.json").write_text("{}")
    assert (
        "expected the state of a stream"
        in run("score rows.csv -m tiny-table --fdr 0.2 --online-fdr state.json", 2).stderr
    )


@pytest.mark.parametrize(("name", "model"), [("pictures", "tiny-made"), ("pictures", "tiny-vae")])
def test_a_folder_is_scored_with_the_names_of_its_files(run, pictures, opened, name, model):
    run(f"score {name} -m {model} -o out.csv")
    found = pd.read_csv("out.csv", float_precision="round_trip")
    assert list(found.pop("file"))[::6] == ["a/00.png", "b/01.png"]
    same(found, opened(model).score(pictures).columns())


@pytest.mark.usefixtures("small_blocks")
def test_recordings_and_texts_are_scored(run, here, opened):
    recordings = np.random.default_rng(1).integers(-3000, 3000, (20, 40)).astype(np.int16)
    np.save("recordings.npy", recordings)
    run("score recordings.npy -m tiny-audio -o out.parquet --report report")
    same(pq.read_table("out.parquet").to_pandas(), opened("tiny-audio").score(recordings).columns())
    (here / "texts.txt").write_text("ab\nnab\n\n")
    run("score texts.txt -m tiny-text -o out.parquet --report report")
    same(pq.read_table("out.parquet").to_pandas(), opened("tiny-text").score(["ab", "nab", ""]).columns())


@pytest.mark.usefixtures("small_blocks")
def test_the_worst_items_are_those_of_all_blocks(run, table, opened):
    shown = run("score rows.csv -m tiny-table -o out.csv --worst 5").stdout
    scores = opened("tiny-table").score(table, extra="keep")
    order = np.lexsort((scores.columns()["log_prob_value"], scores.p_value))[:5]
    firsts = [line.split("│")[1].strip() for line in shown.splitlines() if line.startswith("│")]
    assert [int(text) for text in firsts if text] == order.tolist()
    assert "…" not in shown
    assert "worst" not in run("score rows.csv -m tiny-table -o out.csv --worst 0").stdout


def test_a_report_is_one_file_without_scripts(run, here, pictures):
    run("score pictures -m tiny-made -o out.csv --report report --worst 3")
    assert [path.name for path in (here / "report").iterdir()] == ["report.html"]
    page = (here / "report" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 6  # every item and its heat map
    assert not re.findall(r"<script|<link|src=\"(?!data:)|href=|url\(", page)
    assert "prefers-color-scheme: dark" in page
    assert all(words in page for words in ("tiny-made", "pictures", "<b>12</b>", "marginal"))


def test_names_in_a_report_are_escaped(run, here, table):
    renamed = table.assign(note="<b>&")
    renamed.to_csv("<i>.csv", index=False)
    run(["score", "<i>.csv", "-m", "tiny-table", "-o", "out.csv", "--report", "report"])
    page = (here / "report" / "report.html").read_text()
    assert "&lt;i&gt;.csv" in page
    assert "&lt;b&gt;&amp;" in page
    assert "<i>" not in page


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("options", ["", "--fdr 0.2"])
def test_an_error_in_a_later_block_leaves_no_file_and_keeps_the_old_one(run, here, table, options):
    (here / "out.csv").write_text("old")
    table.assign(ash=[*["1"] * 30, "heavy", *["1"] * 9]).to_csv("bad.csv", index=False)
    before = set(here.iterdir())
    result = run(f"score bad.csv -m tiny-table -o out.csv {options}", 2)
    assert re.search(r"bad.csv: (row|item) 30, column 'ash': expected a number, got 'heavy'", result.stderr)
    assert set(here.iterdir()) == before
    assert (here / "out.csv").read_text() == "old"


def test_extra_columns_can_be_refused(run, table):
    assert "unknown 'note'" in run("score rows.csv -m tiny-table --extra refuse", 2).stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("score nowhere.csv -m tiny-table", "nowhere.csv: no such file"),
        ("score rows.csv -m tiny-table -o out.xlsx", "expected a name that ends in .csv or .parquet"),
        ("score rows.csv -m tiny-table -o there/out.csv", "there is no folder there"),
        ("score rows.csv -m tiny-tabel", "no model 'tiny-tabel' in models, did you mean 'tiny-table'"),
        ("score rows.csv -m tiny-table:9", "no version 9 of 'tiny-table'"),
        ("score rows.csv -m tiny-gan", "cannot score"),
        ("score rows.csv -m tiny-table --alpha 0.0001", "can never fire"),
        ("score rows.csv -m tiny-table --verdict nothing", "no statistic 'nothing'"),
        ("score rows.csv -m tiny-table --label red", "not calibrated per label"),
    ],
)
def test_mistakes_end_with_one_line_and_status_2(run, table, line, message):
    result = run(line, 2)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
