"""Calibrated → Published: a bundle in the store, which the library has opened and used before anybody can see it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pofx import bundle
from pofx.use.calibrate import as_npz
from training.calibrate import Calibrated
from training.errors import ExportError
from training.evaluate.measurement import Measurement
from training.finish import Say
from training.publish.card import card
from training.publish.golden import golden
from training.publish.manifest import CALIBRATION, GOLDEN, manifest_body
from training.publish.pictures import pictures
from training.publish.try_out import try_out


@dataclass(frozen=True)
class Published:
    """The bundle of a calibrated model, and what was measured of it."""

    calibrated: Calibrated
    measurements: tuple[Measurement, ...]
    bundle: bundle.Bundle


def publish(calibrated: Calibrated, measurements: Sequence[Measurement], store: bundle.Store, say: Say) -> Published:
    """The new version; ExportError, and nothing in the store, if a service would refuse it or the disk is full."""
    prepared, fitted = calibrated.prepared, calibrated.exported.finished.fitted
    body, drawn = manifest_body(calibrated, measurements), pictures(prepared, fitted.run.metrics, say)
    calibration = {CALIBRATION: as_npz(calibrated.values)} if calibrated.values else {}
    files = {
        **calibrated.exported.files,
        **calibration,
        **drawn.files,
        GOLDEN: golden(calibrated.exported),
        "recipe.toml": prepared.recipe.text.encode(),
        "CARD.md": card(prepared, fitted.report, measurements, drawn, body).encode(),
    }
    item = prepared.splits.test.complete().x[:1]
    try:
        written = bundle.write(store, prepared.name, body, files, check=lambda new: try_out(new, item))
    except OSError as error:
        raise ExportError(f"{store.root}: cannot write a new version: {error.strerror or error}") from error
    return Published(calibrated, tuple(measurements), written)
