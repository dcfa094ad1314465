"""Help teaches, starts fast, and errors are told in one line."""

import subprocess
import sys

import pytest

from pofx.cli import scoring
from pofx.cli.commands import COMMANDS, Command, Group

ALL = [
    (name, command)
    for word, entry in COMMANDS.items()
    for name, command in (
        [(word, entry)]
        if isinstance(entry, Command)
        else [(f"{word} {key}", one) for key, one in entry.commands.items()]
    )
]
HEAVY = ("torch", "pandas", "onnxruntime", "matplotlib", "pyarrow", "numpy", "training", "service")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["models", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    code = f"""
import sys
from pofx.cli import main
sys.argv = {["pofx", *arguments]!r}
try:
    main()
except SystemExit:
    print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "models" in done.stdout


def test_the_help_of_scoring_needs_no_torch():
    code = "import pofx.cli.scoring, sys; print('torch' in sys.modules, 'pandas' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["False", "False"]


@pytest.mark.parametrize(("name", "command"), ALL, ids=[name for name, _ in ALL])
def test_every_command_has_examples_and_nothing_is_cut_off(run, name, command):
    assert 2 <= len(command.examples) <= 3
    assert all(example.startswith(f"pofx {name}") for example in command.examples)
    shown = run(f"{name} --help").stdout
    assert "…" not in shown
    assert "Examples" in shown
    assert command.help.split(",")[0].rstrip(".") in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_the_families_fit_into_80_columns(run):
    shown = run("families").stdout
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "did you mean 'made'" in run("families mdae", 2).stderr


@pytest.mark.parametrize(
    ("line", "hint"),
    [("scroe rows.csv", "score"), ("models lst", "list"), ("score rows.csv -m x --alhpa 1", "--alpha")],
)
def test_a_wrong_word_gets_the_one_that_was_meant(run, line, hint):
    error = run(line, 2).stderr
    assert "Did you mean" in error
    assert hint in error


def test_a_command_whose_packages_are_missing_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "training.commands.fitting", None)
    error = run("fit recipe.toml", 2).stderr
    assert 'pip install "pofx[training]"' in error
    assert error.count("\n") == 1


def test_stopping_is_quiet(run, monkeypatch, table):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(scoring, "opened", stop)
    result = run("score rows.csv -m tiny-table", 130)
    assert (result.stdout, result.stderr) == ("", "")


def test_a_mistake_of_ours_is_not_hidden(run, monkeypatch, table):
    monkeypatch.setattr(scoring, "opened", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("score rows.csv -m tiny-table")


def test_one_command_from_end_to_end(here, table):
    line = [sys.executable, "-m", "pofx", "score", "rows.csv", "-m", "tiny-table", "--fdr", "0.2"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].endswith('"discovery"')
    assert len(done.stdout.splitlines()) == 41
    assert "anomalies" in done.stderr


def test_groups_hold_commands_only():
    assert [name for name, entry in COMMANDS.items() if isinstance(entry, Group)] == ["models"]
