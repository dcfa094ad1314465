"""One measured number with the protocol that makes it comparable."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Measurement:
    """``standard_error`` is over the items of the split; None where the number is not a mean.

    ``band`` is where a rate should lie nine times in ten, if something was promised about it, and ``limit`` what chance
    explains at most. ``statistic`` is what a detector's number was measured with, against so many ``anomalies``.
    """

    name: str
    value: float
    unit: str
    split: str
    protocol: str
    standard_error: float | None = None
    band: tuple[float, float] | None = None
    limit: float | None = None
    statistic: str | None = None
    anomalies: int | None = None

    @property
    def figure(self) -> str:
        """The value with its standard error, for people."""
        error = "" if self.standard_error is None else f" ± {self.standard_error:.2g}"
        return f"{self.value:.4g}{error}"

    def __str__(self) -> str:
        return f"{self.name}: {self.figure} {self.unit} ({self.split}; {self.protocol})"


def mean(name: str, values: np.ndarray, unit: str, split: str, protocol: str) -> Measurement:
    """The mean of one value per item, with its standard error."""
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return Measurement(name, float(values.mean()), unit, split, protocol, error)
