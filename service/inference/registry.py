"""The loaded models by name and version, and the bundles that were refused."""

import logging
import time
from dataclasses import dataclass, field

import bundle
from service.errors import CapabilityMissing, NotReady, RequestInvalid, UnknownModel
from service.inference.loading import Runtime, load
from service.inference.model import Model, Refused

_log = logging.getLogger(__name__)

_WHY_NOT = {
    "implicit": "is an implicit model: it draws samples but defines no density",
    "representation": "is a representation: it has no density",
}


@dataclass
class Registry:
    """Filled once by ``load_store``; afterwards only read."""

    models: dict[str, dict[int, Model]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)

    def load_store(self, store: bundle.Store, runtime: Runtime) -> None:
        """Loads every version of every name; a bundle that fails is noted and does not stop the others."""
        for name in store.names():
            for version in store.versions(name):
                self._load_one(store, name, version, runtime)

    def _load_one(self, store: bundle.Store, name: str, version: int, runtime: Runtime) -> None:
        start = time.perf_counter()
        try:
            model = load(bundle.read(store.folder(name, version)), runtime)
        except Exception as error:  # whatever is wrong with one bundle must not keep the others from serving
            _log.error("refused %s:%d: %s: %s", name, version, type(error).__name__, error)
            self.refused.append(Refused(name, version, f"{type(error).__name__}: {error}"))
            return
        self.models.setdefault(name, {})[version] = model
        _log.info("loaded %s in %.2f s", model.manifest.reference, time.perf_counter() - start)

    def all(self) -> list[Model]:
        """Every loaded version, by name and version."""
        return [versions[version] for _, versions in sorted(self.models.items()) for version in sorted(versions)]

    def latest(self) -> list[Model]:
        """The latest loaded version of every name."""
        return [versions[max(versions)] for _, versions in sorted(self.models.items())]

    def find(self, text: str) -> Model:
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

    def choose(self, text: str | None, capability: str) -> Model:
        """The model for a job; without a name, the only one that can do it."""
        if text is None:
            return self._only_one(capability)
        model = self.find(text)
        if capability in model.manifest.capabilities:
            return model
        offers = f"offers {', '.join(model.manifest.capabilities)}"
        why = _WHY_NOT.get(model.manifest.kind, offers) if capability == "score" else offers
        raise CapabilityMissing(
            f"{model.manifest.reference} cannot {capability}; it {why}",
            models_that_can=self._able(capability),
        )

    def _only_one(self, capability: str) -> Model:
        able = self._able(capability)
        if not self.models:
            raise NotReady("no model is loaded")
        if len(able) != 1:
            raise RequestInvalid(
                f"name a model: {len(able)} loaded models can {capability}", pointer="/model", models_that_can=able
            )
        return self.find(able[0])

    def _able(self, capability: str) -> list[str]:
        return [model.manifest.name for model in self.latest() if capability in model.manifest.capabilities]

    def _why_unknown(self, reference: bundle.Reference) -> str:
        for item in self.refused:
            if item.name == reference.name and reference.version in (None, item.version):
                return f"{item.name}:{item.version} is in the store but refused: {item.reason}"
        return f"no model {str(reference)!r} is loaded"
