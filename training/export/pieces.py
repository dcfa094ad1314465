"""How many positions a step of a sequential sampler draws, from the work of one position.

The work is counted, not timed: the same weights give the same graph on every machine. Seconds are those of two slow
cores (ONNX Runtime 1.31, AVX-512), to within a factor of two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from training.zoo.base import Sequence, Zeros

FULL_BATCH = 64
STEP_S = 0.010  # of a full batch
_SHARE_OF_STATE = 0.25  # of a step, that copying a large state may take
_SHARE_BEYOND = 0.01  # of all positions, that the last step may draw beyond the end
_S_PER_CALL, _S_PER_BYTE, _S_PER_FLOP_BYTE = 0.8e-6, 7e-11, 1.2e-12  # a product of float64 takes twice as long
_S_PER_STATE_BYTE = 4e-10  # read, copied and handed back


@dataclass(frozen=True)
class Pieces:
    """``positions`` are drawn in pieces of ``chunk``; the last one may reach beyond the end."""

    positions: int
    chunk: int

    @property
    def starts(self) -> range:
        """The first position of every piece."""
        return range(0, self.positions, self.chunk)


@dataclass
class Work:
    """What a computation takes: elements that operators write, operations of products, seconds on two slow cores."""

    elements: int = 0
    flop: int = 0
    seconds: float = 0.0

    @property
    def mflop(self) -> float:
        """All of it as floating-point operations, one for an element, in millions."""
        return (self.elements + self.flop) / 1e6


class _Counter(TorchDispatchMode):
    """Counts what is called while it is active; views cost nothing."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.is_view:
            return result
        written = [item for item in tree_leaves(result) if isinstance(item, Tensor)]
        product = _PRODUCTS.get(func.overloadpacket)
        flop = product(*args, **(kwargs or {}), out_val=result) if product else 0
        self._work.elements += sum(item.numel() for item in written)
        self._work.flop += flop
        self._work.seconds += _S_PER_CALL + sum(item.nbytes for item in written) * _S_PER_BYTE
        self._work.seconds += flop * max((item.itemsize for item in written), default=0) * _S_PER_FLOP_BYTE
        return result


def work_of(run: Callable[[], object]) -> Work:
    """What it takes to run that, eagerly."""
    work = Work()
    with torch.no_grad(), _Counter(work):
        run()
    return work


def _fused_lstm_flop(x: Tensor, from_x: Tensor, from_h: Tensor, *_: object, **__: object) -> int:
    """Floating-point operations of one LSTM layer over (time, batch, inputs), which PyTorch does not count."""
    return 2 * x.shape[0] * x.shape[1] * (from_x.numel() + from_h.numel())


def _vector_flop(matrix: Tensor, *_: object, **__: object) -> int:
    """Those of a matrix times a vector."""
    return 2 * matrix.numel()


_PRODUCTS: dict[Any, Callable[..., int]] = {
    **flop_registry,
    torch.ops.aten.mkldnn_rnn_layer: _fused_lstm_flop,
    torch.ops.aten.mv: _vector_flop,
}


def pieces_of(sequence: Sequence) -> Pieces:
    """As many positions as a full batch draws in ten milliseconds, in pieces of the same length.

    ``sequence`` is that of a full batch. A state so large that copying it would take more than a quarter of a step
    makes steps longer: then fewer rows fill the ten milliseconds.
    """
    state = tuple(_begun(part) for part in sequence.start)
    few, more = (_piece(sequence, state, min(count, sequence.positions)) for count in (2, 4))
    per_position = max(more.seconds - few.seconds, 1e-9) / 2 if sequence.positions >= 4 else more.seconds
    copied = sum(part.nbytes for part in state) * _S_PER_STATE_BYTE
    longest = max(STEP_S, copied / _SHARE_OF_STATE) / per_position
    return _in_pieces(sequence.positions, max(1, int(longest)))


def _in_pieces(positions: int, longest: int) -> Pieces:
    """Pieces of at most that length, or of about it where the last would reach far beyond the end: that is work too."""
    fewest = -(-positions // longest)

    def cost(count: int) -> tuple[bool, int]:
        beyond = -(-positions // count) * count - positions
        return beyond > _SHARE_BEYOND * positions, abs(count - fewest)

    count = min(range(fewest - fewest // 4, 2 * fewest + 1), key=cost)
    return Pieces(positions, -(-positions // count))


def _begun(part: Tensor | Zeros) -> Tensor:
    return torch.zeros(FULL_BATCH, *part.shape, dtype=part.dtype) if isinstance(part, Zeros) else part


def _piece(sequence: Sequence, state: tuple[Tensor, ...], count: int) -> Work:
    positions = torch.arange(count)
    return work_of(lambda: sequence.advance(state, positions, sequence.at(positions)))
