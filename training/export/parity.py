"""Not equal, not exported: every graph against the eager module, on batches 1, 3 and 17, with fresh noise.

A step of a sequential sampler is compared at all positions, each time from the state of the eager one.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
import torch

from pofx.bundle import Tolerance
from training.errors import ExportError
from training.export.graphs import Computation

BATCHES = (1, 3, 17)
Runner = Callable[..., list[np.ndarray]]
Compared = tuple[str, np.ndarray, np.ndarray]  # what it is, the eager module's, the graph's


def tolerance(computation: Computation) -> Tolerance:
    """Samples in grey levels may differ by one level from rounding, and one in a thousand by a draw on the threshold;
    floating-point outputs by the rounding of float32 sums. A step gives both, levels and states.
    """
    if computation.pieces is not None:
        return Tolerance(atol=computation.rounding, rtol=1e-5, mismatch=0.001)
    if any(output.dtype in ("uint8", "int16") for output in computation.outputs):
        return Tolerance(atol=1.0, rtol=0.0, mismatch=0.001)
    return Tolerance(atol=computation.rounding, rtol=1e-5)


def check_parity(name: str, computation: Computation, runner: Runner) -> float:
    """The largest difference seen, as a share of the largest value of its output; ExportError beyond the tolerance."""
    generator = torch.Generator().manual_seed(20)
    drawn = [computation.example, *([computation.example_with_gaps] if computation.marginal else [])]
    compared = _whole if computation.pieces is None else _steps
    return max(
        _difference(f"{name}.{output}, batch {batch}", want, have, tolerance(computation))
        for draw, batch in product(drawn, BATCHES)
        for output, want, have in compared(computation, runner, draw(batch, generator))
    )


def _whole(computation: Computation, runner: Runner, inputs: Sequence[torch.Tensor]) -> Iterator[Compared]:
    for output, want, have in zip(computation.outputs, *_both(computation, runner, inputs), strict=True):
        yield output.name, want, have


def _steps(computation: Computation, runner: Runner, inputs: Sequence[torch.Tensor]) -> Iterator[Compared]:
    """All steps; states are compared in rows that drew the same, and not after the last step, where nobody reads them.

    What is drawn is the first output after the sample.
    """
    assert computation.pieces is not None  # noqa: S101 - that is how this function was chosen
    starts, allowed = computation.pieces.starts, tolerance(computation)
    inputs, count = list(inputs), len(computation.outputs) - 1
    for start in starts:
        inputs[-1] = torch.tensor(start)
        expected, got = _both(computation, runner, inputs)
        same = ~_off(expected[1], got[1], allowed).reshape(len(got[1]), -1).any(1)
        triples = list(zip(computation.outputs, expected, got, strict=True))
        for output, want, have in triples[: 2 if start == starts[-1] else None]:
            rows = slice(None) if output.name in ("sample", "next_drawn") else same
            yield f"{output.name} at position {start}", want[rows], have[rows]
        inputs[-1 - count : -1] = [torch.from_numpy(array) for array in expected[1:]]


def _both(
    computation: Computation, runner: Runner, inputs: Sequence[torch.Tensor]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What the eager module gives, and what the graph gives."""
    with torch.no_grad():
        expected = [result.numpy() for result in computation.module(*inputs)]
    return expected, runner(*(array.numpy() for array in inputs))


def _difference(where: str, want: np.ndarray, have: np.ndarray, allowed: Tolerance) -> float:
    if want.shape != have.shape or want.dtype != have.dtype:
        raise ExportError(f"{where}: expected {want.dtype}{want.shape}, got {have.dtype}{have.shape}")
    distance, off = _distance(want, have), _off(want, have, allowed)
    largest = float(np.abs(want[np.isfinite(want)].astype(np.float64)).max(initial=0.0))
    if off.any() and off.mean() > allowed.mismatch and not _parts_seldom(off, allowed.mismatch):
        raise ExportError(
            f"{where}: differs from the model by up to {distance.max():g}, of values up to {largest:g}, in "
            f"{off.mean():.2%} of elements"
        )
    return float(distance[~off].max(initial=0.0)) / (largest or 1.0)


def _distance(want: np.ndarray, have: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # an item that is impossible has the log-density -inf, in both
        return np.where(have == want, 0.0, np.abs(have.astype(np.float64) - want.astype(np.float64)))


def _off(want: np.ndarray, have: np.ndarray, allowed: Tolerance) -> np.ndarray:
    """Which elements are further apart than allowed."""
    size = np.abs(np.nan_to_num(want.astype(np.float64), posinf=0, neginf=0))
    return ~(_distance(want, have) <= allowed.atol + allowed.rtol * size)


def _parts_seldom(off: np.ndarray, share: float) -> bool:
    """Whether few rows part, and seldom per element compared before they did.

    A sample that is drawn position by position is another one for good once a draw fell on the threshold, so what
    comes after the first difference of a row says nothing. A fault of the graph would part most rows, wherever.
    """
    rows = off.reshape(len(off), -1)
    parted = rows.any(1)
    compared = np.where(parted, rows.argmax(1) + 1, rows.shape[1])
    return bool(parted.sum() <= max(1, len(rows) // 4) and parted.sum() / compared.sum() <= share)
