"""The loaded models by name and version, and the bundles that were refused."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pofx import bundle
from pofx.errors import CapabilityMissing, RequestInvalid, UnknownModel
from pofx.graphs.loaded import LoadedModel
from pofx.graphs.loading import Runtime, load
from service.errors import NotReady

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refused:
    """A bundle that is in the store but not served, and why; ``files`` is what its folder held then."""

    name: str
    version: int
    reason: str
    files: frozenset[tuple[str, int, int]] = frozenset()


@dataclass
class Registry:
    """Filled by ``load_store``, which replaces both attributes as a whole: a reader sees the old or the new."""

    models: Mapping[str, Mapping[int, LoadedModel]] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()
    _loading: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def load_store(self, store: bundle.Store, runtime: Runtime) -> bool:
        """Loads every version that is not loaded yet, and says whether anything changed.

        A bundle that fails is noted and does not stop the others; it is tried again when its files have changed, since
        it may have been copied there file by file. A loaded version is immutable and stays. Of two threads one waits.
        """
        with self._loading:
            return self._load_new(store, runtime)

    def _load_new(self, store: bundle.Store, runtime: Runtime) -> bool:
        models = {name: dict(versions) for name, versions in self.models.items()}
        refused: list[Refused] = []
        for reference in _references(store):
            if reference.version in models.get(reference.name, {}):
                continue
            result = self._load_one(store, reference, runtime)
            if isinstance(result, Refused):
                refused.append(result)
            else:
                models.setdefault(result.manifest.name, {})[result.manifest.version] = result
        changed = tuple(refused) != self.refused or set(_versions(models)) != set(_versions(self.models))
        self.models, self.refused = models, tuple(refused)
        return changed

    def _load_one(self, store: bundle.Store, reference: bundle.Reference, runtime: Runtime) -> LoadedModel | Refused:
        start = time.perf_counter()
        folder = store.locate(reference)
        files = _fingerprint(folder)
        for item in self.refused:
            if f"{item.name}:{item.version}" == str(reference) and item.files == files:
                return item
        try:
            model = load(bundle.read(folder), runtime)
        except Exception as error:  # whatever is wrong with one bundle must not keep the others from serving
            _log.error("refused %s: %s: %s", reference, type(error).__name__, error)
            return Refused(folder.parent.name, int(folder.name), f"{type(error).__name__}: {error}", files)
        _log.info("loaded %s in %.2f s", reference, time.perf_counter() - start)
        return model

    def all(self) -> list[LoadedModel]:
        """Every loaded version, by name and version."""
        return [versions[version] for _, versions in sorted(self.models.items()) for version in sorted(versions)]

    def latest(self) -> list[LoadedModel]:
        """The latest loaded version of every name."""
        return [versions[max(versions)] for _, versions in sorted(self.models.items())]

    def find(self, text: str) -> LoadedModel:
        """The model called ``name`` (its latest loaded version) or ``name:version``; raises UnknownModel."""
        try:
            reference = bundle.Reference.parse(text)
        except bundle.BundleNotFound as error:
            raise UnknownModel(str(error)) from error
        versions = self.models.get(reference.name, {})
        version = reference.version or max(versions, default=0)
        if version in versions:
            return versions[version]
        raise UnknownModel(self._why_unknown(reference), models=[model.manifest.reference for model in self.all()])

    def choose(self, text: str | None, capability: str) -> LoadedModel:
        """The model for a job; without a name, the only one that can do it."""
        if text is None:
            return self._only_one(capability)
        model = self.find(text)
        if model.manifest.offers(capability):
            return model
        raise CapabilityMissing(
            f"{model.manifest.reference} cannot {capability}; it {_why_not(model.manifest, capability)}",
            models_that_can=self._able(capability),
        )

    def _only_one(self, capability: str) -> LoadedModel:
        able = self._able(capability)
        if not self.models:
            raise NotReady("no model is loaded")
        if len(able) != 1:
            raise RequestInvalid(
                f"name a model: {len(able)} loaded models can {capability}", pointer="/model", models_that_can=able
            )
        return self.find(able[0])

    def _able(self, capability: str) -> list[str]:
        return [model.manifest.name for model in self.latest() if model.manifest.offers(capability)]

    def _why_unknown(self, reference: bundle.Reference) -> str:
        for item in self.refused:
            if item.name == reference.name and reference.version in (None, item.version):
                return f"{item.name}:{item.version} is in the store but refused: {item.reason}"
        return f"no model {str(reference)!r} is loaded"


def _references(store: bundle.Store) -> list[bundle.Reference]:
    return [bundle.Reference(name, version) for name in store.names() for version in store.versions(name)]


def _fingerprint(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Name, size and time of change of every file, without reading any."""
    found = ((path.name, path.lstat()) for path in folder.iterdir())
    return frozenset((name, state.st_size, state.st_mtime_ns) for name, state in found)


def _versions(models: Mapping[str, Mapping[int, LoadedModel]]) -> list[tuple[str, int]]:
    return [(name, version) for name, versions in models.items() for version in versions]


def _why_not(manifest: bundle.Manifest, capability: str) -> str:
    """What the model is instead, in words that go on after "it"."""
    if capability == "score" and manifest.kind == "implicit":
        return "is an implicit model: it draws samples but defines no density"
    decodes = "; it decodes given codes: send latents" if capability == "generate" and manifest.decode else ""
    return f"offers {', '.join(manifest.capabilities)}{decodes}"
