"""Several families, one model: all are fitted on the same rows, and the best validation likelihood wins.

Likelihoods are of raw data, in nats, with the log-determinant of the transform; so they can be compared whatever a
family sees. A recipe with one family has nothing to choose, and nothing is measured.
"""

from collections.abc import Callable
from dataclasses import replace

from training.errors import RecipeError
from training.evaluate.likelihood import evaluate_likelihood
from training.fit import Fitted
from training.prepare import Prepared
from training.zoo.base import Density


def check_candidates(prepared: list[Prepared]) -> None:
    """Refuses families that cannot be compared, before time is spent on fitting them."""
    names = [item.recipe.family_name for item in prepared if not isinstance(item.family, Density)]
    if names and len(prepared) > 1:
        raise RecipeError(f"several [[family]] are compared by likelihood, and {names[0]!r} has none; leave it out")


def taking_gaps(prepared: list[Prepared]) -> list[Prepared]:
    """Those whose families take rows with gaps, where the data have some; all of them where none does."""
    able = [item for item in prepared if item.missing is not None and item.missing.marginalised]
    names = tuple(item.recipe.family_name for item in prepared if item not in able)
    if not able or not names:
        return prepared
    return [replace(item, missing=replace(item.missing, passed_over=names)) for item in able]


def choose(fitted: list[Fitted], say: Callable[[str], None]) -> Fitted:
    """The one with the best validation likelihood; its report names all of them."""
    if len(fitted) == 1:
        return fitted[0]
    scores = [validation_log_prob(item.prepared) for item in fitted]
    best = max(range(len(fitted)), key=scores.__getitem__)
    names = [f"{item.prepared.recipe.candidate}-{item.prepared.recipe.family_name}" for item in fitted]
    for name, score in zip(names, scores, strict=True):
        say(f"{name}: {score:.4f} nats per item on the validation split{', chosen' if name == names[best] else ''}")
    measured = {f"validation_log_prob_of_{name}": score for name, score in zip(names, scores, strict=True)}
    report = fitted[best].report
    return replace(fitted[best], report=replace(report, chosen={"family": names[best], **measured, **report.chosen}))


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
