"""Our side of the comparison: a recipe fitted on the rows of a trial, its statistics computed by the exported graph."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.calibrate import Scorer, scorer
from training.choose import check_candidates, choose
from training.compare.protocol import Trial
from training.data import Dataset, Items, Splits
from training.export.export import Exported
from training.export.graphs import computations
from training.export.onnx import OnnxRunner, to_onnx
from training.finish import Finished, finish
from training.fit import Fitted, Hardware, fit
from training.prepare import assemble
from training.recipe import Recipe, candidates
from training.run import Run


@dataclass(frozen=True)
class Outcome:
    """What a recipe says about the test rows: scores by name of the statistic, higher being more anomalous."""

    anomaly: dict[str, np.ndarray]
    family: str
    fit_s: float
    score_s: float


def outcome(recipe: Recipe, trial: Trial, runs: Path) -> Outcome:
    """Fits, chooses and scores; a fit that is finished in the folder of runs is loaded."""
    fitted = _fitted(recipe, trial, runs / f"{trial.name}-{trial.fingerprint}")
    started = time.perf_counter()
    best = choose(fitted, lambda _: None)
    choice_s = time.perf_counter() - started
    fit_s = sum(item.report.seconds for item in fitted) + choice_s  # also right where a fit was only loaded
    finished = finish(best, lambda _: None)
    score = _scorer(finished)
    started = time.perf_counter()
    found = score(trial.test)
    score_s = time.perf_counter() - started
    signs = {item.name: -1.0 if item.tail == "low" else 1.0 for item in finished.statistics.members}
    anomaly = {name: sign * found[name].astype(np.float64) for name, sign in signs.items()}
    return Outcome(anomaly, best.prepared.recipe.family_name, fit_s, score_s)


def _fitted(recipe: Recipe, trial: Trial, runs: Path) -> list[Fitted]:
    dataset = Dataset(trial.fit, trial.name, "not stated", columns=trial.columns)
    splits = _splits(trial.fit, recipe)
    prepared = [assemble(one, dataset, splits) for one in candidates(recipe)]
    check_candidates(prepared)
    hardware = Hardware("cpu", "1", quiet=True)
    return [fit(one, Run.of(one, runs), hardware, resume=True) for one in prepared]


def _splits(rows: np.ndarray, recipe: Recipe) -> Splits:
    """The rows to fit on, less the recipe's share to choose by; that part stands for every other split too."""
    order = np.random.default_rng(recipe.seed).permutation(len(rows))
    count = max(1, round(recipe.data.split.validation * len(rows)))
    validation, train = Items(rows[order[:count]]), Items(rows[order[count:]])
    return Splits(train, validation, validation, validation, validation, Items(rows[:0]))


def _scorer(finished: Finished) -> Scorer:
    """Rows → the statistics of a model, by the graph that would be served."""
    graph = computations(finished.family, finished.transform, finished.statistics)["score"]
    runner = OnnxRunner(to_onnx(graph, half_weights=False))
    return scorer(Exported(finished, {"score": graph}, {}, {"score": runner}))
