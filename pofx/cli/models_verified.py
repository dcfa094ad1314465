"""``pofx models verify``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pofx import bundle
from pofx.cli.opening import USUAL_STORE, StoreFolder, opened, reference_of


def verify_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="NAME or NAME:VERSION; without any, every version of the store."),
    ] = None,
    store: StoreFolder = USUAL_STORE,
) -> None:
    """Check bundles.

    Every file is compared with its checksum, and every graph has to reproduce its golden vectors here. The exit status
    is 1 if anything is wrong.
    """
    console, wrong = Console(), 0
    for reference in _chosen(names or [], bundle.Store(store)):
        trouble = _trouble(reference, store)
        wrong += trouble is not None
        console.print(f"{reference}: {trouble or 'ok'}", style="red" if trouble else None, markup=False, soft_wrap=True)
    if wrong:
        raise typer.Exit(1)


def _chosen(names: list[str], store: bundle.Store) -> Iterator[bundle.Reference]:
    for name in names:
        yield reference_of(name, store)
    if not names:
        for name in store.names():
            yield from (bundle.Reference(name, version) for version in store.versions(name))


def _trouble(reference: bundle.Reference, store: Path) -> str | None:
    """What is wrong with a bundle, if anything is."""
    try:
        opened(str(reference), store)
    except bundle.BundleError as error:
        return str(error)
    return None
