"""``pofx calibrate``."""

from pathlib import Path
from typing import Annotated

import typer

from pofx import bundle
from pofx.rules.promises import at_least, smallest_alpha
from training.commands.said import console, say
from training.export.recalibration import recalibrate


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
    store: Annotated[Path, typer.Option(help="Where bundles are.")] = Path("models"),
) -> None:
    """Calibrate a bundle on normal items of your own, without training, as a new version in the store.

    Needs the bundle only, no run and no recipe. The version that was calibrated before stays as it is.

    Example: pofx calibrate breast-cancer-gmm healthy.csv --data "our clinic, 2026, confirmed healthy"
    """
    written = recalibrate(bundle.Store(store), model, path, about or f"items of {path.name}", labels)
    calibration = written.manifest.score.calibration
    console.print(f"[bold]{written.manifest.reference}[/bold] written to {written.folder}")
    smallest = smallest_alpha(calibration.n)
    say(f"calibrated on {calibration.n} items; the smallest alpha that can fire, by promise:")
    say(", ".join(f"{promise} {at_least(alpha)}" for promise, alpha in smallest.items()))
    if calibration.labels:
        say("per label: " + ", ".join(f"{label.name} {label.n} items" for label in calibration.labels))
