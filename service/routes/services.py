"""What routes work with; made once by ``create_app``."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from service.inference.admission import Admission
from service.inference.batcher import Batcher
from service.inference.registry import Registry
from service.metrics import Metrics
from service.operations.drift.watches import Watches
from service.operations.generation import Generation
from service.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)

_INLINE_BYTES = 64 * 1024  # below this, a hop to another thread costs more than the work


@dataclass
class Services:
    """``drift`` is None where the settings switch it off; ``draining`` is set on SIGTERM and never unset.

    ``load_new`` loads what is new in the store and says whether anything was; set when the application starts.
    """

    settings: Settings
    registry: Registry
    batcher: Batcher
    admission: Admission
    generation: Generation
    metrics: Metrics
    executor: Executor
    drift: Watches | None
    draining: bool = False
    load_new: Callable[[], bool] = bool

    async def look_for_bundles(self) -> None:
        """Serves bundles that appeared in the store; requests in flight keep the model they have."""
        try:
            changed = await asyncio.to_thread(self.load_new)
        except OSError as error:  # the store may be replaced as a whole just now
            _log.warning("cannot look for new bundles in %s: %s", self.settings.store, error)
            return
        if changed:
            self.metrics.models(len(self.registry.all()), len(self.registry.refused))

    async def convert(self, size: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of decoding or encoding about that many bytes: at once if small, else in the bounded pool."""
        if size <= _INLINE_BYTES:
            return function(*args, **kwargs)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, lambda: function(*args, **kwargs))
