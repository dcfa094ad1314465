"""Not equal, not exported: every graph against the eager module, on batches 1, 3 and 17, with fresh noise."""

from collections.abc import Callable
from itertools import product

import numpy as np
import torch

from pofx.bundle import Tolerance
from training.errors import ExportError
from training.export.graphs import Computation

BATCHES = (1, 3, 17)
Runner = Callable[..., list[np.ndarray]]


def tolerance(computation: Computation) -> Tolerance:
    """Samples in grey levels may differ by one level from rounding, and one in a thousand by a draw on the threshold;
    floating-point outputs by the rounding of float32 sums.
    """
    if any(output.dtype in ("uint8", "int16") for output in computation.outputs):
        return Tolerance(atol=1.0, rtol=0.0, mismatch=0.001)
    return Tolerance(atol=computation.rounding, rtol=1e-5)


def check_parity(name: str, computation: Computation, runner: Runner) -> float:
    """The largest difference seen, as a share of the largest value of its output; ExportError beyond the tolerance."""
    worst = 0.0
    generator = torch.Generator().manual_seed(20)
    drawn = [computation.example, *([computation.example_with_gaps] if computation.marginal else [])]
    for draw, batch in product(drawn, BATCHES):
        inputs = draw(batch, generator)
        with torch.no_grad():
            expected = [result.numpy() for result in computation.module(*inputs)]
        got = runner(*(array.numpy() for array in inputs))
        for output, want, have in zip(computation.outputs, expected, got, strict=True):
            worst = max(worst, _difference(f"{name}.{output.name}, batch {batch}", want, have, tolerance(computation)))
    return worst


def _difference(where: str, want: np.ndarray, have: np.ndarray, allowed: Tolerance) -> float:
    if want.shape != have.shape or want.dtype != have.dtype:
        raise ExportError(f"{where}: expected {want.dtype}{want.shape}, got {have.dtype}{have.shape}")
    with np.errstate(invalid="ignore"):  # an item that is impossible has the log-density -inf, in both
        distance = np.where(have == want, 0.0, np.abs(have.astype(np.float64) - want.astype(np.float64)))
    largest = float(np.abs(want[np.isfinite(want)].astype(np.float64)).max(initial=0.0))
    off = ~(
        distance <= allowed.atol + allowed.rtol * np.abs(np.nan_to_num(want.astype(np.float64), posinf=0, neginf=0))
    )
    if off.mean() > allowed.mismatch and not _parts_seldom(off, allowed.mismatch):
        raise ExportError(
            f"{where}: differs from the model by up to {distance.max():g}, of values up to {largest:g}, in "
            f"{off.mean():.2%} of elements"
        )
    return float(distance[~off].max(initial=0.0)) / (largest or 1.0)


def _parts_seldom(off: np.ndarray, share: float) -> bool:
    """Whether few rows part, and seldom per element compared before they did.

    A sample that is drawn position by position is another one for good once a draw fell on the threshold, so what
    comes after the first difference of a row says nothing. A fault of the graph would part most rows, wherever.
    """
    rows = off.reshape(len(off), -1)
    parted = rows.any(1)
    compared = np.where(parted, rows.argmax(1) + 1, rows.shape[1])
    return bool(parted.sum() <= max(1, len(rows) // 4) and parted.sum() / compared.sum() <= share)
