"""The command line: ``python -m training fit | evaluate | export | calibrate | compare | data | families``."""

import itertools
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.table import Table

from pofx import bundle
from pofx.rules.promises import at_least, smallest_alpha
from training import recipe as recipes
from training.choose import check_candidates, choose
from training.compare.comparison import PROTOCOLS, Plan, compare
from training.compare.detectors import known_methods
from training.compare.protocol import selected
from training.compare.records import Records
from training.compare.report import tables
from training.data import mnist
from training.errors import FitInterrupted, TrainingError
from training.evaluate.measure import measure
from training.finish import finish
from training.fit import Fitted, Hardware, fit, load_fitted
from training.prepare import Prepared, prepare
from training.publish.recalibration import recalibrate
from training.run import Run
from training.stages import published
from training.zoo import FAMILIES
from training.zoo.base import spaces

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Trains generative models and exports them as verified bundles that `python -m service` serves.",
)
console, stderr = Console(), Console(stderr=True)


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
    prepared = _prepared(recipe, smoke, changes)
    resume = resume and not smoke  # a rehearsal rehearses all of it
    hardware = Hardware(accelerator, devices)
    best = choose([_fit_one(one, runs, hardware, resume) for one in prepared], _say)
    _write(best, store)


@app.command("export")
def export_command(
    recipe: RecipePath,
    smoke: Smoke = False,
    changes: Changes = None,
    store: StorePath = Path("models"),
    runs: RunsPath = Path("runs"),
) -> None:
    """Export a run that is fitted already, as a new version: evaluate, calibrate, check parity, write."""
    _write(_fitted(recipe, smoke, changes, runs), store)


@app.command("evaluate")
def evaluate_command(
    recipe: RecipePath, smoke: Smoke = False, changes: Changes = None, runs: RunsPath = Path("runs")
) -> None:
    """Print the test likelihood of a fitted run and how its samples cover the classes, as they would be exported."""
    finished = finish(_fitted(recipe, smoke, changes, runs), _say)
    measurements = measure(finished)
    if not measurements:
        console.print(
            f"{finished.prepared.recipe.family_name} has no density and the data no labels: nothing to evaluate"
        )
        return
    for measurement in measurements:
        _say(str(measurement))


@app.command("calibrate")
def calibrate_command(
    model: Annotated[str, typer.Argument(help="NAME or NAME:VERSION of a bundle in the store; without it the latest.")],
    path: Annotated[
        Path,
        typer.Argument(
            help="Normal items: .npy as the bundle takes them, .npz with them as x, .csv or .parquet with its columns, "
            "a folder or zip of images or WAV files."
        ),
    ],
    labels: Annotated[
        str | None,
        typer.Option(
            help="Where the labels are: a column of the table or of captions.csv, or an array of the .npz. Without it "
            "they are the names of sub-folders, if there are any."
        ),
    ] = None,
    about: Annotated[
        str | None, typer.Option("--data", help="What the items are, kept in the manifest and the card.")
    ] = None,
    store: StorePath = Path("models"),
) -> None:
    """Calibrate a bundle on normal items of your own, without training, as a new version in the store.

    Needs the bundle only, no run and no recipe. The version that was calibrated before stays as it is.

    Example: python -m training calibrate breast-cancer-gmm healthy.csv --data "our clinic, 2026, confirmed healthy"
    """
    written = recalibrate(bundle.Store(store), model, path, about or f"items of {path.name}", labels)
    calibration = written.manifest.score.calibration
    console.print(f"[bold]{written.manifest.reference}[/bold] written to {written.folder}")
    smallest = smallest_alpha(calibration.n)
    _say(f"calibrated on {calibration.n} items; the smallest alpha that can fire, by promise:")
    _say(", ".join(f"{promise} {at_least(alpha)}" for promise, alpha in smallest.items()))
    if calibration.labels:
        _say("per label: " + ", ".join(f"{label.name} {label.n} items" for label in calibration.labels))


@app.command("compare")
def compare_command(
    data: Annotated[
        Path, typer.Option(help="Folder of npz archives with rows X and y, where y = 1 is an anomaly.")
    ] = Path("data/adbench"),
    sets: Annotated[str, typer.Option(help="Names separated by commas, for instance cardio,vowels; or all.")] = "all",
    seeds: Annotated[int, typer.Option(min=1, help="How many splits of every set.")] = 3,
    protocol: Annotated[
        Literal["one-class", "contaminated", "both"],
        typer.Option(help="Fit on normal rows only, on all rows of the fit part, or compare both, in two tables."),
    ] = "one-class",
    methods: Annotated[str, typer.Option(help="Classic detectors separated by commas; all, or none.")] = "all",
    recipe: Annotated[Path, typer.Option(help="Our side; what it says about data is replaced by the sets.")] = Path(
        "recipes/tabular-density.toml"
    ),
    alpha: Annotated[float, typer.Option(min=0.0, max=1.0, help="False-alarm rate to ask for.")] = 0.05,
    max_rows: Annotated[int, typer.Option(min=50, help="Most rows of a set; drawn anew for every seed.")] = 20_000,
    json: Annotated[Path, typer.Option(help="Where every number is kept as soon as it is known.")] = Path(
        "runs/compare/records.json"
    ),
    runs: Annotated[Path, typer.Option(help="Where fitted models are kept.")] = Path("runs/compare"),
) -> None:
    """Compare our statistics with the classic detectors of PyOD and scikit-learn, on the same splits.

    Prints Markdown tables: AUROC per set; then mean rank, AUROC, AUPR, FPR@95, realised false alarms and seconds. What
    is in the JSON file is not measured again: Ctrl-C loses at most the method that was running. docs/compare.md says
    what exactly is measured.

    Example: python -m training compare --sets cardio,vowels --seeds 1
    """
    plan = Plan(
        sets=selected(data, _names(sets)),
        protocols=PROTOCOLS if protocol == "both" else (protocol,),
        seeds=seeds,
        recipe=recipes.read(recipe),
        methods=known_methods(_names(methods)) if methods != "none" else (),
        alpha=alpha,
        max_rows=max_rows,
    )
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=stderr, transient=True) as bar:
        task = bar.add_task("comparing", total=plan.steps)

        done = itertools.count()

        def step(what: str) -> None:
            bar.update(task, completed=next(done), description=what)

        found = compare(plan, Records.read(json), runs, step)
    print(tables(found, alpha))  # noqa: T201 - Markdown, not to be wrapped


def _names(listed: str) -> list[str]:
    """Names separated by commas; none for all."""
    return [] if listed == "all" else [name.strip() for name in listed.split(",") if name.strip()]


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
    console = Console(stderr=True)
    console.print(word, style="red", end=" ")
    console.print(str(error), markup=False, highlight=False, soft_wrap=True)


def _quieten() -> None:
    """Keeps the libraries' advertisements and internals out of the progress that a person reads."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _prepared(path: Path, smoke: bool, changes: list[str] | None) -> list[Prepared]:
    recipe = recipes.read(path, changes or ())
    found = [prepare(one, smoke=smoke) for one in recipes.candidates(recipe)]
    check_candidates(found)
    for line in found[0].dataset.left_out:
        _say(f"left out: {line}")
    for line in dict.fromkeys(f"{item.recipe.family_name}: {item.missing}" for item in found if item.missing):
        _say(line)
    return found


def _fit_one(prepared: Prepared, runs: Path, hardware: Hardware, resume: bool) -> Fitted:
    run = Run.of(prepared, runs)
    if resume and (story := run.story()) is not None:
        _say(f"{prepared.name}: {story}")
    return fit(prepared, run, hardware, resume=resume)


def _fitted(path: Path, smoke: bool, changes: list[str] | None, runs: Path) -> Fitted:
    """What ``fit`` left behind: of several families the one that it chose."""
    return choose([load_fitted(one, Run.of(one, runs)) for one in _prepared(path, smoke, changes)], _say)


def _write(best: Fitted, store: Path) -> None:
    written = published(best, bundle.Store(store), _say).bundle
    console.print(f"[bold]{written.manifest.reference}[/bold] written to {written.folder}")


def _score_word(kind: str) -> str:
    return {"exact": "exact", "lower_bound": "lower bound"}.get(kind, "none")
