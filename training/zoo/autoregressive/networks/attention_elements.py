"""One token per dimension: each attends to those before it; keys and values are kept while sampling."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from training.zoo.autoregressive.conditionals.completion import keep
from training.zoo.autoregressive.conditionals.discrete import draw_categorical
from training.zoo.autoregressive.networks.embedding import Places
from training.zoo.autoregressive.networks.transformer import Transformer, TransformerOptions
from training.zoo.scan import scan, scan_to_end


class AttentionElements(nn.Module):
    """Logits and samples of dimensions in raster order, one at a time."""

    def __init__(self, event_shape: tuple[int, ...], levels: int, outputs: int, options: TransformerOptions) -> None:
        super().__init__()
        self.tokens = nn.Parameter(0.02 * torch.randn(levels, options.width))
        self.start = nn.Parameter(0.02 * torch.randn(options.width))
        self.places = Places(event_shape, options.width)
        self.transformer = Transformer(options)
        self.head = nn.Linear(options.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, dims, outputs) of levels (batch, dims)."""
        before = self._token(x[:, :-1])  # (batch, dims - 1, width)
        tokens = torch.cat([self.start.expand(x.shape[0], 1, -1), before], 1) + self.places()
        return self.head(self.transformer(tokens))

    def sample(self, u: Tensor, temperature: Tensor, given: tuple[Tensor, ...]) -> Tensor:
        """Levels (dims, batch) for noise and what is known, (dims, batch).

        Dimensions are drawn in chunks of about √dims. A chunk has keys and values of its own, so that a step writes a
        copy of √dims of them instead of all.
        """
        dims, size = len(u), math.ceil(math.sqrt(len(u)))
        chunked = [_in_chunks(array, size) for array in (self.places(), u, *given)]  # each (chunks, size, …)
        count = len(chunked[0])
        positions = torch.arange(count * size, device=u.device).reshape(count, size, 1)

        def chunk(carry: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
            before, *past = carry
            recent = self.transformer.empty(before, size)
            (before, *recent), levels = scan_to_end(self._step(past, temperature), (before, *recent), inputs)
            now = (inputs[0][0] == positions[:, 0])[:, None]  # (chunks, 1, 1)
            past = [torch.where(now, new[:, :, None], old) for new, old in zip(recent, past, strict=True)]
            return (before.clone(), *past), levels.clone()

        start = self.start.expand(u.shape[1], -1).clone()
        empty = self.transformer.empty(start, count, size)
        return scan(chunk, (start, *empty), (positions, *chunked)).flatten(0, 1)[:dims]

    def _token(self, level: Tensor) -> Tensor:
        return nn.functional.embedding(level.long(), self.tokens)

    def _step(
        self, past: list[Tensor], temperature: Tensor
    ) -> Callable[[tuple[Tensor, ...], tuple[Tensor, ...]], tuple[tuple[Tensor, ...], Tensor]]:
        """A step inside a chunk, given keys and values of earlier chunks, each (batch, heads, chunks, size, …)."""
        size = past[0].shape[3]
        past = [array.flatten(2, 3) for array in past]
        places = torch.arange(past[0].shape[2], device=temperature.device)

        def step(carry: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
            before, *recent = carry  # the token of the level drawn last, (batch, width)
            position, place, u, *known = inputs
            within = position % size
            visible = torch.cat([places < position - within, places[:size] <= within])
            state, recent = self.transformer.step(before + place, recent, places[:size] == within, visible, past)
            level = keep(draw_categorical(self.head(state), u, temperature), *known)
            return (self._token(level), *recent), level.clone()

        return step


def _in_chunks(walked: Tensor, size: int) -> Tensor:
    """(dims, …) as (chunks, size, …), the last chunk filled up with zeros."""
    missing = -len(walked) % size
    filled = torch.cat([walked, walked.new_zeros(missing, *walked.shape[1:])])
    return filled.unflatten(0, (-1, size)).contiguous()
