"""What a calibrated score is worth: realised false-alarm rates, and separation from known anomalies."""

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from pofx.rules.conformal import p_values
from pofx.rules.false_alarms import false_alarms
from training.calibrate import Scorer
from training.data import Splits
from training.evaluate.measurement import Measurement

HELD_OUT = "held out"
"""What a rate is measured on that the calibration promises something about."""


def evaluate_detection(
    score: Scorer, tails: dict[str, str], calibration: Mapping[str, np.ndarray], splits: Splits, alphas: Sequence[float]
) -> list[Measurement]:
    """False-alarm rates on held-out items (and on an official test set, which may be another population), and AUROC
    against the anomalies of the recipe if it has any.

    Of items in groups one of each is counted for a rate, since so many are calibrated on too.
    """
    normal = score(splits.test.x)
    test = {name: values[splits.test.drawn] for name, values in normal.items()}
    held_out = score(splits.held_out.take(splits.held_out.drawn).x) if splits.has_official_test else test
    abnormal = score(splits.anomalies.x) if len(splits.anomalies) else None
    measurements, tests = [], len(tails) * len(alphas)
    for name, tail in tails.items():
        measurements += _false_alarms(name, tail, calibration[name], held_out[name], HELD_OUT, alphas, tests)
        if splits.has_official_test:
            measurements += _false_alarms(name, tail, calibration[name], test[name], "official test", alphas, tests)
        if abnormal is not None:
            labels = [0] * len(normal[name]) + [1] * len(abnormal[name])
            sign = -1.0 if tail == "low" else 1.0
            auroc = roc_auc_score(labels, [*(sign * normal[name]), *(sign * abnormal[name])])
            protocol = f"one-class: fitted on normal items only; {name}; {len(abnormal[name])} anomalies"
            measurements.append(
                Measurement(
                    "auroc", float(auroc), "area", "test against anomalies", protocol, statistic=name,
                    anomalies=len(abnormal[name]),
                )
            )  # fmt: skip
    return measurements


def _false_alarms(
    name: str,
    tail: str,
    calibration: np.ndarray,
    values: np.ndarray,
    split: str,
    alphas: Sequence[float],
    tests: int,
) -> list[Measurement]:
    p = p_values(tail, calibration, values)
    return [
        Measurement(
            f"false_alarm_rate_{row.alpha:g}",
            row.rate,
            "rate",
            split,
            f"conformal p of {name} <= {row.alpha:g}, n={len(calibration)} calibration items, {row.items} items; "
            f"5-95 % band {row.low:.4f}-{row.high:.4f}",
            band=(row.low, row.high),
            limit=row.limit,
            statistic=name,
        )
        for row in false_alarms(p, len(calibration), alphas, tests)
    ]
