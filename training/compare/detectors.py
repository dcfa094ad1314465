"""The classic detectors behind one small protocol, with the options that their libraries have by default.

PyOD is needed for this comparison only: an extra for development, imported in one place.
"""

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from sklearn.svm import OneClassSVM

from training.errors import TrainingError


class Detector(Protocol):
    """Something that can be fitted to rows and says how anomalous others are; rows float64 (rows, features)."""

    def fit(self, x: np.ndarray) -> None:
        """Learns what is normal."""

    def score(self, x: np.ndarray) -> np.ndarray:
        """How anomalous each row is, float64 (rows,); higher is more anomalous."""


class _Pyod:
    """A detector of PyOD (Y. Zhao, Z. Nasrullah, Z. Li, JMLR 20(96), 2019)."""

    def __init__(self, module: str, name: str, **options: Any) -> None:
        self.detector = _pyod_class(module, name)(**options)

    def fit(self, x: np.ndarray) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library's advice about its own options
            self.detector.fit(x)

    def score(self, x: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(self.detector.decision_function(x), np.float64)


class _OneClassSvm:
    """One-class support vector machine (B. Schölkopf et al., Neural Computation 13(7), 2001) of scikit-learn."""

    def __init__(self) -> None:
        self.machine = OneClassSVM()

    def fit(self, x: np.ndarray) -> None:
        self.machine.fit(x)

    def score(self, x: np.ndarray) -> np.ndarray:
        return -self.machine.score_samples(x)


def _pyod_class(module: str, name: str) -> Any:
    try:
        return getattr(import_module(f"pyod.models.{module}"), name)
    except ImportError as error:
        raise TrainingError(
            f"the comparison needs PyOD ({error}); install the extra for development: pip install --editable '.[dev]'"
        ) from error


DETECTORS: dict[str, Callable[[int], Detector]] = {
    "IForest": lambda seed: _Pyod("iforest", "IForest", random_state=seed),
    "ECOD": lambda _: _Pyod("ecod", "ECOD"),
    "COPOD": lambda _: _Pyod("copod", "COPOD"),
    "KNN": lambda _: _Pyod("knn", "KNN"),
    "LOF": lambda _: _Pyod("lof", "LOF"),
    "HBOS": lambda _: _Pyod("hbos", "HBOS"),
    "PCA": lambda seed: _Pyod("pca", "PCA", random_state=seed),
    "GMM": lambda seed: _Pyod("gmm", "GMM", random_state=seed),
    "OC-SVM": lambda _: _OneClassSvm(),
}
"""The classic detectors by name; each is made from a seed, which only some of them need."""


def known_methods(names: list[str]) -> tuple[str, ...]:
    """These detectors, all of them for no names."""
    for name in names:
        if name not in DETECTORS:
            raise TrainingError(f"no classic detector {name!r}; there is: {', '.join(DETECTORS)}")
    return tuple(names or DETECTORS)
