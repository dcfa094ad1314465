"""``pofx calibrate``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pofx import bundle
from pofx.cli.failures import complain
from pofx.cli.opening import USUAL_STORE, StoreFolder, opened, reference_of
from pofx.rules.excess import warning
from pofx.rules.groups import counted
from pofx.rules.promises import at_least, smallest_alpha
from pofx.use.recalibration import recalibrate


def calibrate_command(
    model: Annotated[str, typer.Argument(help="NAME or NAME:VERSION of a bundle in the store.")],
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Normal items: a .csv or .parquet table with the model's columns, .npy as the bundle takes them, .npz "
            "with them as x, a text with an item per line, a folder or zip of images or WAV files.",
        ),
    ],
    labels: Annotated[
        str | None,
        typer.Option(
            help="Where the labels are: a column of the table or of captions.csv, or an array of the .npz. Without it "
            "they are the names of sub-folders, if there are any."
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            help="What items belong together (recording, machine, patient): a column or array as for --labels, or "
            "folder or top-folder, the innermost or outermost one of every file. One item of each counts."
        ),
    ] = None,
    about: Annotated[
        str | None, typer.Option("--data", help="What the items are, kept in the manifest and the card.")
    ] = None,
    store: StoreFolder = USUAL_STORE,
) -> None:
    """Calibrate a bundle on normal items of your own, without training, as a new version in the store.

    Needs the bundle only, no run and no recipe. The version that was calibrated before stays as it is.
    """
    kept = bundle.Store(store)
    loaded = opened(str(reference_of(model, kept)), store).loaded
    notes: list[str] = []
    written = recalibrate(kept, loaded, path, about or f"items of {path.name}", labels, notes.append, group)
    calibration = written.manifest.score.calibration if written.manifest.score else None
    lines = [*notes, f"{written.manifest.reference} written to {written.folder}"]
    if calibration is not None:
        lines += _promises(calibration)
    promoted = kept.promoted(written.manifest.name)
    if promoted is not None:
        lines.append(f"{written.manifest.name} goes on to mean version {promoted}, which is promoted")
    for line in lines:
        Console().print(line, highlight=False, markup=False, soft_wrap=True)
    if (words := warning(written.manifest.score)) is not None:
        complain(words, "warning")


def _promises(calibration: bundle.Calibration) -> list[str]:
    smallest = smallest_alpha(calibration.n)
    rates = ", ".join(f"{promise} {at_least(alpha)}" for promise, alpha in smallest.items())
    per_label = ", ".join(f"{label.name} {label.n} items" for label in calibration.labels)
    return [
        f"calibrated on {counted(calibration)}; the smallest alpha that can fire, by promise: {rates}",
        *([f"per label: {per_label}"] if per_label else []),
    ]
