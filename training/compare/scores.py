"""How good an anomaly score is: AUROC, AUPR, FPR@95, realised false-alarm rate, and ranks among methods."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from pofx.rules.conformal import p_values
from training.compare.protocol import Trial

_CHANCE = 0.5


@dataclass(frozen=True)
class Quality:
    """All between 0 and 1. ``aupr`` is average precision with anomalies as positives; ``fpr95`` the smallest false
    positive rate at which 95 % of them are found; ``false_alarms`` the share of normal rows with p ≤ alpha.
    """

    auroc: float
    aupr: float
    fpr95: float
    false_alarms: float


def quality(trial: Trial, anomaly: np.ndarray, alpha: float) -> Quality:
    """How good scores (rows,) of the test rows are, higher being more anomalous.

    A method that gives a score that is not finite counts as one that knows nothing: all rows alike.
    """
    if not np.isfinite(anomaly).all():
        anomaly = np.zeros(len(anomaly))
    return Quality(
        auroc=float(roc_auc_score(trial.anomalous, anomaly)),
        aupr=float(average_precision_score(trial.anomalous, anomaly)),
        fpr95=_fpr95(trial.anomalous, anomaly),
        false_alarms=false_alarm_rate(trial, anomaly, alpha),
    )


def _fpr95(anomalous: np.ndarray, anomaly: np.ndarray) -> float:
    false, true, _ = roc_curve(anomalous, anomaly, drop_intermediate=False)
    return float(false[true >= 0.95].min())


def false_alarm_rate(trial: Trial, anomaly: np.ndarray, alpha: float) -> float:
    """Share of normal test rows with a conformal p-value of at most alpha; each half is calibrated by the other."""
    usable = np.ones_like(trial.anomalous) if trial.protocol == "contaminated" else ~trial.anomalous
    alarms = []
    for judged in (trial.first_half, ~trial.first_half):
        calibration = np.sort(anomaly[~judged & usable])
        alarms.append(p_values("high", calibration, anomaly[judged & ~trial.anomalous]) <= alpha)
    return float(np.concatenate(alarms).mean())


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks of methods on every set, 1 for the highest, ties shared; values and result (sets, methods)."""
    return rankdata(-np.round(values, 6), axis=1)
