"""Every number that a model is published with."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from training.calibrate import Calibrated, scorer
from training.evaluate.coverage import evaluate_coverage
from training.evaluate.detection import evaluate_detection
from training.evaluate.finding import FEW, Finding, findings, halves
from training.evaluate.fixed_draws import evaluate_fixed_draws
from training.evaluate.labels import evaluate_labels
from training.evaluate.likelihood import evaluate_likelihood
from training.evaluate.measurement import Measurement
from training.evaluate.reconstruction import evaluate_reconstruction
from training.finish import Finished
from training.prepare import Prepared
from training.statistics.combined import Combined


def measure(finished: Finished) -> list[Measurement]:
    """The likelihood and the labels of the test split and the class shares of samples, by the eager model.

    Of rows of a table those count that miss no value.
    """
    family, transform, recipe = finished.family, finished.transform, finished.prepared.recipe
    splits = finished.prepared.splits.complete()
    samples = recipe.evaluate.importance_samples
    likelihood = evaluate_likelihood(family, transform, splits.test.x, samples=samples, seed=recipe.seed)
    likelihood += evaluate_fixed_draws(family, transform, splits.test.x)
    likelihood += evaluate_reconstruction(family, transform, splits.parts)
    labels = evaluate_labels(family, transform, splits.test, recipe.seed)
    return likelihood + labels + evaluate_coverage(family, transform, splits, recipe.seed)


def measure_detection(calibrated: Calibrated) -> list[Measurement]:
    """False-alarm rates and the separation from known anomalies; empty for a model without score."""
    if not calibrated.values:
        return []
    finished, prepared = calibrated.exported.finished, calibrated.prepared
    tails = {statistic.name: statistic.tail for statistic in finished.statistics.members}
    alphas, splits = prepared.recipe.evaluate.alphas, prepared.splits
    reporting = halves(splits.anomalies, prepared.recipe.seed)[1]
    if uses_defects(prepared):
        splits = replace(splits, anomalies=reporting)
    score = scorer(calibrated.exported)
    found = _reported(calibrated, tails, score(reporting.x)) if finished.best is not None else []
    return evaluate_detection(score, tails, calibrated.values, splits, alphas) + found


def uses_defects(prepared: Prepared) -> bool:
    """Whether half of the labelled defects chose what is exported, so that only the other half can judge it."""
    options = prepared.recipe.choose
    return options.verdict == "best" or (options.by == "defects" and prepared.recipe.candidates > 1)


def _reported(calibrated: Calibrated, tails: Mapping[str, str], defects: Mapping[str, np.ndarray]) -> list[Measurement]:
    """What the statistic that the defects chose finds of those that did not choose, and the combined one beside it."""
    finished = calibrated.exported.finished
    found = findings(tails, calibrated.values, defects, calibrated.prepared.recipe.choose.alpha)
    return [_measured(item) for item in found if item.statistic in (finished.best, Combined.name)]


def _measured(found: Finding) -> Measurement:
    few = "; so few say little" if found.defects < FEW else ""
    what = f"conformal p of {found.statistic} <= {found.alpha:.2g}, {found.defects} labelled defects"
    return Measurement(
        f"defects_found_{found.alpha:.2g}",
        found.share,
        "share",
        "defects that did not choose",
        f"{what}; {found.between}{few}",
        statistic=found.statistic,
    )
