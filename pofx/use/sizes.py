"""How many held-out items a p-value rests on, and which false-alarm rates so many can support."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pofx.errors import RequestInvalid
from pofx.rules.promises import at_least

RECIPE_LINE = "data.split.calibration of the recipe, or pofx calibrate with more items"
"""Where more calibration items come from."""


@dataclass(frozen=True)
class Size:
    """How many held-out items there are, in all or of one label."""

    n: int
    label: str | None = None

    @property
    def smallest_p_value(self) -> float:
        """What that many items allow at best."""
        return smallest_p_value(self.n)

    @property
    def items(self) -> str:
        """The calibration items in words."""
        return f"{self.n} calibration items" + ("" if self.label is None else f" of label {self.label!r}")

    def needed(self, n: int) -> str:
        """How many there should be, in words."""
        return f"{n} items" + ("" if self.label is None else " of that label")


def smallest(sizes: Sequence[Size]) -> Size:
    """The one that supports least."""
    return min(sizes, key=lambda size: size.n)


def smallest_p_value(n: int) -> float:
    """What n held-out items allow at best."""
    return 1 / (n + 1)


def default_alpha(usual: float, size: Size) -> float:
    """The usual false-alarm rate, or the smallest that so many held-out items allow where that is larger."""
    return max(usual, size.smallest_p_value)


def check_alpha(alpha: float, size: Size) -> None:
    """Raises RequestInvalid for a false-alarm rate at which no item could ever be called an anomaly."""
    check_rate("alpha", alpha, size, "can never fire")


def check_rate(name: str, rate: float, size: Size, consequence: str) -> None:
    """Raises RequestInvalid for an option that asks for less than the smallest p-value."""
    if rate >= size.smallest_p_value:
        return
    needed, lowest = math.ceil(1 / rate - 1), at_least(size.smallest_p_value)
    detail = (
        f"{name} {rate:g} {consequence}: with {size.items} p-values start at {lowest}; "
        f"use {name} of at least that, or a model calibrated on {size.needed(needed)}"
    )
    raise too_few(detail, f"/{name}", size, needed)


def too_few(detail: str, pointer: str, size: Size, needed: int) -> RequestInvalid:
    """The refusal of what so many calibration items cannot support, with the number that would and where to set it."""
    label: dict[str, Any] = {} if size.label is None else {"label": size.label}
    return RequestInvalid(
        f"{detail} ({RECIPE_LINE})",
        pointer=pointer,
        smallest_p_value=size.smallest_p_value,
        calibration_n=size.n,
        calibration_n_needed=needed,
        **label,
    )
