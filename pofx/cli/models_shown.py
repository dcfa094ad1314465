"""``pofx models list`` and ``show``."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pofx import bundle
from pofx.cli.opening import USUAL_STORE, StoreFolder, reference_of
from pofx.rules.density_words import meaning
from pofx.rules.excess import warning
from pofx.rules.groups import counted
from pofx.rules.promises import at_least, smallest_alpha

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="NAME or NAME:VERSION.")]
_COLUMNS = ("model", "version", "takes", "can", "family", "size")


def list_command(
    versions: Annotated[bool, typer.Option("--versions", help="Every version, not only the one a name means.")] = False,
    store: StoreFolder = USUAL_STORE,
) -> None:
    """List models.

    Without --versions a line per name, with the version that the bare name means; * says that it was promoted.
    """
    found, table, console = bundle.Store(store), folding(*_COLUMNS), Console()
    for name in found.names():
        for version in found.versions(name) if versions else [found.meant(name)]:
            table.add_row(*_row(found, name, version))
    if table.row_count:
        console.print(table)
    else:
        console.print(f"no bundles in {store}; make one with pofx fit", markup=False, soft_wrap=True)


def _row(store: bundle.Store, name: str, version: int) -> tuple[str, ...]:
    promoted = "*" if store.promoted(name) == version else ""
    try:
        manifest = bundle.read(store.folder(name, version)).manifest
    except bundle.BundleError as error:
        return name, f"{version}{promoted}", "refused:", str(error), "", ""
    can = ", ".join(manifest.capabilities)
    return name, f"{version}{promoted}", manifest.input.kind, can, manifest.family, size_of(manifest)


def show_command(
    model: ModelArgument,
    metrics: Annotated[bool, typer.Option("--metrics", help="Also everything that was measured.")] = False,
    store: StoreFolder = USUAL_STORE,
) -> None:
    """Show a model.

    What it takes, what it can do, what decides about anomalies, and which false-alarm rates its calibration supports.
    """
    found = bundle.Store(store)
    reference = reference_of(model, found)
    manifest = bundle.read(found.locate(reference)).manifest
    console, table = Console(), Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in facts_of(manifest).items():
        table.add_row(name, text)
    console.print(manifest.summary, markup=False)
    console.print(table)
    if metrics:
        console.print(_metrics(manifest))


def facts_of(manifest: bundle.Manifest) -> dict[str, str]:
    """What is to be known about a model, by name."""
    data = manifest.provenance.data
    return {
        "model": manifest.reference,
        "family": manifest.family,
        "takes": input_words(manifest.input),
        "can": ", ".join(manifest.capabilities),
        **_score_facts(manifest.score),
        **_generate_facts(manifest.generate),
        "graphs": ", ".join(f"{name} {graph.mflop_per_row:.3g} MFLOP" for name, graph in manifest.graphs.items()),
        "data": f"{data.source}; {', '.join(f'{name} {count:,}' for name, count in data.splits.items())}",
        "made": f"{manifest.provenance.created}, {manifest.provenance.training_seconds:,.0f} s of training",
        "size": size_of(manifest),
    }


def _score_facts(score: bundle.Score | None) -> dict[str, str]:
    if score is None:
        return {}
    rates = ", ".join(f"{promise} {at_least(rate)}" for promise, rate in smallest_alpha(score.calibration.n).items())
    labels = ", ".join(f"{label.name} ({label.n})" for label in score.calibration.labels)
    return {
        "density": meaning(score.density),
        "decides": score.statistics[0].name,
        "statistics": ", ".join(item.name for item in score.statistics),
        "calibrated": f"{counted(score.calibration)}, {score.calibration.data}",
        "alpha from": rates,
        **({"labels": labels} if labels else {}),
        **({} if (words := warning(score)) is None else {"WARNING": words}),
    }


def _generate_facts(generate: bundle.Generate | None) -> dict[str, str]:
    if generate is None:
        return {}
    conditions = ", ".join(item.of for item in generate.conditions)
    return {"samples": generate.method.replace("_", " ") + (f", given {conditions}" if conditions else "")}


def input_words(spec: bundle.InputSpec) -> str:
    """What a model takes, with its size."""
    match spec:
        case bundle.ImageSpec():
            return f"images of {spec.width}×{spec.height} pixels, {'grey' if spec.channels == 1 else 'colour'}"
        case bundle.AudioSpec():
            return f"recordings of {spec.length / spec.rate_hz:g} s at {spec.rate_hz} Hz"
        case bundle.TextSpec():
            return f"texts of at most {spec.length} characters"
        case bundle.RowSpec():
            return f"rows with {', '.join(column.name for column in spec.columns)}"


def _metrics(manifest: bundle.Manifest) -> Table:
    table = folding("metric", "value", "unit", "split", "protocol")
    for item in manifest.metrics:
        table.add_row(item.name, f"{item.value:.5g}", item.unit, item.split, item.protocol)
    return table


def size_of(manifest: bundle.Manifest) -> str:
    """The size of all files."""
    size = sum(file.size for file in manifest.files.values())
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def folding(*names: str) -> Table:
    """A table that folds what does not fit, and cuts nothing off."""
    table = Table()
    for name in names:
        table.add_column(name, overflow="fold")
    return table
