"""Markov chain of order k: a dimension depends on the k dimensions before it, wherever in the sequence it is.

The maximum-likelihood p(v | context) is the share of v among the levels that followed the context. Most contexts of a
high order are rare, so orders are interpolated: with n(c, v) the count of v after c, n(c) that of c, and c′ the context
without its oldest level, p_j(v | c) = (n(c, v) + w(c) p_{j−1}(v | c′)) / (n(c) + w(c)), down to p_{−1} = 1 / V. Every
level has positive probability, every conditional sums to one, and a context that never occurred is worth what the next
shorter one is worth. The weight w(c) is a pseudo-count a (MacKay and Peto), or a times the number of different levels
that followed c, so that a context with few continuations is trusted more (Witten and Bell, with a = 1). Where a
sequence begins, the context is all there is before the dimension, and the fact that there is no more. Order k, form of
the weight and a are those with the best validation likelihood.

Images are taken row by row. Where items end with a level of their own (text), nothing but that level follows it, with
probability one: a distribution over strings of at most ``dims`` levels.

A. A. Markov, "An example of statistical investigation of the text Eugene Onegin concerning the connection of samples
in chains", 1913; C. Shannon, "A Mathematical Theory of Communication", Bell System Technical Journal 27, 1948, §2-3
(text); I. Witten, T. Bell, "The zero-frequency problem", IEEE Transactions on Information Theory 37, 1991, method C;
D. MacKay, L. Bauman Peto, "A hierarchical Dirichlet language model", Natural Language Engineering 1, 1995, §3.
"""

from collections.abc import Iterator
from itertools import product
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from training.zoo.autoregressive.conditionals.completion import in_order, keep
from training.zoo.autoregressive.conditionals.discrete import DiscreteOptions, draw_categorical
from training.zoo.autoregressive.conditionals.order import raster
from training.zoo.base import Autoregressive, ClosedForm, CompletingSampler, Family, Known, Noise, Options
from training.zoo.classical.contexts import contexts, first, follow
from training.zoo.classical.interpolation import ConditionalTable, Interpolation, Smoothing, before, interpolate, weight
from training.zoo.scan import scan

_DENSE = 1 << 20  # entries of a table that is still small in a bundle
_CHUNK = 1 << 18  # dimensions that are looked at together while fitting


class MarkovOptions(DiscreteOptions):
    """Options of ``markov``; the product of the three lists is tried."""

    orders: tuple[int, ...] = Field(default=(0, 1, 2, 3), min_length=1, description="lengths of the context to try")
    smoothings: tuple[Smoothing, ...] = Field(
        default=("constant", "followers"),
        min_length=1,
        description="weights of the next shorter context to try: the same for all, or by the number of followers",
    )
    pseudo_counts: tuple[float, ...] = Field(
        default=(0.1, 0.3, 1.0, 3.0, 10.0, 30.0), min_length=1, description="factors of that weight to try"
    )
    end: int | None = Field(
        default=None, ge=0, description="level that nothing but itself follows; without it what the transform gives"
    )


class Markov(Family, Autoregressive, CompletingSampler, ClosedForm):
    """Markov chain over levels, orders interpolated; exact log p(x), direct samples."""

    title = "Markov chain"
    paper = "Markov 1913; Shannon 1948; Witten & Bell 1991"
    kind = "exact"
    space = ("binary", "levels")
    temperature = "divides every conditional's log-probabilities: below 1 cleaner and less varied, above 1 wilder"
    Options: ClassVar[type[Options]] = MarkovOptions

    def __init__(self, event_shape: tuple[int, ...], options: MarkovOptions) -> None:
        super().__init__(event_shape, options)
        _refuse_unusable(options)
        self.register_buffer("order", raster(event_shape), persistent=False)  # dimensions from first to last
        self.register_buffer("place", torch.argsort(raster(event_shape)), persistent=False)
        self.chain: Interpolation | ConditionalTable = Interpolation(options.levels)

    def fit(self, x: Tensor, x_validation: Tensor, seed: int) -> dict[str, float | str]:
        """Counts; the order and the pseudo-count with the best validation likelihood; the seed is not used."""
        options = self.options
        self.chain.count(lambda order: self._pairs(x, order), max(options.orders))
        scores = dict.fromkeys(product(options.orders, options.smoothings, options.pseudo_counts), 0.0)
        for levels in self._parts(x_validation):
            self._add_scores(levels, scores)
        best = order, smoothing, pseudo_count = max(scores, key=scores.__getitem__)
        self.chain.choose(*best)
        return {
            "order": order,
            "smoothing": smoothing,
            "pseudo_count": pseudo_count,
            "contexts": len(self.chain.seen),
            "model_space_validation_log_prob": scores[best] / len(x_validation),
        }

    def _parts(self, x: Tensor) -> Iterator[Tensor]:
        """Levels in order, int64 (items, dims), some items after the other."""
        for part in x.flatten(1).split(max(1, _CHUNK // self.dims)):
            yield part[:, self.order].long()

    def _pairs(self, x: Tensor, order: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Contexts and levels that follow them, but for the beginnings that a lower order counts."""
        for levels in self._parts(x):
            context = contexts(levels, self.options.levels, order)
            counted = self._is_open(levels) & (context >= first(self.options.levels, max(order - 1, 0)))
            yield context[counted], levels[counted]

    def _add_scores(self, levels: Tensor, scores: dict[tuple[int, Smoothing, float], float]) -> None:
        """Adds the log-probability of these items under every candidate."""
        is_open = self._is_open(levels)
        context, level = contexts(levels, self.options.levels, self.chain.order)[is_open], levels[is_open]
        uniform = torch.full(level.shape, 1 / self.options.levels, dtype=torch.float64)
        probability = dict.fromkeys(product(self.options.smoothings, self.options.pseudo_counts), uniform)
        for order, (count, total, followers) in enumerate(zip(*self.chain.of_level(context, level), strict=True)):
            for how, shorter in probability.items():
                probability[how] = interpolate(count, total, shorter, weight(*how, followers))
                if order in self.options.orders:
                    scores[order, *how] += float(torch.log(probability[how]).sum())

    def compact(self) -> None:
        """One table of all conditionals instead of counts, where it is small."""
        if first(self.options.levels, self.chain.order + 1) * self.options.levels <= _DENSE:
            self.chain = ConditionalTable(self.chain)

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d), shape (batch, *event_shape)."""
        levels = x.flatten(1)[:, self.order].long()
        log_prob = self.chain.log_prob(contexts(levels, self.options.levels, self.chain.order), levels)
        if self.options.end is not None:
            certain = torch.where(levels == self.options.end, 0.0, -torch.inf)
            log_prob = torch.where(self._is_open(levels), log_prob, certain)
        return log_prob[:, self.place].reshape(-1, *self.event_shape)

    def _is_open(self, levels: Tensor) -> Tensor:
        """Where no dimension before has ended the item, bool, for levels (batch, dims) in order."""
        if self.options.end is None:
            return torch.ones_like(levels, dtype=torch.bool)
        ends = (levels == self.options.end).long()
        return torch.cumsum(ends, 1) == ends

    @property
    def noise(self) -> tuple[Noise, ...]:
        """One uniform number per dimension."""
        return (Noise("u", "uniform", (self.dims,)),)

    def generate(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> tuple[Tensor, None]:
        """Exact samples, shape (batch, *event_shape)."""
        (u,) = noise
        levels, order, end = self.options.levels, self.chain.order, self.options.end

        def step(carry: tuple[Tensor, Tensor], inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, Tensor], Tensor]:
            context, has_ended = carry  # (batch,), (batch,)
            draw, *given = inputs  # (batch,), …
            x = draw_categorical(self.chain.conditionals(context), draw, temperature)
            if end is not None:
                x = torch.where(has_ended, float(end), x)
            x = keep(x, *given)
            return (follow(context, x.long(), levels, order), x == (-1 if end is None else end)), x.clone()

        start = torch.zeros(u.shape[0], dtype=torch.int64, device=u.device)
        inputs = (u[:, self.order].T.contiguous(), *in_order(known, self.order))
        x = scan(step, (start, start > 0), inputs)  # (dims, batch), in order
        return x.T[:, self.place].reshape(-1, *self.event_shape), None


def _refuse_unusable(options: MarkovOptions) -> None:
    longest = max(options.orders)
    if min(options.orders) < 0 or min(options.pseudo_counts) <= 0:
        raise ValueError("expected orders of at least 0 and pseudo-counts above 0")
    if before(options.levels, longest + 1) * options.levels >= 1 << 62:
        raise ValueError(f"contexts of {longest} dimensions with {options.levels} levels have no number of 64 bits")
