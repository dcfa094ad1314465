"""One look at the store: what is loaded after it, given what was loaded before."""

import logging
import time
from dataclasses import replace
from pathlib import Path

from pofx import bundle
from pofx.bundle import Reference
from pofx.graphs.loaded import LoadedModel
from pofx.graphs.loading import Runtime, load
from service.engine.stock import Files, Refused, Stock

_log = logging.getLogger(__name__)


def look(store: bundle.Store, before: Stock, runtime: Runtime) -> Stock:
    """What is to be served from now on.

    What was removed is gone, and what was replaced is loaded anew. A bundle that fails is noted and does not stop the
    others; it is tried again when its files change, since it may have been copied there file by file. Until then the
    model that it would replace is served on. Raises FileNotFoundError for a store that is not there although it was.
    """
    if before.models and not store.root.is_dir():  # it may be replaced as a whole just now: no removal
        raise FileNotFoundError(f"no folder {store.root}")
    models: dict[str, dict[int, LoadedModel]] = {}
    files: dict[Reference, Files] = {}
    refused: list[Refused] = []
    for reference, seen in _found(store).items():
        model, known = before.model(reference), before.files.get(reference)
        if known != seen:
            result = _renewed(store, reference, seen, before, runtime)
            if isinstance(result, Refused):
                refused.append(result)
            else:
                model, known = result, seen
        if model is not None and known is not None:
            models.setdefault(reference.name, {})[model.manifest.version] = model
            files[reference] = known
    return _named(store, Stock(models, files, tuple(refused)), before)


def _renewed(
    store: bundle.Store, reference: Reference, seen: Files, before: Stock, runtime: Runtime
) -> LoadedModel | Refused:
    """The model in the store, or why it is refused, which is found out once for the same files."""
    refusal = before.refusal(reference)
    if refusal is not None and refusal.files == seen:
        return refusal
    return _load(store, reference, seen, before.model(reference), runtime)


def _load(
    store: bundle.Store, reference: Reference, seen: Files, served: LoadedModel | None, runtime: Runtime
) -> LoadedModel | Refused:
    """The model in the store; the one that is loaded if their bytes are the same."""
    start = time.perf_counter()
    try:
        source = bundle.read(store.locate(reference))
        if served is not None and served.manifest == source.manifest:
            return served
        model = load(source, runtime)
    except Exception as error:  # whatever is wrong with one bundle must not keep the others from serving
        _log.error("refused %s: %s: %s", reference, type(error).__name__, error)
        return Refused(reference.name, reference.version or 0, f"{type(error).__name__}: {error}", seen)
    _log.info("loaded %s in %.2f s", reference, time.perf_counter() - start)
    return model


def _named(store: bundle.Store, after: Stock, before: Stock) -> Stock:
    """The same models, with what their names mean: the promoted version, or the latest that is loaded.

    Where the promoted version cannot be told or loaded, a name goes on to mean what it meant, if anything.
    """
    meant: dict[str, int] = {}
    promoted: dict[str, int] = {}
    unclear: dict[str, str] = {}
    for name, versions in after.models.items():
        version, why = _promoted(store, name, after)
        if version is not None:
            promoted[name] = version
        if why is not None:
            unclear[name] = why
        means = (version or max(versions)) if why is None else before.meant.get(name)
        if means is not None and means in versions:
            meant[name] = means
    return replace(after, meant=meant, promoted=promoted, unclear=unclear)


def _promoted(store: bundle.Store, name: str, after: Stock) -> tuple[int | None, str | None]:
    """The promoted version, and why it cannot be served under the bare name if so."""
    try:
        version = store.promoted(name)
    except bundle.RecordDamaged as error:
        return None, str(error)
    if version is None or version in after.models[name]:
        return version, None
    refusal = after.refusal(Reference(name, version))
    reason = refusal.reason if refusal else "it is not loaded yet"
    return version, f"{name}:{version} is promoted but refused: {reason}"


def _found(store: bundle.Store) -> dict[Reference, Files]:
    """Every version in the store, with what its folder holds."""
    found = {}
    for reference in (Reference(name, version) for name in store.names() for version in store.versions(name)):
        try:
            found[reference] = _files(store.folder(reference.name, reference.version or 0))
        except FileNotFoundError:  # removed meanwhile
            continue
    return found


def _files(folder: Path) -> Files:
    """Names, sizes and times, without reading any file; the time of the last status change shows a copy that kept its
    time of modification.
    """
    found = ((path.name, path.lstat()) for path in folder.iterdir())
    return frozenset((name, state.st_size, state.st_mtime_ns, state.st_ctime_ns) for name, state in found)
