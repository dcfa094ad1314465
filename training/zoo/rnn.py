"""RNN: a recurrent network reads the dimensions before one and predicts it.

p(x) = Π_t p(x_t | s_t), the state s_t computed from s_{t-1} and x_{t-1} by a long short-term memory or a gated
recurrent unit. By ``element`` a step takes one dimension: a symbol of a sequence, or a pixel in raster order, which may
also read the pixels above it. By ``row`` a step takes a whole row of an image, and a small autoregressive network
inside the row, driven by the state, factorises it: as exact, with 28 recurrent steps instead of 784. Training runs all
steps on the data; sampling carries the state along, so an image costs about as much as one pass over it.

A. Graves, "Generating sequences with recurrent neural networks", 2013, arXiv 1308.0850; S. Hochreiter, J. Schmidhuber,
"Long short-term memory", Neural Computation 9, 1997; F. Gers, J. Schmidhuber, F. Cummins, "Learning to forget", 2000
(forget gate); K. Cho et al., EMNLP 2014, arXiv 1406.1078 (gated recurrent unit).
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.base import Facts, Known, Noise, Options, Sequence, SequentialSampler, Tensors, Zeros
from training.zoo.parts.conditionals import (
    DiscreteConditionals,
    axes,
    bake,
    draw_categorical,
    keep,
    of_rows,
    one_by_one,
    placed,
)
from training.zoo.parts.rows import LevelFeatures, Places, RowHead, row_places

Network = nn.LSTM | nn.GRU
State = tuple[Tensor, ...]
Rows = Callable[[Tensor], Tensors]


class RnnOptions(Options):
    """Options of ``rnn``."""

    cell: Literal["lstm", "gru"] = Field(default="lstm", description="long short-term memory or gated recurrent unit")
    hidden: int = Field(default=256, ge=1, description="units of each recurrent layer")
    layers: int = Field(default=1, ge=1, description="recurrent layers, one above the other")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="share of a layer's outputs hidden in training")
    unit: Literal["element", "row"] = Field(default="element", description="what a recurrent step takes")
    window: int = Field(default=1, ge=0, description="rows above a pixel that a step reads beside its state")
    embedding: int = Field(default=8, ge=1, description="length of a level's vector, where there are more than two")
    head: int = Field(default=512, ge=1, description="hidden units inside a row, with unit = row")


class Rnn(DiscreteConditionals, SequentialSampler):
    """Recurrent network over dimensions or rows; exact log p(x), samples in steps."""

    title = "RNN"
    paper = "Graves 2013, arXiv 1308.0850"
    rounding = 5e-3  # a state that went through many steps magnifies rounding, most of all far from the data
    Options: ClassVar[type[Options]] = RnnOptions

    def __init__(self, facts: Facts, options: RnnOptions) -> None:
        super().__init__(facts, options)
        shape = facts.event_shape
        self.place = torch.argsort(self.order)  # of each dimension in the order
        levels = LevelFeatures(facts.levels, options.embedding)
        if options.unit == "element":
            self.unit = RecurrentElements(shape, levels, self.outputs, options, window=options.window)
            return
        if len(shape) != 3 or options.window == 0:
            raise ValueError(f"unit 'row' needs images and a window of 1 or more, got {shape}, {options.window}")
        channels, height, width = shape
        rows = (height, width * channels)
        self.unit = RecurrentRows(rows, levels, self.outputs, options, window=options.window, head=options.head)

    def compact(self) -> None:
        """Puts masked weights in the place of weights and masks."""
        bake(self)

    def open_logits(self, x: Tensor, **told: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims, outputs), for x (batch, *event_shape)."""
        return self.unit(x.flatten(1)[:, self.order])[:, self.place]

    @property
    def noise(self) -> tuple[Noise, ...]:
        """One uniform number per dimension."""
        return (Noise("u", "uniform", (self.dims,)),)

    def sequence(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> Sequence:
        """The state of the network and what it reads."""
        rows = partial(of_rows, order=self.order, noise=noise, known=known)
        return self.unit.sequence(rows, temperature, partial(self._read, known=known))

    def _read(self, levels: Tensor, known: Known | None) -> Tensor:
        return self.ended(placed(levels.flatten(1), self.place, self.event_shape), known)


class RecurrentElements(nn.Module):
    """One recurrent step per dimension, in raster order; the output gives the logits of the next one.

    A step reads the dimension drawn last and, in an image, those of the same channel in a window of pixels of the rows
    above; what lies outside is a learned vector.
    """

    def __init__(
        self,
        event_shape: tuple[int, ...],
        levels: LevelFeatures,
        outputs: int,
        options: RnnOptions,
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

    def sequence(self, rows: Rows, temperature: Tensor, read: Callable[[Tensor], Tensor]) -> Sequence:
        """The state, and all levels so far; ``rows`` gives noise and what is known at some places."""
        everywhere = torch.arange(len(self.sources), device=temperature.device)
        fixed = (self.sources, self.inside, self.places())

        def at(positions: Tensor) -> Tensors:
            return *(part.index_select(0, positions) for part in fixed), *rows(positions)

        def draw(carry: State, inputs: Tensors) -> tuple[State, Tensor]:
            *state, drawn = carry
            position, sources, inside, place, u, *known = inputs
            seen = self.levels(drawn.index_select(1, sources))  # (batch, reach, features)
            seen = torch.where(inside[:, None], seen, self.outside).flatten(1) + place
            summary, state = step(self.network, seen, tuple(state))
            level = keep(draw_categorical(self.head(summary), u, temperature), *known)  # (batch,)
            drawn = torch.where(everywhere == position, level[:, None], drawn)
            return (*state, drawn), level.clone()

        start = (*start_state(self.network), Zeros((len(everywhere),), self.outside.dtype))
        return Sequence(len(everywhere), start, at, one_by_one(draw), read)


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


class RecurrentRows(nn.Module):
    """One recurrent step per row of an image; the state drives a small autoregressive network inside the next row."""

    def __init__(
        self,
        shape: tuple[int, int],
        levels: LevelFeatures,
        outputs: int,
        options: RnnOptions,
        *,
        window: int,
        head: int,
    ) -> None:
        super().__init__()
        self.shape, self.levels, self.window = shape, levels, window
        rows, width = shape
        self.place = nn.Parameter(0.1 * torch.randn(rows, window * width * levels.size))
        self.network = recurrent(window * width * levels.size, options)
        self.dropout = nn.Dropout(options.dropout)
        self.head = RowHead(options.hidden, width, head, levels.size, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, dims, outputs) of levels (batch, dims)."""
        rows = self.levels(x).unflatten(1, self.shape)  # (batch, rows, width, features)
        flat = rows.flatten(2)
        before = [nn.functional.pad(flat, (0, 0, back, 0))[:, : len(self.place)] for back in range(1, self.window + 1)]
        states, _ = self.network(torch.cat(before, 2) + self.place)
        return self.head(self.dropout(states), rows).flatten(1, 2)

    def sequence(self, rows: Rows, temperature: Tensor, read: Callable[[Tensor], Tensor]) -> Sequence:
        """The state, and the features of the rows above; ``rows`` gives noise and what is known at some places."""
        height, width = self.shape

        def at(positions: Tensor) -> Tensors:
            return self.place.index_select(0, positions), *rows(row_places(positions, width))

        def row(carry: State, inputs: Tensors) -> tuple[State, Tensor]:
            *state, above = carry
            _, place, u, *known = inputs
            summary, state = step(self.network, above + place, tuple(state))
            levels = self.head.sample(summary, u, temperature, self.levels, tuple(known))  # (width, batch)
            drawn = self.levels(levels.T.contiguous()).flatten(1)
            above = torch.cat([drawn, above[:, : above.shape[1] - drawn.shape[1]]], 1)
            return (*state, above), levels.clone()

        start = (*start_state(self.network), Zeros((self.place.shape[1],), self.place.dtype))
        return Sequence(height, start, at, one_by_one(row), read, (width,))


def recurrent(inputs: int, options: RnnOptions) -> Network:
    """A network over (batch, time, inputs); an LSTM's forget gates start open, with bias 1.

    LSTM: gates i, f, o = σ(W x + U h + b), candidate g = tanh(…), cell c' = f c + i g, output h' = o tanh(c').
    GRU: gates r, z = σ(…), candidate n = tanh(W x + b + r (U h + b')), output h' = (1 − z) n + z h.
    """
    kind = nn.LSTM if options.cell == "lstm" else nn.GRU
    between = options.dropout if options.layers > 1 else 0.0
    network = kind(inputs, options.hidden, options.layers, batch_first=True, dropout=between)
    if isinstance(network, nn.LSTM):
        for layer in range(options.layers):
            forget = slice(options.hidden, 2 * options.hidden)
            getattr(network, f"bias_ih_l{layer}").data[forget] += 1.0
    return network


def start_state(network: Network) -> tuple[Zeros, ...]:
    """H of every layer, then c of every layer for an LSTM; each (batch, hidden)."""
    count = network.num_layers * (2 if isinstance(network, nn.LSTM) else 1)
    return (Zeros((network.hidden_size,), network.weight_hh_l0.dtype),) * count


def step(network: Network, x: Tensor, state: State) -> tuple[Tensor, State]:
    """Output (batch, hidden) and next state for one input (batch, inputs)."""
    layers = network.num_layers
    hs, cs = list(state[:layers]), list(state[layers:])
    for layer in range(layers):
        weights = [getattr(network, f"{name}_l{layer}") for name in ("weight_ih", "bias_ih", "weight_hh", "bias_hh")]
        if cs:
            hs[layer], cs[layer] = _lstm(x, hs[layer], cs[layer], *weights)
        else:
            hs[layer] = _gru(x, hs[layer], *weights)
        x = hs[layer]
    return x, (*hs, *cs)


def _lstm(x: Tensor, h: Tensor, c: Tensor, w: Tensor, b: Tensor, u: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    i, f, g, o = (nn.functional.linear(x, w, b) + nn.functional.linear(h, u, d)).chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def _gru(x: Tensor, h: Tensor, w: Tensor, b: Tensor, u: Tensor, d: Tensor) -> Tensor:
    r, z, n = nn.functional.linear(x, w, b).chunk(3, 1)
    r_h, z_h, n_h = nn.functional.linear(h, u, d).chunk(3, 1)
    z = torch.sigmoid(z + z_h)
    return (1 - z) * torch.tanh(n + torch.sigmoid(r + r_h) * n_h) + z * h
