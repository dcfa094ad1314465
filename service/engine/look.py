"""One look at the store: what is loaded after it, given what was loaded before."""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pofx import bundle
from pofx.bundle import Reference
from pofx.graphs.loaded import LoadedModel
from pofx.graphs.loading import Runtime, load
from service.engine.stock import Files, Refused, Stock

_log = logging.getLogger(__name__)


def look(store: bundle.Store, before: Stock, runtime: Runtime) -> Iterator[Stock]:
    """What is to be served from now on: first what is known without loading anything, then anew after every bundle.

    What was removed is gone, and what was replaced is loaded anew. What a name means comes first, small before large. A
    bundle that fails is noted and does not stop the others; it is tried again when its files change, since it may have
    been copied there file by file. Until then the model that it would replace is served on. Raises FileNotFoundError
    for a store that is not there although it was.
    """
    if before.models and not store.root.is_dir():  # it may be replaced as a whole just now: no removal
        raise FileNotFoundError(f"no folder {store.root}")
    found = _found(store)
    stock = _kept(before, found)
    waiting = _in_order({what: seen for what, seen in found.items() if _is_new(what, seen, stock)}, found)
    stock = _named(store, replace(stock, loading=tuple(waiting)), before)
    yield stock
    for place, reference in enumerate(waiting, 1):
        result = _load(store, reference, found[reference], before.model(reference), runtime)
        stock = replace(_with(stock, reference, found[reference], result), loading=tuple(waiting[place:]))
        stock = _named(store, stock, before)
        yield stock


def _kept(before: Stock, found: Mapping[Reference, Files]) -> Stock:
    """What of it is still in the store, and refusals of files that are the same."""
    models: dict[str, dict[int, LoadedModel]] = {}
    for reference, model in before.loaded():
        if reference in found:
            models.setdefault(reference.name, {})[model.manifest.version] = model
    files = {reference: files for reference, files in before.files.items() if reference in found}
    refused = tuple(item for item in before.refused if found.get(item.reference) == item.files)
    return Stock(models, files, refused)


def _is_new(reference: Reference, seen: Files, stock: Stock) -> bool:
    return stock.files.get(reference) != seen and stock.refusal(reference) is None


def _in_order(new: Mapping[Reference, Files], found: Iterable[Reference]) -> list[Reference]:
    """The latest version of every name before all others, each small before large."""
    latest = {reference.name: reference for reference in sorted(found, key=lambda what: what.version or 0)}
    return sorted(new, key=lambda what: (latest[what.name] != what, sum(size for _, size, _, _ in new[what])))


def _with(stock: Stock, reference: Reference, seen: Files, result: LoadedModel | Refused) -> Stock:
    """With the result of loading; a model that could not be replaced stays."""
    if isinstance(result, Refused):
        return replace(stock, refused=(*stock.refused, result))
    versions = {**stock.models.get(reference.name, {}), result.manifest.version: result}
    return replace(
        stock,
        models={**stock.models, reference.name: versions},
        files={**stock.files, reference: seen},
        refused=tuple(item for item in stock.refused if item.reference != reference),
    )


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

    Where the promoted version cannot be told or loaded, or what is later is still to be tried, a name goes on to mean
    what it meant, if anything.
    """
    meant: dict[str, int] = {}
    promoted: dict[str, int] = {}
    unclear: dict[str, str] = {}
    for name, versions in after.models.items():
        version, why = _promoted(store, name, after)
        if version is not None:
            promoted[name] = version
        waits = _waits(after, name, version)
        if why is not None and not waits:
            unclear[name] = why
        means = before.meant.get(name) if waits or why is not None else version or max(versions)
        if means is not None and means in versions:
            meant[name] = means
    return replace(after, meant=meant, promoted=promoted, unclear=unclear)


def _waits(after: Stock, name: str, promoted: int | None) -> bool:
    """Whether what the name is to mean is still to be tried: the promoted version, or one later than those loaded."""
    awaited = {item.version or 0 for item in after.loading if item.name == name} - after.models[name].keys()
    return max(awaited, default=0) > max(after.models[name]) if promoted is None else promoted in awaited


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
