"""A group of commands that are imported when they are called, and errors as one line."""

import importlib
import inspect
import os
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup

from pofx.cli.commands import Command, Extra, Group
from pofx.cli.failures import complain, words_of

_INSTALL: dict[Extra, str] = {
    "cpu": 'pip install "pofx[cpu,parquet]"',
    "service": 'make install, or pip install "pofx[service]"',
    "training": 'make install-all, or pip install "pofx[training]"',
}
_OWN = ("pofx", "service")


def application(name: str, help_text: str, table: Mapping[str, Command | Group]) -> typer.Typer:
    """An application with the commands of a table."""
    app = typer.Typer(
        name=name,
        cls=type("Commands", (LazyGroup,), {"table": table}),
        help=help_text,
        no_args_is_help=True,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_nothing)
    return app


def _nothing() -> None:
    """What comes before a command."""


class LazyGroup(TyperGroup):
    """Commands of a table; our own errors end with status 2 and one line, Ctrl-C with 130 and none."""

    table: Mapping[str, Command | Group] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: _Unloaded(name, entry) for name, entry in self.table.items()}

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """In the order of the table."""
        return list(self.table)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Runs a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except BrokenPipeError:  # whoever read the output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise typer.Exit(0) from None
        except Exception as error:
            words = words_of(error)
            if words is None:
                raise
            complain(words)
            raise typer.Exit(2) from error


class _Unloaded(TyperCommand):
    """What help needs to know of a command; called, it becomes the command itself."""

    def __init__(self, name: str, entry: Command | Group) -> None:
        super().__init__(name, help=entry.help, short_help=entry.help, callback=None, rich_help_panel=entry.panel)
        self._entry = entry

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the command itself."""
        command = _loaded(self.name or "", self._entry)
        try:
            return command.make_context(info_name, args, parent=parent, **extra)
        except Exception as error:
            raise _with_hint(error) from None


def _loaded(name: str, entry: Command | Group) -> Any:
    if isinstance(entry, Group):
        return typer.main.get_command(application(name, entry.help, entry.commands))
    app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
    app.command(name, help=_help(entry, _function(name, entry)), epilog=_examples(entry.examples))(
        _function(name, entry)
    )
    return typer.main.get_command(app)


def _function(name: str, entry: Command) -> Any:
    """The function of a command; ends with a line that says what to install where it is not there."""
    module, _, attribute = entry.target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _OWN:
            raise
        complain(f"pofx {name} needs {error.name}, which is not installed: {_INSTALL[entry.extra]}")
        raise typer.Exit(2) from error


def _help(entry: Command, function: Any) -> str:
    """The docstring with its first line from the table, each paragraph in one line."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")[1:]
    return "\n\n".join(escape(" ".join(text.split())) for text in (entry.help, *paragraphs))


def _examples(examples: Sequence[str]) -> str:
    return "Examples:\n" + "\n".join(f"  [cyan]{escape(example)}[/cyan]" for example in examples)


def _with_hint(error: Exception) -> Exception:
    """An unknown option, with the one that may have been meant."""
    near = getattr(error, "possibilities", None)
    if near:
        vars(error).update(message=f"{vars(error)['message']}. Did you mean {' or '.join(near)}?", possibilities=None)
    return error
