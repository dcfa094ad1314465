"""The command line: ``python -m training fit | evaluate | export | data | families``."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

import bundle
from training import recipe as recipes
from training.data import mnist
from training.errors import FitInterrupted, TrainingError
from training.export.bundling import measure, prepare_weights, write_bundle
from training.fit import Hardware, Run, fit, load_fitted
from training.prepare import Experiment, prepare
from training.zoo import FAMILIES
from training.zoo.base import spaces

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Trains generative models and exports them as verified bundles that `python -m service` serves.",
)
console = Console()


def _say(line: str) -> None:
    console.print(line, soft_wrap=True, highlight=False)


RecipePath = Annotated[Path, typer.Argument(help="A recipe, for instance recipes/digits-made.toml.")]
Smoke = Annotated[
    bool, typer.Option(help="Rehearse everything in seconds on a sliver of the data; the bundle is called NAME-smoke.")
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Change a value of the recipe, for instance --set fit.epochs=5 --set data.limit=5000. Repeatable."
    ),
]
StorePath = Annotated[Path, typer.Option(help="Where bundles are written.")]
RunsPath = Annotated[Path, typer.Option(help="Where checkpoints, logs and weights are kept.")]


@app.command("fit")
def fit_command(
    recipe: RecipePath,
    smoke: Smoke = False,
    changes: Changes = None,
    resume: Annotated[
        bool,
        typer.Option("--resume/--fresh", help="Continue an interrupted run of the same recipe, or start over."),
    ] = True,
    accelerator: Annotated[str, typer.Option(help="cpu, gpu, mps or auto.")] = "auto",
    devices: Annotated[str, typer.Option(help="How many devices, or which: 2 or 0,1 or auto.")] = "auto",
    store: StorePath = Path("models"),
    runs: RunsPath = Path("runs"),
) -> None:
    """Fit, evaluate, calibrate, export: one recipe to one new bundle version in the store.

    Ctrl-C leaves a checkpoint; the same command continues from it. A changed recipe is another run.

    Example: python -m training fit recipes/digits-made.toml
    """
    experiment = _experiment(recipe, smoke, changes)
    run = Run.of(experiment, runs)
    resume = resume and not smoke  # a rehearsal rehearses all of it
    if resume and (run.fitted.is_file() or run.last_checkpoint.is_file()):
        state = "was fitted already" if run.fitted.is_file() else "continues from its last checkpoint"
        console.print(f"{experiment.name}: this recipe {state} ({run.folder}); --fresh starts over")
    report = fit(experiment, run, Hardware(accelerator, devices), resume=resume)
    written = write_bundle(experiment, report, run, bundle.Store(store), _say)
    console.print(f"[bold]{written.manifest.reference}[/bold] written to {written.folder}")


@app.command("export")
def export_command(
    recipe: RecipePath,
    smoke: Smoke = False,
    changes: Changes = None,
    store: StorePath = Path("models"),
    runs: RunsPath = Path("runs"),
) -> None:
    """Export a run that is fitted already, as a new version: evaluate, calibrate, check parity, write."""
    experiment, run = _fitted(recipe, smoke, changes, runs)
    written = write_bundle(experiment, run.report(), run, bundle.Store(store), _say)
    console.print(f"[bold]{written.manifest.reference}[/bold] written to {written.folder}")


@app.command("evaluate")
def evaluate_command(
    recipe: RecipePath, smoke: Smoke = False, changes: Changes = None, runs: RunsPath = Path("runs")
) -> None:
    """Print the test likelihood of a fitted run and how its samples cover the classes, as they would be exported."""
    experiment, _ = _fitted(recipe, smoke, changes, runs)
    prepare_weights(experiment)
    measurements = measure(experiment)
    if not measurements:
        console.print(f"{experiment.recipe.family_name} has no density and the data no labels: nothing to evaluate")
        return
    for measurement in measurements:
        _say(str(measurement))


@app.command("data")
def data_command(
    name: Annotated[Literal["mnist"], typer.Argument(help="Which data set to fetch.")],
    folder: Annotated[Path | None, typer.Option(help="Where to; default data/NAME.")] = None,
) -> None:
    """Download and verify a data set; what is there and whole is kept."""
    mnist.download(folder or Path("data") / name, _say)


@app.command("families")
def families_command(name: Annotated[str | None, typer.Argument(help="Show the options of this one.")] = None) -> None:
    """List the families, or the options of one."""
    if name is None:
        table = Table("family", "method", "score", "data", "paper")
        for key, family in FAMILIES.items():
            table.add_row(
                key, family.title, _score_word(family.kind), ", ".join(spaces(family)).replace("_", " "), family.paper
            )
        console.print(table)
        return
    if name not in FAMILIES:
        raise TrainingError(f"no family {name!r}; there is: {', '.join(FAMILIES)}")
    module = sys.modules[FAMILIES[name].__module__]
    console.print((module.__doc__ or "").strip(), markup=False)
    table = Table("option", "default", "meaning")
    for row in recipes.describe(FAMILIES[name].Options):
        table.add_row(*row)
    console.print(table)


def main() -> None:
    """Runs the command line; our own errors become one message and exit status 2."""
    _quieten()
    try:
        app()
    except FitInterrupted as stop:
        _complain("stopped", stop)
        sys.exit(130)
    except (TrainingError, bundle.BundleError) as error:
        _complain("error", error)
        sys.exit(2)


def _complain(word: str, error: Exception) -> None:
    stderr = Console(stderr=True)
    stderr.print(word, style="red", end=" ")
    stderr.print(str(error), markup=False, highlight=False, soft_wrap=True)


def _quieten() -> None:
    """Keeps the libraries' advertisements and internals out of the progress that a person reads."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _experiment(path: Path, smoke: bool, changes: list[str] | None) -> Experiment:
    return prepare(recipes.read(path, changes or ()), smoke=smoke)


def _fitted(path: Path, smoke: bool, changes: list[str] | None, runs: Path) -> tuple[Experiment, Run]:
    experiment = _experiment(path, smoke, changes)
    run = Run.of(experiment, runs)
    load_fitted(experiment, run)
    return experiment, run


def _score_word(kind: str) -> str:
    return {"exact": "exact", "lower_bound": "lower bound"}.get(kind, "none")
