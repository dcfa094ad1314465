"""A masked linear layer in its smallest form: the blocks of the weight that the mask leaves something of."""

import torch
from torch import Tensor, nn

MOST_BLOCKS = 24
BLOCK_WEIGHTS = 8192  # at least, or calling a block costs more than it saves


class Staircase(nn.Module):
    """A masked linear layer as a staircase of dense blocks.

    Rows and columns are sorted by how much the mask leaves of them; then row r needs a prefix of the columns that grows
    with r, and a block of rows needs the prefix of its last row. Twenty-four blocks keep 52 % of a triangular weight;
    a small weight has fewer.
    """

    def __init__(self, linear: nn.Linear, mask: Tensor) -> None:
        super().__init__()
        rows = torch.argsort(mask.sum(1), stable=True)
        columns = torch.argsort(mask.sum(0), descending=True, stable=True)
        self.register_buffer("columns", None if _is_sorted(columns) else columns)
        self.register_buffer("places", None if _is_sorted(rows) else torch.argsort(rows))
        weight, bias = (linear.weight * mask).detach()[rows][:, columns], linear.bias.detach()[rows]
        reach = mask.sum(1)[rows]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        blocks = max(1, min(MOST_BLOCKS, weight.numel() // BLOCK_WEIGHTS, len(rows)))
        for block in torch.arange(len(rows)).tensor_split(blocks):
            width = max(int(reach[block[-1]]), 1)
            self.weights.append(weight[block, :width].clone())
            self.biases.append(bias[block].clone())

    def forward(self, x: Tensor) -> Tensor:
        """The same as the masked layer, shape (batch, rows), in x's precision."""
        x = x if self.columns is None else x[:, self.columns]
        steps = [
            nn.functional.linear(x[:, : weight.shape[1]], weight.to(x.dtype), bias.to(x.dtype))
            for weight, bias in zip(self.weights, self.biases, strict=True)
        ]
        y = torch.cat(steps, 1)
        return y if self.places is None else y[:, self.places]


def _is_sorted(index: Tensor) -> bool:
    return torch.equal(index, torch.arange(len(index)))
