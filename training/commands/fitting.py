"""``pofx fit``, ``evaluate``, ``export`` and ``renew``: from a recipe, or a bundle, to a bundle."""

import logging
import os
from pathlib import Path
from typing import Annotated

import typer

from pofx import bundle
from pofx.cli.failures import complain
from pofx.rules.excess import warning
from training import recipe as recipes
from training.choose import candidate_name, check_candidates, choose, taking_gaps
from training.commands.said import console, say
from training.errors import FitInterrupted, TooCostly
from training.evaluate.measure import measure
from training.finish import finish
from training.fit import Fitted, Hardware, fit, load_fitted
from training.prepare import Prepared, prepare
from training.publish.renew import renew
from training.recipe import Recipe
from training.run import Run
from training.stages import published

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
StorePath = Annotated[
    Path | None,
    typer.Option(
        help="Where bundles are written; models by default, for a rehearsal RUNS/rehearsals.", show_default=False
    ),
]
_REHEARSALS = "rehearsals"
RunsPath = Annotated[Path, typer.Option(help="Where checkpoints, logs and weights are kept.")]


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
    store: StorePath = None,
    runs: RunsPath = Path("runs"),
) -> None:
    """Fit, evaluate, calibrate, export: one recipe to one new bundle version in the store.

    Ctrl-C leaves a checkpoint; the same command continues from it. A changed recipe is another run.
    """
    prepared, too_large = _prepared(recipe, smoke, changes)
    resume = resume and not smoke  # a rehearsal rehearses all of it
    hardware = Hardware(accelerator, devices)
    try:
        fitted, left_out = _fit_all(prepared, runs, hardware, resume)
        best = choose(fitted, say, [*too_large, *left_out])
    except FitInterrupted as stop:
        complain(str(stop), "stopped")
        raise typer.Exit(130) from stop
    _write(best, _store(store, smoke, runs))


def export_command(
    recipe: RecipePath,
    smoke: Smoke = False,
    changes: Changes = None,
    store: StorePath = None,
    runs: RunsPath = Path("runs"),
) -> None:
    """Export a run that is fitted already, as a new version: evaluate, calibrate, check parity, write."""
    _write(_fitted(recipe, smoke, changes, runs), _store(store, smoke, runs))


def renew_command(
    model: Annotated[str, typer.Argument(help="NAME, or NAME:VERSION.")],
    store: Annotated[Path, typer.Option(help="Where bundles are read and written.")] = Path("models"),
) -> None:
    """Export the sampler of a bundle anew, with the weights it has, as a new version: it draws the same in steps.

    For bundles of earlier software whose sampler is one long loop. Everything else stays as it is, byte for byte.
    """
    where = bundle.Store(store)
    written = renew(bundle.read(where.locate(bundle.Reference.parse(model))), where, say)
    console.print(f"[bold]{written.manifest.reference}[/bold] written to {written.folder}")


def evaluate_command(
    recipe: RecipePath, smoke: Smoke = False, changes: Changes = None, runs: RunsPath = Path("runs")
) -> None:
    """Print the test likelihood of a fitted run and how its samples cover the classes, as they would be exported."""
    finished = finish(_fitted(recipe, smoke, changes, runs), say)
    measurements = measure(finished)
    if not measurements:
        console.print(
            f"{finished.prepared.recipe.family_name} has no density and the data no labels: nothing to evaluate"
        )
        return
    for measurement in measurements:
        say(str(measurement))


def _prepared(path: Path, smoke: bool, changes: list[str] | None) -> tuple[list[Prepared], list[str]]:
    _quieten()
    recipe = recipes.read(path, changes or ())
    found, left_out = _affordable(recipes.candidates(recipe), smoke)
    check_candidates(found)
    found = taking_gaps(found)
    for line in found[0].dataset.left_out:
        say(f"left out: {line}")
    for line in found[0].dataset.notes:
        say(line)
    for line in dict.fromkeys(f"{item.recipe.family_name}: {item.missing}" for item in found if item.missing):
        say(line)
    return found, left_out


def _affordable(candidates: tuple[Recipe, ...], smoke: bool) -> tuple[list[Prepared], list[str]]:
    """Those of several families that fit into memory, and why the others are left out; TooCostly where none does."""
    found: list[Prepared] = []
    left_out: list[str] = []
    for one in candidates:
        try:
            found.append(prepare(one, smoke=smoke))
        except TooCostly as error:
            left_out.append(f"{one.candidate}-{one.family_name}: {error}")
            if len(left_out) == len(candidates):
                raise
            say(f"left out: {left_out[-1]}")
    return found, left_out


def _fit_all(prepared: list[Prepared], runs: Path, hardware: Hardware, resume: bool) -> tuple[list[Fitted], list[str]]:
    """Those of several families that take no more than they may, and why the others are left out."""
    fitted: list[Fitted] = []
    left_out: list[str] = []
    for place, one in enumerate(prepared, 1):
        if len(prepared) > 1:
            say(f"family {place} of {len(prepared)}: {candidate_name(one)}")
        run = Run.of(one, runs)
        try:
            if resume and len(prepared) > 1:
                run.refuse_left_out()
            fitted.append(_fit_one(one, run, hardware, resume))
        except TooCostly as error:
            run.leave_out(str(error))
            left_out.append(f"{candidate_name(one)}: {error}")
            if len(left_out) == len(prepared):
                raise
            say(f"left out: {left_out[-1]}")
    return fitted, left_out


def _fit_one(prepared: Prepared, run: Run, hardware: Hardware, resume: bool) -> Fitted:
    if resume and (story := run.story()) is not None:
        say(f"{prepared.name}: {story}")
    return fit(prepared, run, hardware, resume=resume)


def _fitted(path: Path, smoke: bool, changes: list[str] | None, runs: Path) -> Fitted:
    """What ``fit`` left behind: of several families the one that it chose."""
    prepared, left_out = _prepared(path, smoke, changes)
    fitted: list[Fitted] = []
    for one in prepared:
        run = Run.of(one, runs)
        try:
            if len(prepared) > 1:
                run.refuse_left_out()
            fitted.append(load_fitted(one, run))
        except TooCostly as error:
            left_out.append(f"{candidate_name(one)}: {error}")
    return choose(fitted, say, left_out)


def _store(asked: Path | None, smoke: bool, runs: Path) -> Path:
    """Where the bundle goes: a rehearsal appears among the models that are served only where that was asked for."""
    if asked is None and smoke:
        say(f"a rehearsal: its bundle goes to {runs / _REHEARSALS}, which nothing serves; --store says where else")
    return asked or (runs / _REHEARSALS if smoke else Path("models"))


def _write(best: Fitted, store: Path) -> None:
    written = published(best, bundle.Store(store), say).bundle
    console.print(f"[bold]{written.manifest.reference}[/bold] written to {written.folder}")
    if (words := warning(written.manifest.score)) is not None:
        complain(words, "warning")


def _quieten() -> None:
    """Keeps the libraries' advertisements and internals out of the progress that a person reads."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
