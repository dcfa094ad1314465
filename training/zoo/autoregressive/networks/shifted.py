"""The network of PixelCNN++: convolutions that see only earlier pixels because pictures are shifted, not masked.

One stream holds what rows above say, the other what all pixels before say; a gated residual block of the second also
sees the first. On the way down the picture is halved between scales, on the way up doubled again, and every block on
the way up sees the state of the same size it mirrors. A coarse pixel sees what the first of its four fine pixels may
see, so all four may see it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, pad

Convolution = Callable[..., nn.Module]
State = tuple[Tensor, Tensor]


class ShiftedNetwork(nn.Module):
    """Pictures (batch, inputs, height, width) → numbers (batch, outputs, height, width) that know earlier pixels."""

    def __init__(self, inputs: int, outputs: int, channels: int, blocks: int, scales: int, dropout: float) -> None:
        super().__init__()
        inputs += 1  # ones, which tell a pixel from what lies around the picture
        self.above = _down(inputs, channels)
        self.row_above = nn.Conv2d(inputs, channels, (1, 3), padding=(0, 1))
        self.pixel_before = nn.Sequential(nn.ZeroPad2d((0, 0, 1, 0)), nn.Conv2d(inputs, channels, (2, 1)))
        self.shrinking = nn.ModuleList(
            nn.ModuleList(_Block(channels, dropout, mirrored=False) for _ in range(blocks)) for _ in range(scales)
        )
        self.halving = nn.ModuleList(_Halve(channels) for _ in range(scales - 1))
        self.growing = nn.ModuleList(
            nn.ModuleList(_Block(channels, dropout, mirrored=True) for _ in range(blocks + (scale > 0)))
            for scale in range(scales)
        )
        self.doubling = nn.ModuleList(_Double(channels) for _ in range(scales - 1))
        self.last = nn.Conv2d(channels, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Numbers of all pixels, shape (batch, outputs, height, width)."""
        states = self._shrink(self._start(x))
        state = states.pop()
        for scale, blocks in enumerate(self.growing):
            if scale:
                state = self.doubling[scale - 1](state)
            for block in blocks:
                state = block(state, states.pop())
        return self.last(elu(state[1]))

    def _start(self, x: Tensor) -> State:
        x = torch.cat([x, torch.ones_like(x[:, :1])], 1)
        above = pad(self.above(x), (0, 0, 1, -1))
        before = pad(self.row_above(x), (0, 0, 1, -1)) + pad(self.pixel_before(x), (1, -1, 0, 0))
        return above, before

    def _shrink(self, state: State) -> list[State]:
        """The states of all blocks from large to small."""
        states = [state]
        for scale, blocks in enumerate(self.shrinking):
            if scale:
                states.append(self.halving[scale - 1](states[-1]))
            for block in blocks:
                states.append(block(states[-1]))
        return states


class _Block(nn.Module):
    """A gated residual block of either stream, on the way up with the state it mirrors."""

    def __init__(self, channels: int, dropout: float, *, mirrored: bool) -> None:
        super().__init__()
        self.above = _GatedResidual(_down, channels, channels if mirrored else 0, dropout)
        self.before = _GatedResidual(_down_right, channels, 2 * channels if mirrored else channels, dropout)

    def forward(self, state: State, mirrored: State | None = None) -> State:
        """The next state, of the same shape."""
        above, before = state
        if mirrored is None:
            above = self.above(above)
            return above, self.before(before, above)
        above = self.above(above, mirrored[0])
        return above, self.before(before, torch.cat([above, mirrored[1]], 1))


class _GatedResidual(nn.Module):
    """x + a ⊙ σ(b), with a and b two convolutions away from x; ``joining`` channels come in between."""

    def __init__(self, convolution: Convolution, channels: int, joining: int, dropout: float) -> None:
        super().__init__()
        self.first = convolution(2 * channels, channels)
        self.joining = nn.Conv2d(2 * joining, channels, 1) if joining else None
        self.dropout = nn.Dropout(dropout)
        self.second = convolution(2 * channels, 2 * channels)

    def forward(self, x: Tensor, joining: Tensor | None = None) -> Tensor:
        """The same shape as x."""
        y = self.first(_both_signs(x))
        if joining is not None:
            y = y + self.joining(_both_signs(joining))
        a, b = self.second(self.dropout(_both_signs(y))).chunk(2, 1)
        return x + a * torch.sigmoid(b)


class _Halve(nn.Module):
    """Both streams at half the height and width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.above, self.before = _down(channels, channels, stride=2), _down_right(channels, channels, stride=2)

    def forward(self, state: State) -> State:
        """(batch, channels, height / 2, width / 2)."""
        return self.above(state[0]), self.before(state[1])


class _Double(nn.Module):
    """Both streams at twice the height and width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.above = nn.ConvTranspose2d(channels, channels, (2, 3), stride=2, padding=(0, 1), output_padding=(0, 1))
        self.before = nn.ConvTranspose2d(channels, channels, 2, stride=2)

    def forward(self, state: State) -> State:
        """(batch, channels, 2 · height, 2 · width)."""
        return self.above(state[0]), self.before(state[1])


def _down(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    """A convolution over the pixel's row and the one above, to both sides."""
    return nn.Sequential(nn.ZeroPad2d((1, 1, 1, 0)), nn.Conv2d(inputs, outputs, (2, 3), stride))


def _down_right(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    """A convolution over the pixel, the one to its left and the two above them."""
    return nn.Sequential(nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(inputs, outputs, 2, stride))


def _both_signs(x: Tensor) -> Tensor:
    """ELU of x and of −x, twice the channels."""
    return elu(torch.cat([x, -x], 1))
