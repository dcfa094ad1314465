"""``pofx data``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from training.commands.said import say
from training.data import mnist


def data_command(
    name: Annotated[Literal["mnist"], typer.Argument(help="Which data set to fetch.")],
    folder: Annotated[Path | None, typer.Option(help="Where to; default data/NAME.")] = None,
) -> None:
    """Download and verify a data set; what is there and whole is kept."""
    mnist.download(folder or Path("data") / name, say)
