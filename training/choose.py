"""Several families, one model: all are fitted on the same items, and one of them is exported.

By likelihood, the best of the validation split wins: of raw data, in nats, with the log-determinant of the transform;
so they can be compared whatever a family sees, as long as their nats are of the same thing. What families say about
images is often not (averaged blocks, fewer levels, no density at all). They can be compared by what they are for: the
share of defects found at a false-alarm rate, labelled defects if there are enough, made-up ones otherwise. A recipe
with one family has nothing to choose, and nothing is measured.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.decide import check_decision, found_by
from training.errors import RecipeError
from training.evaluate.finding import FEW, Finding, best, halves
from training.evaluate.likelihood import evaluate_likelihood
from training.finish import finish
from training.fit import Fitted
from training.made_up import with_defects
from training.prepare import Prepared
from training.scoring import is_scored
from training.zoo.base import Density


@dataclass(frozen=True)
class Figure:
    """What a candidate is chosen by: higher ranks are better; ``words`` say the figure to people."""

    rank: tuple[float, ...]
    value: float
    words: str


def check_candidates(prepared: list[Prepared]) -> None:
    """Refuses families that cannot be compared, and a verdict that nothing can choose, before anything is fitted."""
    for item in prepared:
        check_decision(item)
    if len(prepared) < 2:
        return
    if prepared[0].recipe.choose.by == "defects":
        _check_scores(prepared)
    else:
        _check_likelihoods(prepared)


def taking_gaps(prepared: list[Prepared]) -> list[Prepared]:
    """Those whose families take rows with gaps, where the data have some; all of them where none does."""
    able = [item for item in prepared if item.missing is not None and item.missing.marginalised]
    names = tuple(item.recipe.family_name for item in prepared if item not in able)
    if not able or not names:
        return prepared
    return [replace(item, missing=replace(item.missing, passed_over=names)) for item in able]


def choose(fitted: list[Fitted], say: Callable[[str], None], left_out: Sequence[str] = ()) -> Fitted:
    """The best one; its report names all of them, and those that were left out, with their reasons."""
    if len(fitted) == 1 and not left_out:
        return fitted[0]
    compared = _by_defects if fitted[0].prepared.recipe.choose.by == "defects" else _by_likelihood
    criterion, figures = compared(fitted)
    place = max(range(len(fitted)), key=lambda index: figures[index].rank)
    names = [candidate_name(item.prepared) for item in fitted]
    for name, figure in zip(names, figures, strict=True):
        say(f"{name}: {figure.words}{', chosen' if name == names[place] else ''}")
    measured = {f"{criterion}_of_{name}": figure.value for name, figure in zip(names, figures, strict=True)}
    why = {"family": names[place], "chosen_by": figures[place].words, **measured}
    if left_out:
        why["left_out"] = "; ".join(left_out)
    report = fitted[place].report
    return replace(fitted[place], report=replace(report, chosen={**why, **report.chosen}))


def candidate_name(prepared: Prepared) -> str:
    """The place and the family of a candidate."""
    return f"{prepared.recipe.candidate}-{prepared.recipe.family_name}"


def validation_log_prob(prepared: Prepared) -> float:
    """Mean log-density of the raw validation split in nats, or its tightest bound, estimated; of rows without gaps."""
    raw, options = prepared.splits.validation.complete().x, prepared.recipe.evaluate
    measured = evaluate_likelihood(
        prepared.family.eval(),
        prepared.transform,
        raw,
        samples=options.importance_samples,
        seed=prepared.recipe.seed,
        split="validation",
    )
    return -next(item.value for item in measured if item.name != "elbo")


def _check_likelihoods(prepared: list[Prepared]) -> None:
    names = [item.recipe.family_name for item in prepared if not isinstance(item.family, Density)]
    if names:
        raise RecipeError(
            f"several [[family]] are compared by likelihood, and {names[0]!r} has none; leave it out, or compare them "
            'with [choose] by = "defects"'
        )
    spaces = {item.transform.nats_of: candidate_name(item) for item in prepared}
    if len(spaces) > 1:
        listed = ", ".join(f"those of {name} of {space}" for space, name in spaces.items())
        raise RecipeError(
            f"several [[family]] are compared by likelihood, and their nats are of different things: {listed}; give "
            'them one transform, or compare them with [choose] by = "defects"'
        )


def _check_scores(prepared: list[Prepared]) -> None:
    names = [item.recipe.family_name for item in prepared if not is_scored(item.family)]
    if names:
        raise RecipeError(f"several [[family]] are compared by the defects they find; {names[0]!r} scores nothing")
    if not prepared[0].dataset.is_image and not _has_labelled(prepared[0]):
        raise RecipeError(
            f'[choose] by = "defects": expected images, or at least {2 * FEW} labelled anomalies (data.normal), got '
            f"{len(prepared[0].splits.anomalies)}"
        )


def _by_likelihood(fitted: list[Fitted]) -> tuple[str, list[Figure]]:
    found = [validation_log_prob(item.prepared) for item in fitted]
    words = "nats per item on the validation split"
    return "validation_log_prob", [Figure((value,), value, f"{value:.4f} {words}") for value in found]


def _by_defects(fitted: list[Fitted]) -> tuple[str, list[Figure]]:
    kind = "labelled" if _has_labelled(fitted[0].prepared) else "made-up"
    return f"share_of_{kind.replace('-', '_')}_defects_found", [_finding_of(item, kind) for item in fitted]


def _finding_of(fitted: Fitted, kind: str) -> Figure:
    """By the statistic that would decide: the best one if it is chosen, else the combined one."""
    prepared = fitted.prepared
    shown = replace(prepared, family=copy.deepcopy(prepared.family))  # finishing changes weights for good
    finished = finish(replace(fitted, prepared=shown), lambda _: None)
    found = found_by(finished, _defects(prepared, kind))
    decisive = best(found) if prepared.recipe.choose.verdict == "best" else found[0]
    if kind == "made-up":
        decisive = replace(decisive, defects=len(prepared.splits.validation))
    return Figure(decisive.rank, decisive.share, _words(decisive, kind, len(prepared.splits.validation)))


def _defects(prepared: Prepared, kind: str) -> Callable[[np.ndarray], np.ndarray]:
    """The labelled ones that choose; or one made up in every validation image, which are among images at its place."""
    if kind == "labelled":
        choosing = halves(prepared.splits.anomalies, prepared.recipe.seed)[0]
        return lambda _: choosing.x
    made_up = with_defects(prepared.splits.validation.x, prepared.recipe.seed)
    return lambda places: made_up[places]


def _words(found: Finding, kind: str, normal: int) -> str:
    return (
        f"`{found.statistic}` finds a share {found.share:.3f} of {found.defects} {kind} defects at a false-alarm rate "
        f"of {found.alpha:.2g} (AUROC {found.auroc:.3f}, {normal} validation items)"
    )


def _has_labelled(prepared: Prepared) -> bool:
    """Whether there are enough labelled defects for their first half to choose."""
    return len(prepared.splits.anomalies) >= 2 * FEW
