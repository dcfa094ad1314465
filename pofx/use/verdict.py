"""When an item is an anomaly: by which statistic, at which false-alarm rate, and with which promise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.rules.promises import Promise, at_least, confidence, pac_rank, smallest_pac
from pofx.use.sizes import Size, check_alpha, default_alpha, smallest, too_few


@dataclass(frozen=True)
class Rule:
    """A p-value of that statistic that is at most the threshold is an anomaly.

    ``thresholds`` has one for every calibration size, in their order.
    """

    statistic: str
    alpha: float
    promise: Promise
    thresholds: tuple[float, ...]


def rule(
    score: bundle.Score,
    sizes: Sequence[Size],
    statistic: str | None,
    asked: float | None,
    promise: Promise,
    usual: float,
) -> Rule:
    """The rule for a statistic, a rate and a promise; RequestInvalid for what is unknown, or could never fire.

    Without a rate it is the usual one, raised as far as the smallest of the calibration sizes needs.
    """
    chosen, least = deciding(score, statistic), smallest(sizes)
    if promise == "marginal":
        alpha = _marginal_alpha(asked, usual, least)
        return Rule(chosen, alpha, promise, (alpha,) * len(sizes))
    sure = _confidence(score, promise, least)
    alpha = _pac_alpha(asked, usual, least, promise, sure)
    return Rule(chosen, alpha, promise, tuple(pac_rank(alpha, size.n, sure) / (size.n + 1) for size in sizes))


def deciding(score: bundle.Score, asked: str | None) -> str:
    """The statistic that decides: the one that was asked for, or the first; RequestInvalid for another."""
    names = [item.name for item in score.statistics]
    if asked is None or asked in names:
        return asked or names[0]
    raise RequestInvalid(f"no statistic {asked!r}; this model has: {', '.join(names)}", pointer="/verdict")


def _marginal_alpha(asked: float | None, usual: float, size: Size) -> float:
    if asked is None:
        return default_alpha(usual, size)
    check_alpha(asked, size)
    return asked


def _confidence(score: bundle.Score, promise: Promise, size: Size) -> float:
    """With which probability the promise must hold for each of the sizes; RequestInvalid for one about no labels."""
    if promise == "pac_all" and size.label is None:
        raise RequestInvalid(
            "promise pac_all holds within every label at once: expected label, got none; say label, or take pac",
            pointer="/label",
        )
    return confidence(promise, len(score.calibration.labels))


def _pac_alpha(asked: float | None, usual: float, size: Size, promise: Promise, sure: float) -> float:
    best = smallest_pac(size.n, sure)
    if asked is None:
        return max(usual, best)
    if pac_rank(asked, size.n, sure) >= 1:
        return asked
    needed = math.ceil(math.log(1 - sure) / math.log1p(-asked))
    detail = (
        f"alpha {asked:g} can never fire with the promise {promise}: {size.items} support {at_least(best)} at best; "
        f"use an alpha of at least that, the promise marginal, or a model calibrated on {size.needed(needed)}"
    )
    raise too_few(detail, "/alpha", size, needed)
