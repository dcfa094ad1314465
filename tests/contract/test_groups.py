"""What belongs together is read alike, counts once wherever something is promised, and is asked for where not said."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import pofx
from pofx import bundle
from pofx.cli.app import app
from pofx.errors import RequestInvalid
from pofx.kinds.files import blocks
from pofx.use.file_labels import file_groups
from training.data import audio, images, npz, table
from training.errors import DataError
from training.evaluate.recordings import as_wav

ROWS = 6
UNTOLD = "calibrated without its groups"
COLUMNS = ["alcohol", "ash", "hue"]
BY_MACHINE = bundle.Groups(by="column 'machine'", items=1000)
IMAGE = bundle.ImageSpec(height=2, width=2, channels=1)
AUDIO = bundle.AudioSpec(rate_hz=8000, length=5)
TABLE = bundle.RowSpec(columns=(bundle.Column(name="a", minimum=0, maximum=1),))


def frame(seed, machines):
    """Rows of machines, each at a level of its own, in random order."""
    random = np.random.default_rng(seed)
    level = np.repeat(random.normal(size=(machines, 3)), ROWS, axis=0)
    found = pd.DataFrame((level + 0.3 * random.normal(size=level.shape)).astype(np.float32), columns=COLUMNS)
    names = np.repeat([f"m{place}" for place in range(machines)], ROWS)
    return found.assign(machine=names).sample(frac=1, random_state=seed)


@pytest.fixture
def here(tmp_path, monkeypatch, drafts):
    """A store with a model of rows that come in machines, and rows of other machines in files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERVICE_OPERATOR_KEY", "key")
    store, draft = bundle.Store(tmp_path / "models"), drafts["table"]()
    declared = draft.capabilities["score"]
    calibration = declared.calibration.model_copy(update={"groups": BY_MACHINE})
    draft.capabilities["score"] = declared.model_copy(update={"calibration": calibration})
    draft.write(store)
    fresh = frame(1, machines=100)
    fresh.to_csv("fresh.csv", index=False)
    np.save("fresh.npy", fresh[COLUMNS].to_numpy())
    return store


def latest(store):
    return bundle.read(store.locate(bundle.Reference.parse("tiny-table")))


def run(*arguments):
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_what_a_calibration_counted_is_shown(here, get):
    assert "199 of 1,000 items, one from each group (column 'machine')" in run("models", "show", "tiny-table")
    described = get(here.root, "/models/tiny-table").json()["score"]["calibration"]
    assert (described["n"], described["warning"]) == (199, None)
    assert described["groups"] == {"by": "column 'machine'", "items": 1000, "told": True}


def test_a_calibration_counts_groups_by_whatever_names_them(here, post):
    said = run("calibrate", "tiny-table", "fresh.csv", "--group", "machine")
    assert "calibrated on 100 of 600 items, one from each group (column 'machine')" in said
    assert UNTOLD not in said
    by_command = latest(here).manifest.score.calibration
    rows = pd.read_csv("fresh.csv")
    ways = [
        {
            "params": {"model": "tiny-table", "extra": "keep", "group_column": "machine"},
            "content": rows.to_csv(index=False),
            "headers": {"content-type": "text/csv", "x-operator-key": "key"},
        },
        {
            "json": {
                "model": "tiny-table",
                "group": rows["machine"].tolist(),
                "inputs": [{"array": row} for row in rows[COLUMNS].to_numpy().tolist()],
            },
            "headers": {"x-operator-key": "key"},
        },
    ]
    for way in ways:
        answer = post(here.root, "/calibrate", **way)
        assert answer.status_code == 201, answer.text
        assert (answer.json()["n"], answer.json()["groups"]["items"]) == (100, 600)
        assert not [note for note in answer.json()["notes"] if UNTOLD in note]
    assert by_command.groups == bundle.Groups(by="column 'machine'", items=600)
    assert "on 100 of 600 items, one from each group: " in latest(here).read_bytes("CARD.md").decode()


def test_a_calibration_without_groups_is_marked_wherever_one_looks(here, post, get):
    said = run("calibrate", "tiny-table", "fresh.npy")
    assert f"warning: {UNTOLD}: items of this model come in column 'machine'" in said
    answer = post(
        here.root,
        "/calibrate?model=tiny-table",
        content=Path("fresh.npy").read_bytes(),
        headers={"content-type": "application/x-npy", "x-operator-key": "key"},
    ).json()
    assert any(UNTOLD in note for note in answer["notes"])
    written = latest(here)
    assert written.manifest.score.calibration.groups == bundle.Groups(by="column 'machine'", items=600, told=False)
    assert UNTOLD in written.read_bytes("CARD.md").decode().split("\n\n")[1]
    assert UNTOLD in get(here.root, "/models/tiny-table").json()["score"]["calibration"]["warning"]
    assert "an alarm means nothing" in get(here.root, "/models/tiny-table/drift").json()["meaning"]
    assert UNTOLD not in run("calibrate", "tiny-table", "fresh.csv", "--group", "machine")


def test_too_few_groups_are_refused(here):
    frame(2, machines=19).to_csv("few.csv", index=False)
    result = CliRunner().invoke(app, ["calibrate", "tiny-table", "few.csv", "--group", "machine"])
    assert (
        "expected at least 20 groups of normal items (one of each counts, of 114) to calibrate on, got 19"
        in " ".join(result.output.split())
    )


def test_discoveries_are_groups_or_their_promise_is_qualified(here, post):
    odd = frame(3, machines=20)
    odd[COLUMNS] *= 0.5
    odd.loc[odd["machine"].isin(["m3", "m4"]), COLUMNS] += 9
    odd.to_csv("odd.csv", index=False)
    body = {"content": odd.to_csv(index=False), "headers": {"content-type": "text/csv"}}
    asked = "/score?model=tiny-table&fdr=0.1&extra=keep"
    answer = post(here.root, f"{asked}&group_column=machine", **body).json()
    assert answer["multiple_testing"] | {"threshold": 0} == {
        "fdr": 0.1, "control": "request", "by_group": True, "tests": 20, "discoveries": 2, "threshold": 0
    }  # fmt: skip
    assert [item["discovery"] for item in answer["results"]] == odd["machine"].isin(["m3", "m4"]).tolist()
    assert [item["group"] for item in answer["results"]] == odd["machine"].tolist()
    assert answer["calibration"]["groups"] == {"by": "column 'machine'", "items": 1000, "told": True}
    assert "holds only if no two items belong together" in post(here.root, asked, **body).json()["notes"][-1]
    library = pofx.load("tiny-table", store=here.root).score(odd, fdr=0.1, group_column="machine", extra="keep")
    assert library.discovery.tolist() == [item["discovery"] for item in answer["results"]]
    command = ["score", "odd.csv", "-m", "tiny-table", "--fdr", "0.1", "-o", "scores.csv"]
    assert "2 groups of 20 are discoveries" in run(*command, "--group", "machine")
    assert pd.read_csv("scores.csv")["discovery"].tolist() == library.discovery.tolist()
    assert "holds only if no two items belong together" in run(*command)


def test_over_requests_a_group_is_tested_once(here, post, tmp_path):
    odd = frame(3, machines=20).sort_values("machine")
    odd[COLUMNS] *= 0.5
    odd.loc[odd["machine"].isin(["m1", "m10"]), COLUMNS] += 9
    model = pofx.load("tiny-table", store=here.root)
    at_once, one_by_one = model.online_fdr(0.1), model.online_fdr(0.1)
    found = model.score(odd, fdr=at_once, group_column="machine", extra="keep")
    assert found.discovery.tolist() == odd["machine"].isin(["m1", "m10"]).tolist()
    for machine, rows in odd.groupby("machine", sort=False):
        halves = [model.score(part[COLUMNS], fdr=one_by_one, group=machine) for part in (rows[:2], rows[2:])]
        assert {bool(value) for half in halves for value in half.discovery} == {machine in ("m1", "m10")}
        one_by_one.save(tmp_path / "stream.json")
        one_by_one = pofx.OnlineFdr.load(tmp_path / "stream.json")
    assert at_once.stream == one_by_one.stream
    assert (at_once.stream.tests, at_once.stream.discoveries) == (20, 2)
    assert not any("belong together" in note for note in halves[0].notes)
    alone = model.score(odd[COLUMNS][:1], fdr=one_by_one)
    assert "holds only if no two items belong together" in alone.notes[-1]
    body = {"content": odd.to_csv(index=False), "headers": {"content-type": "text/csv"}}
    asked = "/score?model=tiny-table&fdr=0.1&control=online&extra=keep&group_column=machine"
    answer = post(here.root, asked, **body).json()
    assert (answer["multiple_testing"]["tests"], answer["multiple_testing"]["by_group"]) == (20, True)
    assert [item["discovery"] for item in answer["results"]] == found.discovery.tolist()
    assert sum(item["level"] is not None for item in answer["results"]) == 20


def test_a_row_without_group_is_left_out_where_rows_keep_their_errors(here):
    rows = frame(3, machines=20)
    rows.iloc[4, rows.columns.get_loc("machine")] = None
    model = pofx.load("tiny-table", store=here.root)
    with pytest.raises(RequestInvalid, match="row 4: no group in the column 'machine'"):
        model.score(rows, fdr=0.1, group_column="machine", extra="keep")
    found = model.score(rows, fdr=0.1, group_column="machine", extra="keep", errors="row")
    assert found.error[4] == "no group in the column 'machine'"
    assert np.isnan(found.p_value[4])
    assert np.isfinite(np.delete(found.p_value, 4)).all()


def test_drift_counts_a_group_once(here, post):
    rows = [{"array": [0.0, 0.0, 0.0]}] * 5
    answer = post(here.root, "/score", json={"model": "tiny-table", "group": list("aabbb"), "inputs": rows})
    assert [item["group"] for item in answer.json()["results"]] == list("aabbb")
    refused = post(here.root, "/score", json={"model": "tiny-table", "group": ["a"], "inputs": rows})
    assert (refused.status_code, refused.json()["detail"]) == (422, "expected 5 groups, one per item, got 1")


def pictures(folder, captions):
    """Pictures of two machines on two days: machine/day/number.png, and what belongs together in captions.csv."""
    lines = ["file,patient"]
    for place in range(8):
        name = f"machine {place % 2}/day {place // 4}/{place}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((2, 2), 20 * place, np.uint8)).save(folder / name)
        (folder / name).with_suffix(".wav").write_bytes(as_wav(np.arange(place, place + 5, dtype=np.int16)[None], 8000))
        lines.append(f"{name},patient {place // 3}")
    if captions:
        (folder / "captions.csv").write_text("\n".join(lines))
    return folder


def same_together(groups, names):
    """Whether two ways to name groups put the same items together."""
    assert len(groups) == len(names)
    assert len(set(zip(groups, names, strict=True))) == len(set(groups)) == len(set(names)) > 1


@pytest.mark.parametrize("where", ["folder", "top-folder", "patient"])
def test_groups_of_files_are_read_alike(tmp_path, where):
    folder = pictures(tmp_path / "set", captions=True)
    named = file_groups(folder, IMAGE, where).of(next(blocks(folder, IMAGE)))
    same_together(images.load(folder, "grey", None, None, where).groups.tolist(), named)
    if where != "patient":
        recordings = file_groups(folder, AUDIO, where).of(next(blocks(folder, AUDIO)))
        windows = audio.load(folder, 2, 2, "folder", None, where)
        same_together(windows.groups[:: len(windows.x) // 8].tolist(), recordings)


def test_groups_of_rows_are_read_alike(tmp_path):
    rows = pd.DataFrame({"a": [0.5, 0.25, 0.1, 0.2], "machine": ["1", "2", "1", "3"]})
    rows.to_csv(tmp_path / "t.csv", index=False)
    rows.to_parquet(tmp_path / "t.parquet")
    np.savez(tmp_path / "t.npz", x=rows[["a"]].to_numpy(), machine=rows["machine"].to_numpy(str))
    for name in ("t.csv", "t.parquet", "t.npz"):
        path = tmp_path / name
        fitted = (
            npz.load(path, "x", None, "machine").groups
            if name == "t.npz"
            else table.load(path, (), None, group=" machine").groups
        )
        same_together(fitted.tolist(), file_groups(path, TABLE, "machine").of(next(blocks(path, TABLE))))
    assert table.load(tmp_path / "t.csv", (), None, group="machine").columns == ("a",)


def test_an_item_without_group_is_refused_alike(tmp_path):
    folder = pictures(tmp_path / "set", captions=False)
    shutil.copy(folder / "machine 0/day 0/0.png", folder / "0.png")
    with pytest.raises(DataError, match=r"0.png is in no folder"):
        images.load(folder, "grey", None, None, "folder")
    with pytest.raises(RequestInvalid, match=r"0.png is in no folder"):
        file_groups(folder, IMAGE, "folder").of(next(blocks(folder, IMAGE)))
    pd.DataFrame({"a": [0.5, 0.25], "machine": ["1", None]}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match="1 rows have no group in column 'machine', the first is row 1"):
        table.load(tmp_path / "t.csv", (), None, group="machine")
    with pytest.raises(RequestInvalid, match="row 1: no group in the column 'machine'"):
        file_groups(tmp_path / "t.csv", TABLE, "machine").of(next(blocks(tmp_path / "t.csv", TABLE)))
