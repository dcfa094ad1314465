"""Conditionals of a Markov chain, p(level | context): as interpolated counts, or written out in one table.

With n(c, v) the count of level v after context c, n(c) that of c, and c′ the context without its oldest level,
p_j(v | c) = (n(c, v) + w(c) p_{j−1}(v | c′)) / (n(c) + w(c)), down to p_{−1} = 1 / V. The weight of the shorter context
is a pseudo-count a, or a times the number of different levels that followed c.

Only what occurred is stored, and found by bisection in a fixed number of steps, which an exported graph can hold.
"""

from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor, nn

from training.zoo.classical.contexts import first, shorten

Smoothing = Literal["constant", "followers"]
Pairs = Iterable[tuple[Tensor, Tensor]]  # contexts and the levels that followed them, int64 (pairs,), in parts

_SMALL = 1 << 22  # keys that are counted in a table rather than sorted


class Interpolation(nn.Module):
    """Counts of the orders 0..k and how they are smoothed; before anything is counted all levels are equally likely.

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
