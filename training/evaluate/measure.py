"""Every number that a model is published with."""

from training.calibrate import Calibrated, scorer
from training.evaluate.coverage import evaluate_coverage
from training.evaluate.detection import evaluate_detection
from training.evaluate.fixed_draws import evaluate_fixed_draws
from training.evaluate.labels import evaluate_labels
from training.evaluate.likelihood import evaluate_likelihood
from training.evaluate.measurement import Measurement
from training.evaluate.reconstruction import evaluate_reconstruction
from training.finish import Finished


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
    alphas = prepared.recipe.evaluate.alphas
    return evaluate_detection(scorer(calibrated.exported), tails, calibrated.values, prepared.splits, alphas)
