"""What a calibrated score is worth: realised false-alarm rates, and separation from known anomalies."""

from collections.abc import Iterable

from sklearn.metrics import roc_auc_score

from training.calibrate import Scorer, Statistics, false_alarms, p_values
from training.data import Splits
from training.evaluate.measurement import Measurement


def evaluate_detection(
    score: Scorer, tails: dict[str, str], calibration: Statistics, splits: Splits, alphas: Iterable[float]
) -> list[Measurement]:
    """False-alarm rates on the test split, and AUROC against the anomalies of the recipe if it has any."""
    normal = score(splits.test.x)
    abnormal = score(splits.anomalies.x) if len(splits.anomalies) else None
    measurements = []
    for name, tail in tails.items():
        held_out = p_values(calibration[name], normal[name], tail)
        for row in false_alarms(held_out, len(calibration[name]), alphas):
            protocol = f"conformal p of {name} <= {row.alpha:g}, n={len(calibration[name])} calibration items"
            band = f"5-95 % band {row.low:.4f}-{row.high:.4f}"
            measurements.append(
                Measurement(f"false_alarm_rate_{row.alpha:g}", row.rate, "rate", "test", f"{protocol}; {band}")
            )
        if abnormal is not None:
            labels = [0] * len(normal[name]) + [1] * len(abnormal[name])
            sign = -1.0 if tail == "low" else 1.0
            auroc = roc_auc_score(labels, [*(sign * normal[name]), *(sign * abnormal[name])])
            protocol = f"one-class: fitted on normal items only; {name}; {len(abnormal[name])} anomalies"
            measurements.append(Measurement("auroc", float(auroc), "area", "test against anomalies", protocol))
    return measurements
