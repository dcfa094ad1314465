"""Models and stores as a command line names them."""

import os
from pathlib import Path
from typing import Annotated

import typer

from pofx import bundle
from pofx.bundle.errors import BundleError, BundleNotFound
from pofx.cli.nearest import did_you_mean
from pofx.errors import CapabilityMissing
from pofx.model import DEFAULT_STORE, Model, load

ModelName = Annotated[
    str, typer.Option("--model", "-m", help="NAME, NAME:VERSION or the folder of a bundle.", show_default=False)
]
StoreFolder = Annotated[
    Path, typer.Option("--store", help="Folder with the bundles.", envvar="SERVICE_STORE", show_envvar=False)
]
USUAL_STORE = DEFAULT_STORE


class CannotOpen(BundleError):
    """The bundle is there but cannot be used."""


def opened(name: str, store: Path) -> Model:
    """The model, self-tested; raises BundleError with what is wrong, or what was meant."""
    folder = Path(name)
    try:
        return load(folder) if os.sep in name and folder.is_dir() else load(name, store=store)
    except BundleNotFound as error:
        raise _not_found(name, bundle.Store(store), error) from error
    except BundleError:
        raise
    except Exception as error:  # golden vectors, wiring, runtime: whatever is wrong with a bundle is told alike
        raise CannotOpen(f"{name}: {error}") from error


def able(model: Model, capability: str) -> Model:
    """The model; CapabilityMissing says what else it can do if it cannot do this."""
    if capability not in model.info.capabilities:
        offers = ", ".join(model.info.capabilities)
        raise CapabilityMissing(f"{model.info.reference} cannot {capability}; it offers {offers}")
    return model


def reference_of(name: str, store: bundle.Store) -> bundle.Reference:
    """The version that a name means; raises BundleNotFound with what was meant."""
    try:
        reference = bundle.Reference.parse(name)
        return bundle.Reference(reference.name, int(store.locate(reference).name))
    except BundleNotFound as error:
        raise _not_found(name, store, error) from error


def _not_found(name: str, store: bundle.Store, error: BundleNotFound) -> BundleNotFound:
    names = store.names()
    if not names:
        return BundleNotFound(f"no bundles in {store.root}; give --store, or make one with pofx fit")
    bare = name.partition(":")[0]
    if bare in names:
        return error
    return BundleNotFound(f"no model {bare!r} in {store.root}{did_you_mean(bare, names)}; there is: {', '.join(names)}")
