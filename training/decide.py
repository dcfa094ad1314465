"""Which statistic finds a person's own defects: named where there are some, and made the verdict where asked for.

One half of the labelled defects chooses, by the share found at the recipe's rate among validation items; the other
half, which `training.evaluate.measure` looks at, says how good the choice is. Nothing here sees calibration or test
items, so that what p-values promise is untouched.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch

from training.batches import chunk
from training.errors import RecipeError
from training.evaluate.finding import FEW, Finding, best, findings, halves, mean_of
from training.finish import Finished, Say, statistics_on
from training.prepare import Prepared
from training.scoring import Scoring, is_scored
from training.statistics import Statistics

_LEAST = 2  # defects that have two halves


def decided(finished: Finished, say: Say) -> Finished:
    """The same with the statistic that decides; says which one finds most of the labelled defects, if there are any."""
    prepared = finished.prepared
    if finished.statistics is None or len(prepared.splits.anomalies) < _LEAST:
        return finished
    choosing, reporting = halves(prepared.splits.anomalies, prepared.recipe.seed)
    found = found_by(finished, lambda _: choosing.x)
    chosen = best(found)
    say(_told(found, chosen, len(reporting)))
    is_asked = prepared.recipe.choose.verdict == "best"
    say(_consequence(chosen.statistic, is_asked))
    return replace(finished, best=chosen.statistic, deciding=chosen.statistic if is_asked else finished.deciding)


def check_decision(prepared: Prepared) -> None:
    """RecipeError for a verdict that is to be chosen without any defect, before time is spent on fitting."""
    if prepared.recipe.choose.verdict != "best":
        return
    if not is_scored(prepared.family):
        raise RecipeError(
            f'[choose] verdict = "best": family {prepared.recipe.family_name!r} has no score to choose by'
        )
    if (count := len(prepared.splits.anomalies)) < _LEAST:
        raise RecipeError(
            f'[choose] verdict = "best": expected at least {_LEAST} labelled defects, got {count}; name the labels of '
            "normal items (data.normal), or a folder of defects (data.defects)"
        )


def found_by(finished: Finished, defects: Callable[[np.ndarray], np.ndarray]) -> list[Finding]:
    """What every statistic finds of raw defects, compared with the items of the validation split.

    Statistics are fitted on that split, and know its items; so each half is compared by statistics fitted on the other
    one, and the mean of both counts. ``defects`` gives those to be found among the items at some places.
    """
    places = np.arange(len(finished.prepared.splits.validation))
    folds = [places[: len(places) // 2], places[len(places) // 2 :]]
    one, other = (_found_in(finished, mine, theirs, defects(mine)) for mine, theirs in (folds, folds[::-1]))
    return [mean_of(*pair) for pair in zip(one, other, strict=True)]


def _found_in(finished: Finished, normal: np.ndarray, fitted: np.ndarray, defects: np.ndarray) -> list[Finding]:
    """What statistics fitted on validation items at some places find, compared with the items at others."""
    raw = finished.prepared.splits.validation.x
    statistics = statistics_on(finished, raw[fitted])
    tails = {item.name: item.tail for item in statistics.members}
    usual, odd = (values_of(finished, statistics, part) for part in (raw[normal], defects))
    return findings(tails, usual, odd, finished.prepared.recipe.choose.alpha)


def values_of(finished: Finished, statistics: Statistics, raw: np.ndarray) -> Mapping[str, np.ndarray]:
    """The statistics of raw items, (items,) each, by the eager model."""
    scoring = Scoring(finished.family, finished.transform, statistics).eval()
    noise, size = scoring.shared_noise(), chunk(finished.family.dims, finished.transform.levels)
    with torch.no_grad():
        chunks = (torch.from_numpy(raw[at : at + size]) for at in range(0, len(raw), size))
        parts = [[found.numpy() for found in scoring(part, *noise)] for part in chunks]
    columns = (np.concatenate(rows) for rows in zip(*parts, strict=True))
    named = dict(zip(scoring.names, columns, strict=True))
    return {item.name: named[item.name] for item in statistics.members}


def _told(found: list[Finding], chosen: Finding, others: int) -> str:
    listed = ", ".join(map(str, sorted(found, key=lambda item: item.rank, reverse=True)))
    few = f"; {chosen.defects} defects are few, the best of them is chance in part" if chosen.defects < FEW else ""
    return (
        f"{chosen.defects} labelled defects chose: `{chosen.statistic}` finds most of them at a rate of "
        f"{chosen.alpha:.2g}, {chosen.between}{few}. Shares found: {listed}. The other {others} report below"
    )


def _consequence(statistic: str, is_asked: bool) -> str:
    if is_asked:
        return f"`{statistic}` gives the verdict unless a request asks for another"
    if statistic == "combined":
        return "`combined` gives the verdict, as without any defect"
    return (
        f"`combined` gives the verdict all the same; --set choose.verdict=best would make it `{statistic}`, and a "
        f"request can ask for it with verdict={statistic}"
    )
