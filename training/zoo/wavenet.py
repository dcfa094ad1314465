"""WaveNet: causal convolutions whose dilations double from layer to layer, over quantised samples of a recording.

The sample before each position enters as an embedding. A layer of dilation d sees its input now and d samples ago; it
computes z = tanh(W_f ∗ h + V_f y) ⊙ σ(W_g ∗ h + V_g y), where y is the label, if there are any. A 1×1 convolution of z
is added to h, the input of the next layer; another one goes straight to the output, where the sum of all layers passes
two rectified 1×1 convolutions into a softmax over the levels. L layers with dilations 1, 2, 4, … see 2^L samples back,
and the dilations start again with every stack. Before the beginning of a recording there is silence: zeros.

A score is one parallel pass. A sample is drawn along the way: every layer keeps its last d inputs in a queue, so that
a step costs one column of the network instead of all that it can see. The past of all layers is read and multiplied
at once, before the present walks up through them. Samples are drawn in double precision, at about twice the cost: in
float32 one recording of half a second in sixteen came out differently in a batch than alone, because sums in another
order move a draw across its threshold, and with it everything after.

A. van den Oord et al., "WaveNet: A Generative Model for Raw Audio", 2016, arXiv 1609.03499; §2, equations 1, 2 and 5.
T. Le Paine et al., "Fast Wavenet Generation Algorithm", 2016, arXiv 1611.09482.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.base import (
    Facts,
    Known,
    LabelConditioned,
    Noise,
    Options,
    Sequence,
    SequentialSampler,
    Tensors,
    Zeros,
)
from training.zoo.parts.conditionals import DiscreteConditionals, Step, draw_categorical, keep, of_rows, scan_to_end


class WavenetOptions(Options):
    """Options of ``wavenet``."""

    stacks: int = Field(default=2, ge=1, description="how often the dilations start again at 1")
    layers: int = Field(default=9, ge=1, description="layers of a stack, each with twice the dilation of the one below")
    channels: int = Field(default=32, ge=1, description="width of a layer")
    skip: int = Field(default=64, ge=1, description="width of the sum over all layers, and of the layer behind it")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="share of a layer's inputs left out while fitting")
    label_dropout: float = Field(
        default=0.1, ge=0, le=1, description="share of the items fitted as if their label were not known"
    )


class Wavenet(DiscreteConditionals, LabelConditioned, SequentialSampler):
    """Dilated causal convolutions over levels in time; exact log p(x), samples in steps through queues."""

    title = "WaveNet"
    paper = "van den Oord et al. 2016, arXiv 1609.03499"
    Options: ClassVar[type[Options]] = WavenetOptions

    def __init__(self, facts: Facts, options: WavenetOptions) -> None:
        super().__init__(facts, options)
        self.dilations = [2**layer for _ in range(options.stacks) for layer in range(options.layers)]
        depth, width, skip = len(self.dilations), options.channels, options.skip
        self.embedding = nn.Parameter(_smooth(facts.levels, width))  # by level; the last row is the beginning
        self.past = nn.Parameter(torch.randn(depth, width, 2 * width) / (2 * width) ** 0.5)  # W_f and W_g, d ago
        self.present = nn.Parameter(torch.randn(depth, width, 2 * width) / (2 * width) ** 0.5)  # W_f and W_g, now
        self.gate_bias = nn.Parameter(torch.zeros(depth, 2 * width))
        self.told = nn.Parameter(torch.zeros(facts.classes + 1, depth, 2 * width)) if facts.classes else None  # V
        self.residual = nn.Parameter(torch.randn(depth - 1, width, width) / (depth * width) ** 0.5)
        self.skip = nn.Parameter(torch.randn(depth, width, skip) / (depth * width) ** 0.5)
        self.skip_bias = nn.Parameter(torch.zeros(skip))
        self.hidden = nn.Linear(skip, skip)
        self.output = nn.Linear(skip, self.outputs)

    def open_logits(self, x: Tensor, *, label: Tensor | None = None) -> Tensor:
        """Logits of all conditionals, shape (batch, time, outputs), for x (batch, time)."""
        begin = torch.full_like(x[:, :1], self.facts.levels)
        h = self.embedding[torch.cat([begin, x[:, :-1]], 1).long()]  # (batch, time, channels)
        offsets = self._offsets(x.shape[0], label)  # (depth, batch, 2 channels)
        total = self.skip_bias
        for layer, dilation in enumerate(self.dilations):
            seen = nn.functional.dropout(h, self.options.dropout, self.training)
            ago = nn.functional.pad(seen, (0, 0, dilation, 0))[:, : h.shape[1]]
            z = _gated(seen @ self.present[layer] + ago @ self.past[layer] + offsets[layer][:, None])
            total = total + z @ self.skip[layer]
            if layer < len(self.residual):
                h = h + z @ self.residual[layer]
        return self.output(torch.relu(self.hidden(torch.relu(total))))

    def _offsets(self, batch: int, label: Tensor | None) -> Tensor:
        """What is added to the gates of every layer, given the labels, shape (depth, batch, 2 channels)."""
        bias = self.gate_bias[:, None]
        if self.told is None:
            return bias.expand(-1, batch, -1)
        unknown = torch.full((batch,), self.classes, device=bias.device)
        return bias + self.told[unknown if label is None else label].transpose(0, 1)

    def loss(self, x: Tensor, *, label: Tensor | None = None) -> Tensor:
        """Mean exact negative log-likelihood in nats; some labels are withheld."""
        if label is not None:
            withheld = torch.rand(x.shape[0], device=x.device) < self.options.label_dropout
            label = torch.where(withheld, self.classes, label)
        return super().loss(x, label=label)

    @property
    def noise(self) -> tuple[Noise, ...]:
        """One uniform number per sample."""
        return (Noise("u", "uniform", (self.dims,)),)

    def sequence(
        self, *noise: Tensor, temperature: Tensor, known: Known | None = None, label: Tensor | None = None
    ) -> Sequence:
        """The queues of all layers, one after the other, and the level before."""
        batch, width = temperature.shape[0], self.options.channels
        column = _Column(self, self._offsets(batch, label))
        degrees = temperature.double()

        queues = _Queues(self.dilations)

        def draw(past: Tensor, previous: Tensor, u: Tensor, *given: Tensor) -> tuple[Tensor, Tensor]:
            logits, seen = column(previous, past)
            return keep(draw_categorical(logits, u.double(), degrees), *given).long(), seen

        begin = torch.full_like(temperature, self.facts.levels, dtype=torch.int64)
        start = (Zeros((sum(self.dilations), width), torch.float64), begin)
        at = partial(of_rows, order=self.order, noise=noise, known=known)
        return Sequence(self.dims, start, at, partial(queues.advance, draw), partial(self.ended, known=known))


class _Queues:
    """What every layer saw, as far back as its dilation; the oldest entry is read and then replaced.

    A layer whose dilation is at least the number of positions in a piece reads nothing that the piece writes: all its
    entries are read before, and replaced after the loop. Only the other queues, which are short, go round in it.
    """

    def __init__(self, dilations: list[int]) -> None:
        self.dilations = dilations
        self.first = [sum(dilations[:layer]) for layer in range(len(dilations))]  # of each layer's entries

    def advance(
        self, draw: Callable[..., tuple[Tensor, Tensor]], state: Tensors, positions: Tensor, inputs: Tensors
    ) -> tuple[Tensors, Tensor]:
        """The next queues (batch, sum of dilations, channels) and level (batch,), and all levels, (count, batch).

        ``draw`` makes of the past (depth, batch, channels), the level before and what is read a level, int64 (batch,),
        and what the layers saw, of the shape of the past.
        """
        queues, previous = state
        count, numbers = len(positions), partial(torch.tensor, dtype=torch.int64, device=positions.device)
        short = [layer for layer, dilation in enumerate(self.dilations) if dilation < count]
        long = [layer for layer, dilation in enumerate(self.dilations) if dilation >= count]
        near = numbers([self.first[layer] + entry for layer in short for entry in range(self.dilations[layer])])
        first, dilations = (
            numbers([self.first[layer] for layer in long]),
            numbers([self.dilations[layer] for layer in long]),
        )
        far = (first + positions[:, None] % dilations).flatten()  # (count · long,)
        recent = queues.index_select(1, near).transpose(0, 1)  # (entries, batch, channels)
        recent = recent.clone(memory_format=torch.contiguous_format)  # with the strides of what the loop hands on
        ago = queues.index_select(1, far).transpose(0, 1).unflatten(0, (count, len(long))).contiguous()
        (recent, previous), (levels, seen) = scan_to_end(
            self._step(draw, short, long, numbers),
            (recent, previous),
            (positions[:, None], *inputs, *([ago] * bool(long))),
        )
        if long:  # a loop takes no array without elements
            recent = torch.cat([recent, seen.index_select(1, numbers(long)).flatten(0, 1)])
        rows = torch.arange(queues.shape[0], device=queues.device)[:, None]
        queues = queues.index_put((rows, torch.cat([near, far])), recent.transpose(0, 1))
        return (queues, previous), levels.float()

    def _step(
        self,
        draw: Callable[..., tuple[Tensor, Tensor]],
        short: list[int],
        long: list[int],
        numbers: Callable[..., Tensor],
    ) -> Step:
        """One position, given what long queues hold for it; short queues are carried."""
        sizes = [self.dilations[layer] for layer in short]
        dilations, first = numbers(sizes), numbers([sum(sizes[:layer]) for layer in range(len(sizes))])
        parted = [*short, *long]
        layers, own = numbers([parted.index(layer) for layer in range(len(parted))]), numbers(short)

        def step(carry: Tensors, inputs: Tensors) -> tuple[Tensors, Tensors]:
            recent, previous = carry
            (position, *read), ago = (inputs[:-1], inputs[-1:]) if long else (inputs, ())
            places = first + position % dilations
            past = torch.cat([recent.index_select(0, places), *ago]).index_select(0, layers)
            level, seen = draw(past, previous, *read)
            return (recent.index_copy(0, places, seen.index_select(0, own)), level), (level.clone(), seen)

        return step


class _Column:
    """The network at one position, in double precision."""

    def __init__(self, net: Wavenet, offsets: Tensor) -> None:
        self.embedding, self.past, self.offsets = net.embedding.double(), net.past.double(), offsets.double()
        # a loop takes no two views of one tensor
        self.present, self.residual = ([part.clone() for part in w.double()] for w in (net.present, net.residual))
        self.skip, self.skip_bias = net.skip.double().flatten(0, 1), net.skip_bias.double()
        self.head = [part.double() for layer in (net.hidden, net.output) for part in (layer.weight.T, layer.bias)]

    def __call__(self, previous: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (batch, outputs) and the layers' inputs (depth, batch, channels).

        ``previous`` is the level before (batch,), ``past`` what each layer saw its dilation ago, (depth, batch,
        channels).
        """
        before = (past @ self.past + self.offsets).unbind()
        h = self.embedding.index_select(0, previous)
        seen, gated = [h], []
        for layer, (gates, present) in enumerate(zip(before, self.present, strict=True)):
            gated.append(_gated(gates + h @ present))
            if layer < len(self.residual):
                h = h + gated[-1] @ self.residual[layer]
                seen.append(h)
        weight, bias, out, out_bias = self.head
        total = torch.cat(gated, 1) @ self.skip + self.skip_bias
        return torch.relu(torch.relu(total) @ weight + bias) @ out + out_bias, torch.stack(seen)


def _gated(gates: Tensor) -> Tensor:
    """Tanh of the first half of the channels times the sigmoid of the second, (…, 2 channels) → (…, channels)."""
    signal, gate = gates.chunk(2, -1)
    return torch.tanh(signal) * torch.sigmoid(gate)


def _smooth(levels: int, width: int) -> Tensor:
    """Initial embeddings in which near levels are near, (levels + 1, width); the last one is the beginning."""
    amplitude = torch.linspace(-1, 1, levels)[:, None]
    return torch.cat([amplitude * torch.randn(width), torch.zeros(1, width)]) + 0.1 * torch.randn(levels + 1, width)
