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

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import product
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from training.progress import Progress
from training.zoo.base import (
    Autoregressive,
    ClosedForm,
    Facts,
    Family,
    Known,
    Noise,
    Options,
    Sequence,
    SequentialSampler,
    Tensors,
)
from training.zoo.parts.conditionals import draw_categorical, is_open, keep, of_rows, one_by_one, placed, raster

Smoothing = Literal["constant", "followers"]
Pairs = Iterable[tuple[Tensor, Tensor]]  # contexts and the levels that followed them, int64 (pairs,), in parts

_DENSE = 1 << 20  # entries of a table that is still small in a bundle
_CHUNK = 1 << 18  # dimensions that are looked at together while fitting
_SMALL = 1 << 22  # keys that are counted in a table rather than sorted


class MarkovOptions(Options):
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


class Markov(Family, Autoregressive, SequentialSampler, ClosedForm):
    """Markov chain over levels, orders interpolated; exact log p(x), samples in steps."""

    title = "Markov chain"
    paper = "Markov 1913; Shannon 1948; Witten & Bell 1991"
    kind = "exact"
    space = ("binary", "levels")
    temperature = "divides every conditional's log-probabilities: below 1 cleaner and less varied, above 1 wilder"
    Options: ClassVar[type[Options]] = MarkovOptions

    def __init__(self, facts: Facts, options: MarkovOptions) -> None:
        super().__init__(facts, options)
        _refuse_unusable(facts.levels, options)
        self.register_buffer("order", raster(facts.event_shape), persistent=False)  # dimensions from first to last
        self.register_buffer("place", torch.argsort(raster(facts.event_shape)), persistent=False)
        self.chain: Interpolation | ConditionalTable = Interpolation(facts.levels)

    @classmethod
    def fit_bytes(cls, facts: Facts, options: Options, items: int) -> int:
        """The items, and what is counted: in every order at most as many different strings as there can be."""
        values = items * math.prod(facts.event_shape)
        longest = max(options.orders)
        strings = sum(min(values, facts.levels ** (order + 1)) for order in range(longest + 1))
        return 4 * values + 96 * strings + 8 * _SMALL + 128 * (longest + 1) * _CHUNK

    def fit(
        self, x: Tensor, x_validation: Tensor, seed: int, progress: Progress | None = None
    ) -> dict[str, float | str]:
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
            context = contexts(levels, self.facts.levels, order)
            counted = self._is_open(levels) & (context >= first(self.facts.levels, max(order - 1, 0)))
            yield context[counted], levels[counted]

    def _add_scores(self, levels: Tensor, scores: dict[tuple[int, Smoothing, float], float]) -> None:
        """Adds the log-probability of these items under every candidate."""
        is_open = self._is_open(levels)
        context, level = contexts(levels, self.facts.levels, self.chain.order)[is_open], levels[is_open]
        uniform = torch.full(level.shape, 1 / self.facts.levels, dtype=torch.float64)
        probability = dict.fromkeys(product(self.options.smoothings, self.options.pseudo_counts), uniform)
        for order, (count, total, followers) in enumerate(zip(*self.chain.of_level(context, level), strict=True)):
            for how, shorter in probability.items():
                probability[how] = interpolate(count, total, shorter, weight(*how, followers))
                if order in self.options.orders:
                    scores[order, *how] += float(torch.log(probability[how]).sum())

    def compact(self) -> None:
        """One table of all conditionals instead of counts, where it is small."""
        if first(self.facts.levels, self.chain.order + 1) * self.facts.levels <= _DENSE:
            self.chain = ConditionalTable(self.chain)

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d), shape (batch, *event_shape)."""
        levels = x.flatten(1)[:, self.order].long()
        log_prob = self.chain.log_prob(contexts(levels, self.facts.levels, self.chain.order), levels)
        if self.facts.end is not None:
            certain = torch.where(levels == self.facts.end, 0.0, -torch.inf)
            log_prob = torch.where(self._is_open(levels), log_prob, certain)
        return log_prob[:, self.place].reshape(-1, *self.event_shape)

    def _is_open(self, levels: Tensor) -> Tensor:
        """Where no dimension before has ended the item, bool, for levels (batch, dims) in order."""
        return torch.ones_like(levels, dtype=torch.bool) if self.facts.end is None else is_open(levels, self.facts.end)

    @property
    def noise(self) -> tuple[Noise, ...]:
        """One uniform number per dimension."""
        return (Noise("u", "uniform", (self.dims,)),)

    def sequence(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> Sequence:
        """The context, and the level before, which may have ended the item."""
        levels, order, end = self.facts.levels, self.chain.order, self.facts.end

        def step(state: Tensors, inputs: Tensors) -> tuple[Tensors, Tensor]:
            context, previous = state  # (batch,), (batch,)
            _, draw, *given = inputs  # (batch,), …
            x = draw_categorical(self.chain.conditionals(context), draw, temperature)
            if end is not None:
                x = torch.where(previous == end, float(end), x)
            x = keep(x, *given)
            return (follow(context, x.long(), levels, order), x.long()), x.clone()

        context = torch.zeros_like(temperature, dtype=torch.int64)
        start = (context, torch.full_like(context, -1))
        return Sequence(
            self.dims, start, partial(of_rows, order=self.order, noise=noise, known=known), one_by_one(step), self._read
        )

    def _read(self, x: Tensor) -> Tensor:
        return placed(x, self.place, self.event_shape)


def _refuse_unusable(levels: int, options: MarkovOptions) -> None:
    longest = max(options.orders)
    if min(options.orders) < 0 or min(options.pseudo_counts) <= 0:
        raise ValueError("expected orders of at least 0 and pseudo-counts above 0")
    if before(levels, longest + 1) * levels >= 1 << 62:
        raise ValueError(f"contexts of {longest} dimensions with {levels} levels have no number of 64 bits")


class Interpolation(nn.Module):
    """Counts of the orders 0..k and how they are smoothed; before anything is counted all levels are equally likely.

    Only what occurred is stored, and found by bisection in a fixed number of steps, which an exported graph can hold.
    Row r belongs to the context ``seen[r]`` (its number after those of all lower orders, ascending), which occurred
    ``totals[r]`` times. Entries ``begins[r]..begins[r+1]`` of ``followers`` (ascending) and ``counts`` are the levels
    that followed it.
    """

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels = levels
        for name, values in (
            ("seen", [0]),
            ("begins", [0, 1]),
            ("followers", [0]),
            ("highest", 0),
            ("by_followers", 0),
        ):
            self.register_buffer(name, torch.tensor(values))
        for name, values in (("totals", [0.0]), ("counts", [0.0]), ("pseudo_count", 1.0)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float64))
        self._fix_sizes()

    def _fix_sizes(self) -> None:
        self.order = int(self.highest)  # numbers, so that graphs have fixed sizes
        self.smoothing: Smoothing = "followers" if bool(self.by_followers) else "constant"
        self.widest = int(torch.diff(self.begins).max())  # most different levels that followed one context

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: object) -> None:
        for name in list(self._buffers):  # how many there are is known only after fitting
            setattr(self, name, state_dict[prefix + name].clone())
        self._fix_sizes()
        super()._load_from_state_dict(state_dict, prefix, *args)

    def count(self, pairs: Callable[[int], Pairs], order: int) -> None:
        """Counts what followed what, in the orders 0..``order``."""
        distinct = []
        for lower in range(order + 1):
            keys = (context * self.levels + level for context, level in pairs(lower))
            found, counts = _counted(keys, first(self.levels, lower + 1) * self.levels)
            distinct.append((found + before(self.levels, lower) * self.levels, counts))
        keys, counts = (torch.cat(parts) for parts in zip(*distinct, strict=True))
        self.highest, self.counts, self.followers = torch.tensor(order), counts.double(), keys % self.levels
        self.seen, lengths = torch.unique_consecutive(keys // self.levels, return_counts=True)
        self.totals = torch.segment_reduce(self.counts, "sum", lengths=lengths)
        self.begins = nn.functional.pad(torch.cumsum(lengths, 0), (1, 0))
        self._fix_sizes()

    def choose(self, order: int, smoothing: Smoothing, pseudo_count: float) -> None:
        """Smooths in this way, and forgets the counts of higher orders."""
        rows = int((self.seen < before(self.levels, order + 1)).sum())
        entries = int(self.begins[rows])
        self.seen, self.totals, self.begins = self.seen[:rows], self.totals[:rows], self.begins[: rows + 1]
        self.followers, self.counts = self.followers[:entries], self.counts[:entries]
        self.highest.fill_(order)
        self.by_followers.fill_(smoothing == "followers")
        self.pseudo_count.fill_(pseudo_count)
        self._fix_sizes()

    def log_prob(self, context: Tensor, level: Tensor) -> Tensor:
        """Log p(level | context) in nats, float32; all of one shape."""
        return torch.log(self._interpolated(*self.of_level(context, level))).float()

    def conditionals(self, context: Tensor) -> Tensor:
        """Log-probabilities of all levels, float32 (batch, levels), for contexts (batch,)."""
        return torch.log(self._interpolated(*self.of_all_levels(context))).float()

    def _interpolated(self, counts: Tensor, totals: Tensor, followers: Tensor) -> Tensor:
        probability = torch.full_like(counts[0], 1 / self.levels)
        weights = weight(self.smoothing, self.pseudo_count, followers).expand_as(totals)
        for count, total, mass in zip(counts, totals, weights, strict=True):
            probability = interpolate(count, total, probability, mass)
        return probability

    def of_level(self, context: Tensor, level: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """In every order, how often the level followed the context, how often that occurred, and how many different
        levels followed it, but at least one; float64 (orders, …).
        """
        begin, end, total = self._rows(context)
        place = _rank(self.followers, level, begin, end, self.widest)
        at = torch.clamp(place, max=len(self.followers) - 1)
        found = (place < end) & (self.followers[at] == level)
        return torch.where(found, self.counts[at], 0.0), total, torch.clamp(end - begin, min=1).double()

    def of_all_levels(self, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """In every order, how often each level followed the context, float64 (orders, batch, levels), and the other two
        as in ``of_level``, (orders, batch, 1).
        """
        begin, end, total = self._rows(context)
        place = begin[:, :, None] + torch.arange(self.widest, device=context.device)  # (orders, batch, widest)
        at = torch.clamp(place, max=len(self.followers) - 1)
        counts = torch.where(place < end[:, :, None], self.counts[at], 0.0)
        nothing = torch.zeros_like(total)[:, :, None].expand(-1, -1, self.levels)
        followers = torch.clamp(end - begin, min=1).double()[:, :, None]
        return nothing.scatter_add(2, self.followers[at], counts), total[:, :, None], followers

    def _rows(self, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """First entry, end and total of the contexts in every order, (orders, …); zeros where one never occurred."""
        rungs = [context]
        for order in range(self.order, 0, -1):
            rungs.insert(0, shorten(rungs[0], self.levels, order))
        wanted = torch.stack([rung + before(self.levels, order) for order, rung in enumerate(rungs)])
        none = torch.zeros_like(wanted)
        row = _rank(self.seen, wanted, none, none + len(self.seen), len(self.seen))
        row = torch.clamp(row, max=len(self.seen) - 1)
        found = self.seen[row] == wanted
        ends = (torch.where(found, self.begins[side], none) for side in (row, row + 1))
        return *ends, torch.where(found, self.totals[row], 0.0)


class ConditionalTable(nn.Module):
    """All conditionals of an interpolation, written out."""

    def __init__(self, chain: Interpolation) -> None:
        super().__init__()
        self.levels, self.order = chain.levels, chain.order
        everything = torch.arange(first(self.levels, self.order + 1))
        self.register_buffer("table", chain.conditionals(everything))  # (contexts, levels)

    def log_prob(self, context: Tensor, level: Tensor) -> Tensor:
        """Log p(level | context) in nats, float32; all of one shape."""
        return self.table.flatten()[context * self.levels + level]

    def conditionals(self, context: Tensor) -> Tensor:
        """Log-probabilities of all levels, float32 (batch, levels), for contexts (batch,)."""
        return self.table.index_select(0, context)


def before(levels: int, order: int) -> int:
    """How many contexts the lower orders have together."""
    return sum(first(levels, lower + 1) for lower in range(order))


def weight(smoothing: Smoothing, pseudo_count: Tensor | float, followers: Tensor) -> Tensor:
    """w(c), the weight of the shorter context, for a context that this many different levels followed."""
    return pseudo_count * (followers if smoothing == "followers" else torch.ones_like(followers))


def interpolate(count: Tensor, total: Tensor, shorter: Tensor, weight: Tensor) -> Tensor:
    """(n(c, v) + w(c) p(v | c′)) / (n(c) + w(c))."""
    return (count + weight * shorter) / (total + weight)


def _counted(parts: Iterable[Tensor], size: int) -> tuple[Tensor, Tensor]:
    """Distinct keys 0..size−1 in ascending order, and how often each occurs."""
    if size <= _SMALL:
        table = torch.zeros(size, dtype=torch.int64)
        for keys in parts:
            table += torch.bincount(keys, minlength=size)
        distinct = torch.nonzero(table)[:, 0]
        return distinct, table[distinct]
    keys, counts = (
        torch.cat(arrays) for arrays in zip(*(keys.unique(return_counts=True) for keys in parts), strict=True)
    )
    distinct, place = torch.unique(keys, return_inverse=True)
    return distinct, torch.zeros_like(distinct).index_add(0, place, counts)


def _rank(ascending: Tensor, wanted: Tensor, begin: Tensor, end: Tensor, longest: int) -> Tensor:
    """The first place in begin..end where the array reaches what is wanted, by bisection; all but the first of one
    shape, no end further than ``longest`` from its beginning.
    """
    place = begin
    for bit in reversed(range(longest.bit_length())):
        probe = place + (1 << bit)
        smaller = ascending[torch.clamp(probe - 1, max=len(ascending) - 1)] < wanted
        place = torch.where((probe <= end) & smaller, probe, place)
    return place


def first(levels: int, length: int) -> int:
    """The number of the first context of this length; all longer and no shorter ones come after it."""
    return (levels**length - 1) // (levels - 1)


def contexts(x: Tensor, levels: int, order: int) -> Tensor:
    """The context of every dimension, int64, shape (batch, dims), for levels x (batch, dims) in order.

    A context is the string of levels before a dimension, at most ``order`` of them, and fewer only where the sequence
    has just begun. All strings up to that length are the nodes of a V-ary tree, numbered level by level: the empty
    string is 0, and string s followed by v is V·s + 1 + v. So the strings of length m are the numbers
    first(m)..first(m+1)−1, with first(m) = 1 + V + … + V^(m−1), in the order of their digits in base V; following and
    shortening one is arithmetic.
    """
    number = torch.zeros_like(x)
    for back in range(1, min(order, x.shape[1] - 1) + 1):
        earlier = x[:, :-back] + 1  # its digit, and its part of first(m)
        number = number + nn.functional.pad(earlier * levels ** (back - 1), (back, 0))
    return number


def follow(context: Tensor, level: Tensor, levels: int, order: int) -> Tensor:
    """The context after one more level; all int64 of one shape."""
    longer = levels * context + 1 + level
    forgotten = first(levels, order) + torch.remainder(longer - first(levels, order + 1), levels**order)
    return torch.where(longer < first(levels, order + 1), longer, forgotten)


def shorten(context: Tensor, levels: int, order: int) -> Tensor:
    """Contexts of at most ``order`` levels without the oldest one; those that are shorter stay as they are."""
    code = context - first(levels, order)
    shorter = first(levels, order - 1) + torch.remainder(code, levels ** (order - 1))
    return torch.where(code >= 0, shorter, context)
