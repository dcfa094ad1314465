"""The network of MADE: masked layers, residual blocks and direct connections from the dimensions to their conditionals.

Every unit has a degree, the number of dimensions (first in the order) that it may depend on. A connection is kept only
where degrees do not decrease, and strictly increase into the output. Degrees of hidden units are spread evenly over
1..D−1, so that no unit is disconnected by chance. Both layers of a residual block keep the degrees of what they are
added to (C. Nash, C. Durkan, "Autoregressive Energy Machines", ICML 2019, arXiv 1904.05626, section 3.2: ResMADE).
"""

import torch
from torch import Tensor, nn

from training.zoo.autoregressive.staircase import Staircase


class MaskedNetwork(nn.Module):
    """X → outputs of every dimension that depend on the dimensions before it only.

    ``place`` holds the place of every dimension in the order, 1..dims, shape (dims,).
    """

    def __init__(self, place: Tensor, hidden: tuple[int, ...], blocks: int, outputs: int, *, direct: bool) -> None:
        super().__init__()
        self.place, self.outputs = place, outputs
        dims, before = len(place), place
        self.layers, self.blocks = nn.ModuleList(), nn.ModuleList()
        for units in hidden:
            after = _spread(units, dims)
            self.layers.append(MaskedLinear(before[None, :] <= after[:, None]))
            before = after
        for _ in range(blocks):
            keeps = before[None, :] <= before[:, None]
            self.blocks.append(nn.ModuleList([MaskedLinear(keeps), MaskedLinear(keeps)]))
            nn.init.uniform_(self.blocks[-1][1].weight, -1e-3, 1e-3)  # a block begins close to the identity
        ends = place.repeat_interleave(outputs)
        self.output = MaskedLinear(before[None, :] < ends[:, None])
        self.direct = MaskedLinear(place[None, :] < ends[:, None]) if direct else None

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (batch, dims, outputs) for x (batch, dims), in x's precision."""
        h = x
        for layer in self.layers:
            h = torch.relu(layer(h))
        for first, second in self.blocks:
            h = h + second(torch.relu(first(torch.relu(h))))
        if len(self.blocks):
            h = torch.relu(h)
        y = self.output(h)
        y = y if self.direct is None else y + self.direct(x)
        return y.reshape(-1, len(self.place), self.outputs)

    def compact(self) -> None:
        """Leaves out the blocks of the weights that the masks make zero: half the size, half the work."""
        for layers in (self.layers, *self.blocks):
            for index, layer in enumerate(layers):
                layers[index] = Staircase(layer, layer.mask)
        self.output = Staircase(self.output, self.output.mask)
        if self.direct is not None:
            self.direct = Staircase(self.direct, self.direct.mask)


class MaskedLinear(nn.Linear):
    """A linear layer with a mask (outputs, inputs) over its weight; it computes in the precision of its input."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (batch, outputs)."""
        return nn.functional.linear(x, (self.weight * self.mask).to(x.dtype), self.bias.to(x.dtype))


def _spread(units: int, dims: int) -> Tensor:
    return torch.linspace(1, max(dims - 1, 1), units).round().long()
