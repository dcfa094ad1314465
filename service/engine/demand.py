"""What a request will cost in device time, told before any of it is decoded."""

from dataclasses import dataclass
from math import ceil
from typing import Protocol

from pofx.graphs.rows import RowGraph
from pofx.use.generate import GeneratePlan
from service.engine.policy import room
from service.engine.prices import Price
from service.engine.work import Limits

_DOUBT = 2.0


class Plan(Protocol):
    """What all plans know."""

    @property
    def graph(self) -> RowGraph:
        """What runs."""
        ...

    def mflop(self, n: int, /) -> float:
        """Expected work of n rows."""
        ...


@dataclass(frozen=True)
class Demand:
    """``n`` rows of a graph, each in as many ``calls`` as are expected; these may be ``doubt`` times too many."""

    graph: RowGraph
    price: Price
    n: int
    calls: float
    doubt: float = 1.0

    def device_s(self, limits: Limits, n: int | None = None) -> float:
        """Seconds of device time for n rows, cut into steps."""
        rows = self.n if n is None else n
        return self.calls * (self._steps(limits, rows) * self.price.call_s + self.price.row_s * self._padded(rows))

    def alone_s(self, limits: Limits, lanes: int, n: int | None = None) -> float:
        """Seconds until n rows are done if nothing else runs, at best."""
        rows = self.n if n is None else n
        return self.device_s(limits, rows) / min(lanes, self._steps(limits, rows)) / self.doubt

    def most(self, limits: Limits, lanes: int, seconds: float) -> int:
        """The largest n below this one that is done within so many seconds; 0 if none is."""
        low, high = 0, self.n
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.alone_s(limits, lanes, middle) <= seconds else (low, middle)
        return low

    def _steps(self, limits: Limits, rows: int) -> int:
        return ceil(rows / room(self.price, limits))

    def _padded(self, rows: int) -> int:
        return ceil(rows / self.price.multiple) * self.price.multiple


def demand_of(plan: Plan, n: int, price: Price) -> Demand:
    """What a plan will cost for n rows."""
    calls = plan.mflop(n) / (n * plan.graph.mflop_per_row)
    return Demand(plan.graph, price, n, calls, _doubt(plan))


def _doubt(plan: Plan) -> float:
    """The passes of a fixed point are a guess until some were seen."""
    guess = isinstance(plan, GeneratePlan) and plan.declared.method == "fixed_point" and not plan.model.passes.known
    return _DOUBT if guess else 1.0
