"""The network of MADE: masked layers, residual blocks and direct connections from the dimensions to their conditionals.

Every unit has a degree, the number of dimensions (first in the order) that it may depend on. A connection is kept only
where degrees do not decrease, and strictly increase into the output. Degrees of hidden units are spread evenly over
1..D−1, so that no unit is disconnected by chance. Both layers of a residual block keep the degrees of what they are
added to (C. Nash, C. Durkan, "Autoregressive Energy Machines", ICML 2019, arXiv 1904.05626, section 3.2: ResMADE).

The same weights may be used under several sets of masks. Then every set deals the evenly spread degrees to the hidden
units in a random order of its own, and may take the dimensions in an order of its own, too.
"""

import torch
from torch import Tensor, nn

from training.zoo.autoregressive.networks.staircase import Staircase


class MaskedNetwork(nn.Module):
    """X → outputs of every dimension that depend on the dimensions before it only.

    ``places`` holds the place of every dimension in the order of every set of masks, 1..dims, shape (sets, dims).
    """

    def __init__(
        self, places: Tensor, hidden: tuple[int, ...], blocks: int, outputs: int, *, direct: bool, seed: int
    ) -> None:
        super().__init__()
        sets, self.dims = places.shape
        self.outputs = outputs
        generator = torch.Generator().manual_seed(seed)
        before = places
        self.layers, self.blocks = nn.ModuleList(), nn.ModuleList()
        for units in hidden:
            after = _degrees(sets, units, self.dims, generator)
            self.layers.append(MaskedLinear(before[:, None, :] <= after[:, :, None]))
            before = after
        for _ in range(blocks):
            keeps = before[:, None, :] <= before[:, :, None]
            self.blocks.append(nn.ModuleList([MaskedLinear(keeps), MaskedLinear(keeps)]))
            nn.init.uniform_(self.blocks[-1][1].weight, -1e-3, 1e-3)  # a block begins close to the identity
        ends = places.repeat_interleave(outputs, 1)
        self.output = MaskedLinear(before[:, None, :] < ends[:, :, None])
        self.direct = MaskedLinear(places[:, None, :] < ends[:, :, None]) if direct else None

    def forward(self, x: Tensor, masks: int) -> Tensor:
        """Outputs (batch, dims, outputs) for x (batch, dims) under one set of masks, in x's precision."""
        h = x
        for layer in self.layers:
            h = torch.relu(layer(h, masks))
        for first, second in self.blocks:
            h = h + second(torch.relu(first(torch.relu(h), masks)), masks)
        if len(self.blocks):
            h = torch.relu(h)
        y = self.output(h, masks)
        y = y if self.direct is None else y + self.direct(x, masks)
        return y.reshape(-1, self.dims, self.outputs)

    def compact(self) -> None:
        """Leaves out the blocks of the weights that the masks make zero: half the size (per set), half the work."""
        for layers in (self.layers, *self.blocks):
            for index, layer in enumerate(layers):
                layers[index] = _Staircases(layer)
        self.output = _Staircases(self.output)
        if self.direct is not None:
            self.direct = _Staircases(self.direct)


class MaskedLinear(nn.Linear):
    """A linear layer with sets of masks over its weight, (sets, outputs, inputs); its input decides the precision."""

    def __init__(self, masks: Tensor) -> None:
        _, outputs, inputs = masks.shape
        super().__init__(inputs, outputs)
        self.register_buffer("masks", masks, persistent=False)

    def forward(self, x: Tensor, masks: int) -> Tensor:
        """Shape (batch, outputs), under one set of masks."""
        return nn.functional.linear(x, (self.weight * self.masks[masks]).to(x.dtype), self.bias.to(x.dtype))


class _Staircases(nn.ModuleList):
    """A masked layer in its smallest form: a staircase for every set of masks, each with its share of the weight."""

    def __init__(self, layer: MaskedLinear) -> None:
        super().__init__(Staircase(layer, mask) for mask in layer.masks)

    def forward(self, x: Tensor, masks: int) -> Tensor:
        return self[masks](x)


def _degrees(sets: int, units: int, dims: int, generator: torch.Generator) -> Tensor:
    """Degrees of hidden units, evenly spread, int64, shape (sets, units); of several sets, each in random order."""
    spread = torch.linspace(1, max(dims - 1, 1), units).round().long()
    if sets == 1:
        return spread[None]
    return torch.stack([spread[torch.randperm(units, generator=generator)] for _ in range(sets)])
