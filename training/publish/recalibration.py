"""A bundle and normal items → its next version, calibrated on them; no run folder, no recipe and no training."""

import datetime
from pathlib import Path

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.graphs.loaded import LoadedModel
from pofx.graphs.loading import load, runtime_of
from pofx.use import calibrate, score
from pofx.use.score import ScoreAsked
from pofx.use.scores import Scores
from pofx.use.steps import run
from training.errors import DataError, ExportError
from training.publish.labelled_items import read_items


def recalibrate(store: bundle.Store, reference: str, path: Path, data: str, labels: str | None = None) -> bundle.Bundle:
    """The new version, verified, in the store; DataError names the item that cannot be normal.

    Items with labels (``labels`` says where they are, see ``read_items``) are calibrated per label as well.
    """
    model = load(bundle.read(store.locate(bundle.Reference.parse(reference))), runtime_of())
    if model.manifest.score is None:
        raise ExportError(f"{model.manifest.reference} has no score, so there is nothing to calibrate")
    items = read_items(path, model.manifest.input, labels)
    today = datetime.datetime.now(datetime.UTC).date()
    try:
        calibrate.check_count(len(items))
        new = calibrate.new_calibration(scores_of(model, items.x), data, today, items.labels)
        return calibrate.write(store, model, new)
    except RequestInvalid as error:
        raise DataError(f"{path}: {error}") from error
    except OSError as error:
        raise ExportError(f"{store.root}: cannot write a new version: {error.strerror or error}") from error


def scores_of(model: LoadedModel, items: object) -> Scores:
    """The scores of items as the service gives them."""
    return run(score.plan(model, ScoreAsked()).begin(items))
