"""The command line does what its help says, and explains what it cannot do."""

import ast
import json

import pytest
from typer.testing import CliRunner

from pofx import bundle
from training import cli

ALL = ["bernoulli", "made", "vae", "dcgan", "gmm", "gmm-images"]


@pytest.fixture
def run(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str):
        return CliRunner().invoke(cli.app, list(arguments), catch_exceptions=False)

    for name in ALL:
        (tmp_path / f"{name}.toml").write_text(text(name))
    return invoke


def rehearsed(folder, name):
    return bundle.read(bundle.Store(folder / "runs" / "rehearsals").locate(bundle.Reference.parse(name)))


@pytest.mark.parametrize("name", ALL)
def test_fit_smoke_writes_a_verified_bundle(run, tmp_path, name):
    result = run("fit", f"{name}.toml", "--smoke", "--accelerator", "cpu")
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "models").exists(), "a rehearsal is served by nobody"
    written = rehearsed(tmp_path, f"tiny-{name}-smoke")
    assert written.manifest.provenance.smoke
    files = written.manifest.files
    assert {"CARD.md", "golden.npz", "recipe.toml", "samples.png"} <= set(files)
    assert ("interpolation.png" in files) == (name in ("vae", "dcgan"))
    assert ("loss.png" in files) == (name in ("made", "vae", "dcgan"))
    card = written.read_bytes("CARD.md").decode()
    assert "rehearsal" in card
    assert "Known failures" in card
    assert str(tmp_path) not in json.dumps(written.manifest.model_dump(mode="json"))


def test_a_fit_to_a_table_says_what_it_reads_as_what(run, tmp_path):
    rows = "".join(f",{i % 7 / 2},{'bad' if i % 13 == 0 else 'ok'},pump {i}\n" for i in range(60))
    (tmp_path / "t.csv").write_text(f",temp, state,who\n{rows},,,\n")
    (tmp_path / "t.toml").write_text(
        'name = "t"\nsummary = "펌프"\ndata = { source = "table", path = "t.csv" }\n'
        'transform = { name = "columns" }\nfamily = { name = "gmm" }\n',
        encoding="utf-16",
    )
    result = run("fit", "t.toml", "--smoke", "--accelerator", "cpu")
    assert result.exit_code == 0, result.output
    for line in (
        "not read, since they are empty and have no name: 1 columns",
        "not read, since they are empty: 1 rows",
        "names read without space around them, in composed letters: 'state'",
        "column 'who' is left out: it holds 'pump 0' for one",
        "read as categories, with so many names: 'state' (2)",
    ):
        assert line in result.output.splitlines()
    written = rehearsed(tmp_path, "t-smoke")
    assert [column.name for column in written.manifest.input.columns] == ["temp", "state"]
    assert "pump 0" not in written.read_bytes("CARD.md").decode()


def test_a_rehearsal_is_published_where_that_is_asked_for(run, tmp_path):
    assert run("fit", "bernoulli.toml", "--smoke", "--store", "models").exit_code == 0
    assert bundle.Store(tmp_path / "models").versions("tiny-bernoulli-smoke") == [1]


def test_texts_are_shown_in_the_card(run, tmp_path, text):
    (tmp_path / "texts.toml").write_text(text("markov-texts"))
    assert run("fit", "texts.toml", "--smoke").exit_code == 0
    written = rehearsed(tmp_path, "tiny-markov-texts-smoke")
    shown = written.read_bytes("CARD.md").decode().partition("```text\n")[2].partition("\n```")[0].splitlines()
    assert len(shown) == 64
    assert written.manifest.input.kind == "text"
    assert set("".join(map(ast.literal_eval, shown))) <= set(written.manifest.input.alphabet)


def test_evaluate_and_export_use_the_fitted_run(run, tmp_path):
    assert run("fit", "bernoulli.toml").exit_code == 0
    shown = run("evaluate", "bernoulli.toml")
    assert "nll" in shown.output
    assert run("export", "bernoulli.toml").exit_code == 0
    assert bundle.Store(tmp_path / "models").versions("tiny-bernoulli") == [1, 2]


def test_a_repeated_fit_says_that_it_does_not_train_again(run):
    run("fit", "made.toml", "--accelerator", "cpu")
    assert "was fitted already" in " ".join(run("fit", "made.toml", "--accelerator", "cpu").output.split())


def test_an_implicit_family_is_measured_by_class_shares_and_has_no_likelihood(run):
    run("fit", "dcgan.toml", "--smoke", "--accelerator", "cpu")
    shown = run("evaluate", "dcgan.toml", "--smoke").output
    assert "class_share_tv" in shown
    assert "nll" not in shown


def test_families_are_listed_and_explained(run):
    listed = run("families").output
    assert all(name in listed for name in ("bernoulli", "dcgan", "gmm", "made", "vae"))
    assert "Germain" in run("families", "made").output


@pytest.mark.parametrize("arguments", [[], ["fit", "--help"], ["export", "--help"], ["data", "--help"]])
def test_help_teaches(run, arguments):
    assert "Usage" in run(*arguments).output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "nowhere.toml"], "nowhere.toml: No such file"),
        (["evaluate", "made.toml"], "not fitted yet"),
        (["families", "mdae"], "no family 'mdae', did you mean 'made'"),
    ],
)
def test_mistakes_end_with_one_message_and_status_2(run, monkeypatch, capsys, arguments, message):
    monkeypatch.setattr("sys.argv", ["training", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())
