"""One recurrent step per dimension.

A step reads the dimension drawn last and, in an image, those of the same channel in a window of pixels of the rows
above; what lies outside is a learned vector. The output gives the logits of the next dimension.
"""

import torch
from torch import Tensor, nn

from training.zoo.autoregressive.conditionals.completion import keep
from training.zoo.autoregressive.conditionals.discrete import draw_categorical
from training.zoo.autoregressive.conditionals.order import axes
from training.zoo.autoregressive.networks.embedding import LevelFeatures, Places
from training.zoo.autoregressive.networks.recurrent import RecurrentOptions, State, recurrent, start_state, step
from training.zoo.scan import scan


class RecurrentElements(nn.Module):
    """Logits and samples of dimensions in raster order, one at a time."""

    def __init__(
        self,
        event_shape: tuple[int, ...],
        levels: LevelFeatures,
        outputs: int,
        options: RecurrentOptions,
        *,
        window: int,
    ) -> None:
        super().__init__()
        self.levels = levels
        sources = neighbours(event_shape, window)  # (dims, reach)
        self.register_buffer("sources", sources.clamp(min=0), persistent=False)
        self.register_buffer("inside", sources >= 0, persistent=False)
        inputs = sources.shape[1] * levels.size
        self.outside = nn.Parameter(torch.zeros(sources.shape[1], levels.size))
        self.places = Places(event_shape, inputs)
        self.network = recurrent(inputs, options)
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(options.hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, dims, outputs) of levels (batch, dims)."""
        seen = self.levels(x)[:, self.sources]  # (batch, dims, reach, features)
        inputs = torch.where(self.inside[..., None], seen, self.outside).flatten(2) + self.places()
        return self.head(self.dropout(self.network(inputs)[0]))

    def sample(self, u: Tensor, temperature: Tensor, given: tuple[Tensor, ...]) -> Tensor:
        """Levels (dims, batch) for noise and what is known, (dims, batch)."""
        positions = torch.arange(len(u), device=u.device)

        def draw(carry: State, inputs: tuple[Tensor, ...]) -> tuple[State, Tensor]:
            *state, drawn = carry
            position, sources, inside, place, u, *known = inputs
            seen = self.levels(drawn.index_select(1, sources))  # (batch, reach, features)
            seen = torch.where(inside[:, None], seen, self.outside).flatten(1) + place
            summary, state = step(self.network, seen, tuple(state))
            level = keep(draw_categorical(self.head(summary), u, temperature), *known)  # (batch,)
            drawn = torch.where(positions == position, level[:, None], drawn)
            return (*state, drawn), level.clone()

        start = (*start_state(self.network, u.shape[1]), torch.zeros_like(u.T).contiguous())
        return scan(draw, start, (positions[:, None], self.sources, self.inside, self.places(), u, *given))


def neighbours(event_shape: tuple[int, ...], window: int) -> Tensor:
    """The earlier dimensions that each one reads, −1 where there is none; int64, (dims, reach), places in raster order.

    The one before it and, in an image, those of the same channel in the ``window`` rows above, at most ``window``
    pixels to either side.
    """
    height, width, channels = axes(event_shape) if len(event_shape) == 3 else (1, *event_shape, 1)
    dims = torch.arange(height * width * channels)
    row, column = dims // (width * channels), dims // channels % width
    sources = [dims - 1]
    for up in range(1, window + 1 if len(event_shape) == 3 else 1):
        for aside in range(-window, window + 1):
            exists = (row >= up) & (column + aside >= 0) & (column + aside < width)
            sources.append(torch.where(exists, dims - (up * width - aside) * channels, -1))
    return torch.stack(sources, 1)
