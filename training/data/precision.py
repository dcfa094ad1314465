"""Whether float32, in which models compute, tells the values of a column apart."""

import numpy as np

from training.errors import DataError

_LOST = 0.01  # of the different values; measured values with many digits lose some, which does no harm
_ERROR = 1e-3  # of the standard deviation


def check_told_apart(values: np.ndarray, name: str, source: str) -> tuple[str, ...]:
    """What is said about numbers of any type, (items,), that become the same in float32; nothing where few do.

    Raises DataError where that loses what they say: whole numbers, or an error that is large beside their spread.
    """
    with np.errstate(over="ignore"):
        there = values[np.isfinite(values.astype(np.float32))]
    rounded = there.astype(np.float32)
    if (rounded == there).all():
        return ()
    different, left = len(np.unique(there)), len(np.unique(rounded))
    if different - left <= _LOST * different:
        return ()
    words = f"column {name!r}: {different} different values become {left} in float32, in which models compute"
    numbers = there.astype(np.float64)
    whole = left < different / 2 and bool((numbers == np.rint(numbers)).all())
    error = np.abs(rounded.astype(np.float64) - numbers).max()
    if whole or error > _ERROR * numbers.std():
        raise DataError(
            f"{source}: {words}; subtract an offset ({numbers.min():.15g} for instance) before, or leave it out where "
            "it is a number of the row, an identifier or a time"
        )
    return (f"{words}; subtract an offset before where that matters",)
