"""From a fitted model to a bundle in the store, stage by stage; each is a value, made from the one before it.

Prepared → Fitted → Finished → Exported → Calibrated → Published
"""

from pofx import bundle
from training.calibrate import calibrate
from training.decide import decided
from training.evaluate.measure import measure, measure_detection
from training.export.export import export
from training.finish import Say, finish
from training.fit import Fitted
from training.publish.publish import Published, publish


def published(fitted: Fitted, store: bundle.Store, say: Say) -> Published:
    """The bundle of a fitted model, after every stage; ``say`` is told what is done and measured."""
    finished = decided(finish(fitted, say), say)
    calibrated = calibrate(export(finished, say), say)
    measurements = measure(finished) + measure_detection(calibrated)
    for item in measurements:
        say(str(item))
    return publish(calibrated, measurements, store, say)
