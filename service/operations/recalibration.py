"""A new version of a model whose p-values compare with the operator's own normal items; nothing is fitted again."""

import datetime
import io
from typing import Any

import numpy as np

import bundle
from service.errors import RequestInvalid, StoreUnwritable
from service.inference.model import Model
from service.operations.scoring import Scores


def check_count(items: int) -> None:
    """Raises RequestInvalid for too few items to promise anything useful."""
    if items < bundle.LEAST_ITEMS:
        raise RequestInvalid(
            f"expected at least {bundle.LEAST_ITEMS} normal items to calibrate on, got {items}", pointer="/inputs"
        )


def check_finite(scores: Scores) -> None:
    """Raises RequestInvalid for the first item with a statistic that is not finite: it cannot be normal."""
    names = list(scores.statistics)
    finite = np.isfinite(np.stack([scores.statistics[name] for name in names], 1))  # (batch, statistics)
    if finite.all():
        return
    index, column = (int(place) for place in np.argwhere(~finite)[0])
    value = scores.statistics[names[column]][index]
    raise RequestInvalid(
        f"item {index}: expected a finite {names[column]}, got {value:g}; leave out items the model finds impossible",
        index=index,
    )


def lost(model: Model) -> tuple[str, ...]:
    """What the new version can no longer do, as notes."""
    score = model.manifest.score
    if score is None or not score.calibration.labels:
        return ()
    return (
        f"{model.manifest.reference} is calibrated per label, the new version is not: the items came without labels; "
        "`python -m training calibrate --labels` takes them",
    )


def write(store: bundle.Store, model: Model, scores: Scores, data: str, date: datetime.date) -> bundle.Bundle:
    """The new version, verified, in the store; raises StoreUnwritable with the reason."""
    incomplete = 0 if scores.gaps is None else int(scores.gaps.any(axis=1).sum())
    new = bundle.NewCalibration(_npz(scores), len(scores.log_prob), data, date, incomplete)
    try:
        body, files = bundle.recalibrated(model.source, new)
        return bundle.write(store, model.manifest.name, body, files)
    except OSError as error:
        raise StoreUnwritable(
            f"cannot write a new version of {model.manifest.name} to the store: {error.strerror}; "
            "expected a store that this process may write"
        ) from error
    except bundle.BundleError as error:
        raise StoreUnwritable(f"no new version of {model.manifest.name} was written: {error}") from error


def _npz(scores: Scores) -> bytes:
    """Every statistic sorted ascending, float64 (n,)."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {name: np.sort(values) for name, values in scores.statistics.items()}
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
