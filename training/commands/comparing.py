"""``pofx compare``."""

import itertools
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from training import recipe as recipes
from training.compare.comparison import PROTOCOLS, Plan, compare
from training.compare.detectors import known_methods
from training.compare.protocol import selected
from training.compare.records import Records
from training.compare.report import tables


def compare_command(
    data: Annotated[
        Path, typer.Option(help="Folder of npz archives with rows X and y, where y = 1 is an anomaly.")
    ] = Path("data/adbench"),
    sets: Annotated[str, typer.Option(help="Names separated by commas, for instance cardio,vowels; or all.")] = "all",
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="How many splits of every set.")] = 3,
    protocol: Annotated[
        Literal["one-class", "contaminated", "both"],
        typer.Option(
            metavar="WORD",
            help="one-class fits on normal rows only, contaminated on all rows of the fit part; both, in two tables.",
        ),
    ] = "one-class",
    methods: Annotated[str, typer.Option(help="Classic detectors separated by commas; all, or none.")] = "all",
    recipe: Annotated[Path, typer.Option(help="Our side; what it says about data is replaced by the sets.")] = Path(
        "recipes/tabular-density.toml"
    ),
    alpha: Annotated[float, typer.Option(min=0.0, max=1.0, metavar="RATE", help="False-alarm rate to ask for.")] = 0.05,
    max_rows: Annotated[
        int, typer.Option(min=50, metavar="N", help="Most rows of a set; drawn anew for every seed.")
    ] = 20_000,
    json: Annotated[Path, typer.Option(help="Where every number is kept as soon as it is known.")] = Path(
        "runs/compare/records.json"
    ),
    runs: Annotated[Path, typer.Option(help="Where fitted models are kept.")] = Path("runs/compare"),
) -> None:
    """Compare our statistics with the classic detectors of PyOD and scikit-learn, on the same splits.

    Prints Markdown tables: AUROC per set; then mean rank, AUROC, AUPR, FPR@95, realised false alarms and seconds. What
    is in the JSON file is not measured again: Ctrl-C loses at most the method that was running. docs/compare.md says
    what exactly is measured.
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
    with Progress(
        *Progress.get_default_columns(), TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("comparing", total=plan.steps)

        done = itertools.count()

        def step(what: str) -> None:
            bar.update(task, completed=next(done), description=what)

        found = compare(plan, Records.read(json), runs, step)
    print(tables(found, alpha))  # noqa: T201 - Markdown, not to be wrapped


def _names(listed: str) -> list[str]:
    """Names separated by commas; none for all."""
    return [] if listed == "all" else [name.strip() for name in listed.split(",") if name.strip()]
