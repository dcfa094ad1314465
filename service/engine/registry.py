"""The loaded models by name and version, the bundles that were refused, and what happened to them lately."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pofx import bundle
from pofx.bundle import Reference
from pofx.errors import CapabilityMissing, RequestInvalid, UnknownModel
from pofx.graphs.loaded import LoadedModel
from pofx.graphs.loading import Runtime
from pofx.graphs.memory import give_back
from service.engine.look import look
from service.engine.pace import device_clock
from service.engine.prices import Clock, Prices
from service.engine.stock import Event, Refused, Stock, changes
from service.errors import NotReady, StillLoading

_log = logging.getLogger(__name__)

_LATEST_EVENTS = 100
_RETRY_S = 1


@dataclass
class Registry:
    """Filled by ``load_store``, which replaces ``stock`` and ``events`` (oldest first), each as a whole.

    ``starting`` is set while the store has not been looked through once; after ``stop`` no further bundle is loaded.
    ``prices`` are those of the graphs of its models.
    """

    stock: Stock = field(default_factory=Stock)
    prices: Prices = field(default_factory=Prices)
    events: tuple[Event, ...] = ()
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    starting: bool = False
    _loading: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _stopped: threading.Event = field(default_factory=threading.Event, repr=False)

    def load_store(self, store: bundle.Store, runtime: Runtime) -> bool:
        """Serves what the store holds now, each model once it is loaded, and says whether anything changed.

        Of two threads one waits. A request in flight keeps the model that it has.
        """
        with self._loading:
            refused, happened = self.stock.refused, False
            for after in look(store, self.stock, runtime):
                happened |= self._serve(after, device_clock(runtime.device))
                if self._stopped.is_set():
                    break
            changed = happened or self.stock.refused != refused
            if changed:
                give_back()
            if self.starting:
                _log.info("tried every bundle: %d loaded, %d refused", len(self.all()), len(self.refused))
            self.starting = False
        return changed

    def stop(self) -> None:
        """Ends a look at the store after the bundle that is being loaded."""
        self._stopped.set()

    def _serve(self, after: Stock, clock: Clock) -> bool:
        """From now on that, and whether it is anything else than before."""
        self._measure(self.stock, after, clock)
        happened = changes(self.stock, after, self.clock())
        for event in happened:
            if event.what in ("removed", "promoted"):  # what was loaded or refused is logged when it is read
                _log.info("%s %s:%s", event.what, event.name, event.version)
        self.stock, self.events = after, (*self.events, *happened)[-_LATEST_EVENTS:]
        return bool(happened)

    def _measure(self, before: Stock, after: Stock, clock: Clock) -> None:
        """The prices of what is new, before anybody can ask for it."""
        known = {id(model) for _, model in before.loaded()}
        for _, model in after.loaded():
            if id(model) not in known:
                self.prices.measure(model, clock)

    @property
    def models(self) -> Mapping[str, Mapping[int, LoadedModel]]:
        """Every loaded version by name."""
        return self.stock.models

    @property
    def refused(self) -> tuple[Refused, ...]:
        """The bundles in the store that are not served as they are there."""
        return self.stock.refused

    def all(self) -> list[LoadedModel]:
        """Every loaded version, by name and version."""
        return [model for _, model in self.stock.loaded()]

    def meant(self) -> list[LoadedModel]:
        """The version that every name means; a name that means none is left out."""
        stock = self.stock
        return [stock.models[name][version] for name, version in sorted(stock.meant.items())]

    def find(self, text: str) -> LoadedModel:
        """The model called ``name`` (its promoted version, or else the latest) or ``name:version``; or UnknownModel."""
        try:
            reference = Reference.parse(text)
        except bundle.BundleNotFound as error:
            raise UnknownModel(str(error)) from error
        model = self.stock.model(reference)
        if model is None and (self.stock.awaits(reference) or (self.starting and not self.stock.loading)):
            raise StillLoading(f"{reference} is still being loaded", _RETRY_S)
        if model is None:
            raise UnknownModel(self._why_unknown(reference), models=[item.manifest.reference for item in self.all()])
        return model

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
        if self.starting:
            raise StillLoading("models are still being loaded; name one", _RETRY_S)
        if not self.models:
            raise NotReady("no model is loaded")
        if len(able) != 1:
            raise RequestInvalid(
                f"name a model: {len(able)} loaded models can {capability}", pointer="/model", models_that_can=able
            )
        return self.find(able[0])

    def _able(self, capability: str) -> list[str]:
        return [model.manifest.name for model in self.meant() if model.manifest.offers(capability)]

    def _why_unknown(self, reference: Reference) -> str:
        if reference.version is None and reference.name in self.stock.unclear:
            return f"which version {reference.name!r} means is unclear: {self.stock.unclear[reference.name]}"
        refusal = self.stock.refusal(reference)
        if refusal is not None:
            return f"{refusal.reference} is in the store but refused: {refusal.reason}"
        for event in reversed(self.events):
            if event.what == "removed" and event.name == reference.name and reference.version in (None, event.version):
                return (
                    f"{event.name}:{event.version} was removed from the store; noticed at {event.at:%Y-%m-%dT%H:%M:%SZ}"
                )
        return f"no model {str(reference)!r} is loaded"


def _why_not(manifest: bundle.Manifest, capability: str) -> str:
    """What the model is instead, in words that go on after "it"."""
    if capability == "score" and manifest.kind == "implicit":
        return "is an implicit model: it draws samples but defines no density"
    decodes = "; it decodes given codes: send latents" if capability == "generate" and manifest.decode else ""
    return f"offers {', '.join(manifest.capabilities)}{decodes}"
