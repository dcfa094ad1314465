"""``pofx models diff``."""

import itertools
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pofx import bundle
from pofx.cli.ahead import ahead
from pofx.cli.models_shown import folding, size_of
from pofx.cli.opening import USUAL_STORE, StoreFolder, able, opened, reference_of
from pofx.cli.progress import progress
from pofx.cli.summary import number
from pofx.errors import RequestInvalid
from pofx.graphs.loaded import LoadedModel
from pofx.kinds.decoded import Decoded
from pofx.kinds.files import blocks, count
from pofx.rules.conformal import Floats
from pofx.use.score import ScoreAsked, ScorePlan, plan
from pofx.use.steps import run

_MOST_CHARACTERS, _MOST_ITEMS = 60, 10
_METRICS, _VALUE = "metrics", "/value"
_DIGESTS = ("sha256", "fingerprint")


def diff_command(
    one: Annotated[str, typer.Argument(metavar="A", help="NAME or NAME:VERSION.")],
    other: Annotated[str, typer.Argument(metavar="B", help="NAME or NAME:VERSION.")],
    on: Annotated[Path | None, typer.Option("--on", help="Also compare verdicts and p-values on these items.")] = None,
    store: StoreFolder = USUAL_STORE,
) -> None:
    """Compare two bundles side by side.

    Input, statistics, calibration, metrics, graphs and size, as far as they differ. With --on FILE both score its
    items: how many verdicts change, and how far p-values lie apart.
    """
    kept, console = bundle.Store(store), Console()
    references = [reference_of(name, kept) for name in (one, other)]
    first, second = (bundle.read(kept.locate(reference)).manifest for reference in references)
    console.print(_differences(first, second))
    if on is not None:
        console.print(_verdicts([able(opened(str(reference), store), "score").loaded for reference in references], on))


def _differences(one: bundle.Manifest, other: bundle.Manifest) -> Table:
    table = folding("", one.reference, other.reference)
    part = None
    for found in bundle.differences(one, other):
        if found.part == _METRICS and not found.what.endswith(_VALUE):
            continue  # how it was measured; the metric's row has its value
        if found.part != part:
            table.add_section()
            table.add_row(f"[bold]{found.part}[/bold]")
            part = found.part
        name = escape(found.what.removesuffix(_VALUE))
        table.add_row(name, _short(found.what, found.one), _short(found.what, found.other))
    table.add_section()
    table.add_row("size of all files", size_of(one), size_of(other))
    return table


def _short(what: str, value: Any) -> str:
    """A value in a cell; of a digest its beginning."""
    if value is None:
        return "-"
    if what.rpartition("/")[2].startswith(_DIGESTS):
        return str(value)[:8]
    text = f"{value:.5g}" if isinstance(value, float) else str(value)
    return escape(text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} (and more)")


def _verdicts(models: list[LoadedModel], path: Path) -> Table:
    """How the verdicts of two models on the same items agree, and the items where p-values lie furthest apart."""
    plans = [plan(model, ScoreAsked()) for model in models]
    names = [model.manifest.reference for model in models]
    p_values, anomalies = _both(plans, path)
    table = folding(f"on {path.name}", *names)
    table.add_row("items", *[f"{p_values.shape[1]:,}"] * 2)
    table.add_row("decides", *(f"{item.rule.statistic}, alpha {item.rule.alpha:.4g}" for item in plans))
    table.add_row("anomalies", *(f"{int(found.sum()):,}" for found in anomalies))
    table.add_row("anomalies of it alone", *(f"{n:,}" for n in _alone(anomalies)))
    table.add_row("mean p-value", *(number(float(np.nanmean(found))) for found in p_values))
    apart = np.abs(p_values[0] - p_values[1])
    table.add_row(
        "p-values apart", f"median {number(float(np.nanmedian(apart)))}", f"most {number(float(np.nanmax(apart)))}"
    )
    for at in np.argsort(-np.nan_to_num(apart), kind="stable")[:_MOST_ITEMS].tolist():
        if apart[at] > 0:
            table.add_row(f"p-value of item {at:,}", *(number(float(found[at])) for found in p_values))
    return table


def _both(plans: list[ScorePlan], path: Path) -> tuple[Floats, "np.ndarray[Any, np.dtype[np.bool_]]"]:
    """p-values and verdicts, (2, items) each."""
    specs = [item.model.manifest.input for item in plans]
    if specs[0].kind != specs[1].kind or specs[0].shape != specs[1].shape:
        raise RequestInvalid(f"{path}: the two models do not take the same items")
    parts = []
    with progress("comparing", count(path, specs[0])) as advance:
        for block in ahead(blocks(path, specs[0], extra="keep")):
            parts.append([_decided(item, block.decoded) for item in plans])
            advance(len(block.decoded.array))
    found = [np.concatenate(column, axis=1) for column in zip(*parts, strict=True)]  # (2, items) for each model
    return np.stack([item[0] for item in found]), np.stack([item[1] for item in found]).astype(np.bool_)


def _decided(asked: ScorePlan, items: Decoded) -> Floats:
    """p-values, and 1 for anomalies, (2, items)."""
    scores = run(asked.begin(items))
    return np.stack([scores.p_value, scores.anomaly.astype(np.float64)])


def _alone(anomalies: "np.ndarray[Any, np.dtype[np.bool_]]") -> list[int]:
    return [int((a & ~b).sum()) for a, b in itertools.permutations(anomalies)]
