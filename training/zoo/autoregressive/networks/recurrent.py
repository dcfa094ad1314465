"""Recurrent networks that can be run step by step: nn.LSTM and nn.GRU, and one step of them from their own weights.

LSTM: gates i, f, o = σ(W x + U h + b), candidate g = tanh(…), cell c' = f c + i g, output h' = o tanh(c').
GRU: gates r, z = σ(…), candidate n = tanh(W x + b + r (U h + b')), output h' = (1 − z) n + z h.

S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9, 1997; F. Gers, J. Schmidhuber,
F. Cummins, "Learning to forget", 2000 (forget gate); K. Cho et al., "Learning phrase representations using RNN
encoder-decoder for statistical machine translation", EMNLP 2014, arXiv 1406.1078.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.base import Options

Network = nn.LSTM | nn.GRU
State = tuple[Tensor, ...]


class RecurrentOptions(Options):
    """Options of a recurrent network."""

    cell: Literal["lstm", "gru"] = Field(default="lstm", description="long short-term memory or gated recurrent unit")
    hidden: int = Field(default=256, ge=1, description="units of each recurrent layer")
    layers: int = Field(default=1, ge=1, description="recurrent layers, one above the other")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="share of a layer's outputs hidden in training")


def recurrent(inputs: int, options: RecurrentOptions) -> Network:
    """A network over (batch, time, inputs); an LSTM's forget gates start open, with bias 1."""
    kind = nn.LSTM if options.cell == "lstm" else nn.GRU
    between = options.dropout if options.layers > 1 else 0.0
    network = kind(inputs, options.hidden, options.layers, batch_first=True, dropout=between)
    if isinstance(network, nn.LSTM):
        for layer in range(options.layers):
            forget = slice(options.hidden, 2 * options.hidden)
            getattr(network, f"bias_ih_l{layer}").data[forget] += 1.0
    return network


def start_state(network: Network, batch: int) -> State:
    """Zeros: h of every layer, then c of every layer for an LSTM; each (batch, hidden)."""
    count = network.num_layers * (2 if isinstance(network, nn.LSTM) else 1)
    like = network.weight_hh_l0
    return tuple(like.new_zeros(batch, network.hidden_size) for _ in range(count))


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
