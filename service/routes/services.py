"""What routes work with; made once by ``create_app``."""

import asyncio
import logging
import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from pofx import bundle
from pofx.graphs.loaded import LoadedModel
from pofx.kinds.decoded import Decoded, Payload
from pofx.kinds.faults import Errors
from pofx.use.steps import Steps
from service.drift.watches import Watches
from service.engine.admission import Admission, Ticket
from service.engine.demand import Plan, demand_of
from service.engine.registry import Registry
from service.engine.slots import Slot
from service.engine.threads import DeviceThreads
from service.metrics import Metrics
from service.online.streams import Streams
from service.settings import Settings
from service.trace import Trace

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)

_INLINE_BYTES = 64 * 1024  # below this, a hop to another thread costs more than the work


@dataclass
class Services:
    """``drift`` is None where the settings switch it off; ``draining`` is set on SIGTERM and never unset.

    ``load_new`` follows the store and says whether anything changed; set when the application starts. ``settle`` is
    called after such a change.
    """

    settings: Settings
    registry: Registry
    device: DeviceThreads
    admission: Admission
    metrics: Metrics
    executor: Executor
    drift: Watches | None
    streams: Streams
    draining: bool = False
    load_new: Callable[[], bool] = bool
    settle: Callable[[], None] = lambda: None

    def choose(self, name: str | None, capability: str, trace: Trace) -> LoadedModel:
        """The model for a job, noted in the trace."""
        model = self.registry.choose(name, capability)
        trace.model, trace.version = model.manifest.name, str(model.manifest.version)
        return model

    def admit(self, plan: Plan, n: int, trace: Trace) -> Ticket:
        """A place for n rows of a plan; raises TooLarge or Overloaded for what would not be done in time."""
        demand = demand_of(plan, n, self.registry.prices.of(plan.graph))
        return self.admission.ticket(demand, trace.deadline)

    async def run(self, steps: Steps[T], ticket: Ticket, trace: Trace) -> T:
        """The result of a plan's steps, batched with those of other requests."""
        future = asyncio.get_running_loop().create_future()
        demand = ticket.demand
        slot = Slot(steps, trace, future, demand.price, ticket.expected_s, demand.calls)
        ticket.slot = slot
        return await self.device.run(slot)

    async def decode(self, items: Payload, spec: bundle.InputSpec, errors: Errors = "refuse") -> Decoded:
        """The items of a request; pictures that may be resized can be larger than they look."""
        resizing = spec.kind == "image" and spec.other_sizes != "refused"
        return await self.convert(math.inf if resizing else items.size, items.decode, spec, errors)

    async def look_for_bundles(self) -> None:
        """Serves what the store holds now; requests in flight keep the model they have."""
        try:
            changed = await asyncio.to_thread(self.load_new)
        except OSError as error:  # the store may be replaced as a whole just now
            _log.warning("cannot look for bundles in %s: %s", self.settings.store, error)
            return
        if changed:
            if self.drift is not None:
                self.drift.keep(self.registry.all())
            self.streams.keep(self.registry.all())
            self.settle()

    async def convert(self, size: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of decoding or encoding about that many bytes: at once if small, else in the bounded pool."""
        if size <= _INLINE_BYTES:
            return function(*args, **kwargs)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, lambda: function(*args, **kwargs))
