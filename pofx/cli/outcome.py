"""What the scores of a stream come to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from pofx import bundle
from pofx.cli.tally import Found, Tally
from pofx.cli.worst import WorstItem
from pofx.kinds.decoded import Decoded
from pofx.kinds.faults import Faults
from pofx.rules.arrays import Array
from pofx.rules.lord import Stream
from pofx.rules.outputs import map_kind
from pofx.rules.promises import CONFIDENCE
from pofx.use.score import ScorePlan
from pofx.use.steps import run


@dataclass(frozen=True)
class Outcome:
    """Everything a summary or a report is made of; ``worst`` is most anomalous first.

    ``found`` are the discoveries among all items, ``stream`` is what the stream has come to that they were scored in.
    """

    plan: ScorePlan
    path: Path
    tally: Tally
    found: Found | None
    worst: Sequence[WorstItem]
    notes: Sequence[str]
    seconds: float
    stream: Stream | None = None

    @property
    def manifest(self) -> bundle.Manifest:
        """What the bundle says about itself."""
        return self.plan.model.manifest

    @property
    def threshold(self) -> float:
        """The largest p-value of an anomaly."""
        return self.plan.rule.thresholds[0]

    @property
    def statistic(self) -> bundle.Statistic:
        """The one that decides."""
        return next(item for item in self.plan.declared.statistics if item.name == self.plan.rule.statistic)

    @property
    def promise(self) -> str:
        """What the verdict promises, in a sentence."""
        alpha = f"{self.plan.rule.alpha * 100:.3g} %"
        items = self.tally.size.items
        if self.plan.rule.promise == "marginal":
            return f"on average at most {alpha} of normal items are called anomalies, by comparison with {items}"
        sure = f"{CONFIDENCE * 100:g} %"
        where = " for all labels at once" if self.plan.rule.promise == "pac_all" else ""
        return f"at most {alpha} of normal items are called anomalies, with {sure} confidence{where} in {items}"

    @property
    def measure(self) -> str:
        """What surprise is measured in."""
        kind = map_kind(self.plan.graph.spec)
        return "surprise, nats" if kind == "dim_log_prob" else "reconstruction error"

    @property
    def items(self) -> Array:
        """The worst items as the model takes them, (items, …); there is at least one."""
        return np.stack([item.array for item in self.worst])

    @cached_property
    def surprise(self) -> Array | None:
        """How odd every dimension of the worst items is, (items, …), as ``measure`` says; None where it is not told."""
        kind = map_kind(self.plan.graph.spec)
        if kind is None or not self.worst:
            return None
        unseen = {place: item.reason for place, item in enumerate(self.worst) if item.reason is not None}
        items = Decoded(self.items, faults=Faults("row", unseen=unseen))
        explained = run(replace(self.plan, map=kind).begin(items)).explanation
        return None if explained is None else explained.nats
