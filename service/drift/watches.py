"""The drift watch of every model that was scored, by name and version."""

import logging
from collections.abc import Collection, Iterator
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial

import numpy as np

from pofx import bundle
from pofx.graphs.loaded import LoadedModel
from pofx.use.score import score_of
from pofx.use.scores import Scores
from service.drift.monitor import Monitor, Reading, Rules
from service.drift.watch import Watch

_log = logging.getLogger(__name__)


class Watches:
    """Made as models are scored; a new version of a model begins afresh. Ties are broken from a seed."""

    def __init__(self, rules: Rules, executor: Executor, seed: int = 0) -> None:
        self._rules, self._executor, self._seed = rules, executor, seed
        self._watches: dict[str, tuple[LoadedModel, Watch]] = {}

    def note(self, model: LoadedModel, scores: Scores) -> None:
        """Counts the items of an answered request; the work is done in the executor, and never fails the request.

        An item that could not be read does not count; one with an unseen category is as odd as can be.
        """
        watch, readable = self.of(model), scores.faults.readable
        groups = readable(np.array(scores.groups)).tolist() if scores.groups else None
        if watch.add(readable(scores.statistics[watched(model).name]), groups):
            with suppress(RuntimeError):  # the executor is closed: the process is about to end
                self._executor.submit(_fold, model, watch)

    def of(self, model: LoadedModel) -> Watch:
        """The watch of a model that can score."""
        reference = model.manifest.reference
        watched_model, watch = self._watches.get(reference, (None, None))
        if watch is None or watched_model is not model:  # not yet, or the version was replaced
            watch = self._make(model)
            self._watches[reference] = (model, watch)
        return watch

    def keep(self, models: Collection[LoadedModel]) -> None:
        """Forgets all models but these, which are still served."""
        self._watches = {key: found for key, found in self._watches.items() if found[0] in models}

    def read(self) -> Iterator[tuple[str, int, Reading]]:
        """Name, version and state of every model that was scored."""
        for model, watch in list(self._watches.values()):
            yield model.manifest.name, model.manifest.version, watch.read()

    def _make(self, model: LoadedModel) -> Watch:
        statistic = watched(model)
        random = np.random.default_rng(self._seed)
        make = partial(Monitor, statistic, model.calibration[statistic.name], self._rules, random)
        return Watch(make, random, grouped=score_of(model).calibration.groups is not None)


def watched(model: LoadedModel) -> bundle.Statistic:
    """The statistic that decides when a request names none."""
    return score_of(model).statistics[0]


def _fold(model: LoadedModel, watch: Watch) -> None:
    try:
        watch.fold()
    except Exception:  # nobody waits for this; a fault here must be seen, and must not touch the answers
        _log.exception("cannot watch the drift of %s", model.manifest.reference)
