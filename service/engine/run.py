"""The steps of a plan, run on the device together with those of other requests."""

from typing import TypeVar

from pofx.use.steps import Steps
from service.engine.device import DeviceThread
from service.trace import Trace

T = TypeVar("T")


async def run(steps: Steps[T], device: DeviceThread, trace: Trace) -> T:
    """The result of all steps; cancelling drops the rows that are not running yet."""
    while (arrays := steps.next()) is not None:
        steps.take(await device.run(steps.graph, arrays, steps.wanted, trace, steps.position))
    return steps.read()
