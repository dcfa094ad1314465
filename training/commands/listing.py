"""``pofx families``."""

import sys
from typing import Annotated

import typer
from rich.table import Table

from pofx.cli.nearest import did_you_mean
from training import recipe as recipes
from training.commands.said import console
from training.errors import TrainingError
from training.zoo import FAMILIES
from training.zoo.base import spaces

_WIDE = 120  # columns


def families_command(name: Annotated[str | None, typer.Argument(help="Show the options of this one.")] = None) -> None:
    """List the families, or the options of one."""
    if name is None:
        console.print(_overview(console.width))
        return
    if name not in FAMILIES:
        raise TrainingError(f"no family {name!r}{did_you_mean(name, FAMILIES) or ';'} there is: {', '.join(FAMILIES)}")
    module = sys.modules[FAMILIES[name].__module__]
    console.print((module.__doc__ or "").strip(), markup=False)
    table = _folding("option", "default", "allowed", "meaning")
    for row in recipes.describe(FAMILIES[name].Options):
        table.add_row(*row)
    console.print(table)


def _overview(width: int) -> Table:
    """All families; the papers only where there is room for them."""
    wide = width >= _WIDE
    table = _folding("family", "method", "score", "data", *(["paper"] if wide else []))
    for key, family in FAMILIES.items():
        data = ", ".join(spaces(family)).replace("_", " ")
        table.add_row(key, family.title, _score_word(family.kind), data, *([family.paper] if wide else []))
    return table


def _folding(first: str, *others: str) -> Table:
    """A table whose cells are folded and never cut off."""
    table = Table()
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, overflow="fold")
    return table


def _score_word(kind: str) -> str:
    return {"exact": "exact", "lower_bound": "estimate of a lower bound"}.get(kind, "none")
