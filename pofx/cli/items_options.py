"""What a command line says of the items it reads."""

from pathlib import Path
from typing import Annotated

import typer

from pofx.kinds.columns import Extra
from pofx.kinds.faults import Errors

ItemsFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A CSV or Parquet table, an npy or npz array, a text with an item per line, or a folder or zip of "
        "images or WAV files.",
    ),
]
ExtraColumns = Annotated[
    Extra, typer.Option("--extra", metavar="keep|refuse", help="What to do with columns that the model does not read.")
]
WrongItems = Annotated[
    Errors,
    typer.Option(
        "--errors", metavar="refuse|row", help="row: answer every good item, and say in a column why another is not."
    ),
]
