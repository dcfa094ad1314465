"""``pofx models promote``, ``rollback`` and ``remove``."""

from typing import Annotated

import typer
from rich.console import Console

from pofx import bundle
from pofx.cli.opening import USUAL_STORE, StoreFolder, reference_of
from pofx.errors import RequestInvalid

Version = Annotated[str, typer.Argument(metavar="NAME:VERSION", help="One version of a model.")]


def promote_command(version: Version, store: StoreFolder = USUAL_STORE) -> None:
    """Say which version a bare name means.

    Without a promotion a name means its latest version. A running service notices.
    """
    name, number = _exact(version, store)
    bundle.Store(store).promote(name, number)
    _say(f"{name} now means {name}:{number}")


def rollback_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a model.")], store: StoreFolder = USUAL_STORE
) -> None:
    """Go back to the version before.

    Undoes the latest promotion, once.
    """
    found = reference_of(name, bundle.Store(store))
    _say(f"{found.name} now means {found.name}:{bundle.Store(store).rollback(found.name)}")


def remove_command(
    version: Version,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: StoreFolder = USUAL_STORE,
) -> None:
    """Remove a version.

    Its files are gone for good; the promoted version is refused.
    """
    name, number = _exact(version, store)
    if not yes:
        typer.confirm(f"Remove {name}:{number} from {store}?", abort=True)
    bundle.Store(store).remove(name, number)
    _say(f"{name}:{number} removed")


def _exact(text: str, store: StoreFolder) -> tuple[str, int]:
    """Name and version; raises RequestInvalid where the version is left out."""
    found = reference_of(text, bundle.Store(store))
    if ":" not in text or found.version is None:
        raise RequestInvalid(f"expected {found.name}:VERSION, got {text!r}; say which version")
    return found.name, found.version


def _say(line: str) -> None:
    Console().print(line, highlight=False, markup=False, soft_wrap=True)
