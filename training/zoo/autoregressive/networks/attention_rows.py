"""One token per row of an image; its state drives a small autoregressive network inside the next row."""

import torch
from torch import Tensor, nn

from training.zoo.autoregressive.networks.embedding import LevelFeatures
from training.zoo.autoregressive.networks.row_head import RowHead
from training.zoo.autoregressive.networks.transformer import Transformer, TransformerOptions
from training.zoo.scan import scan


class AttentionRows(nn.Module):
    """Logits and samples of dimensions in raster order, a row at a time."""

    def __init__(
        self, shape: tuple[int, int], levels: LevelFeatures, outputs: int, options: TransformerOptions, *, head: int
    ) -> None:
        super().__init__()
        self.shape, self.levels = shape, levels
        rows, width = shape
        self.token = nn.Linear(width * levels.size, options.width, bias=False)
        self.places = nn.Parameter(0.02 * torch.randn(rows, options.width))
        self.transformer = Transformer(options)
        self.head = RowHead(options.width, width, head, levels.size, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, dims, outputs) of levels (batch, dims)."""
        rows = self.levels(x).unflatten(1, self.shape)  # (batch, rows, width, features)
        before = nn.functional.pad(self.token(rows.flatten(2)), (0, 0, 1, 0))[:, : len(self.places)]
        return self.head(self.transformer(before + self.places), rows).flatten(1, 2)

    def sample(self, u: Tensor, temperature: Tensor, given: tuple[Tensor, ...]) -> Tensor:
        """Levels (dims, batch) for noise and what is known, (dims, batch)."""
        positions = torch.arange(len(self.places), device=u.device)

        def row(carry: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
            before, *kept = carry
            position, place, u, *known = inputs
            state, kept = self.transformer.step(before + place, kept, positions == position, positions <= position)
            levels = self.head.sample(state, u, temperature, self.levels, tuple(known))  # (width, batch)
            token = self.token(self.levels(levels.T.contiguous()).flatten(1))
            return (token, *kept), levels.clone()

        start = self.places.new_zeros(u.shape[1], self.places.shape[1])
        by_row = [array.unflatten(0, self.shape) for array in (u, *given)]
        carry = (start, *self.transformer.empty(start, len(positions)))
        return scan(row, carry, (positions[:, None], self.places, *by_row)).flatten(0, 1)
