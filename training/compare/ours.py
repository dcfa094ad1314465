"""Our side of the comparison: a recipe fitted on the rows of a trial, its statistics computed by the exported graph."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.batches import chunk
from training.calibrate import Scorer
from training.choose import Fitted, check_candidates, choose
from training.compare.protocol import Trial
from training.data.dataset import Dataset, Split, Splits
from training.export.bundling import Exported, prepare_weights, scorer
from training.export.graphs import computations
from training.export.onnx import OnnxRunner, to_onnx
from training.export.statistics import fitted_statistics
from training.fit import Hardware, Run, fit
from training.prepare import Experiment, assemble
from training.recipe import Recipe, candidates
from training.statistics import Statistics


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
    prepare_weights(best.experiment)
    statistics, score = _scorer(best.experiment)
    started = time.perf_counter()
    found = score(trial.test)
    score_s = time.perf_counter() - started
    signs = {item.name: -1.0 if item.tail == "low" else 1.0 for item in statistics.members}
    anomaly = {name: sign * found[name].astype(np.float64) for name, sign in signs.items()}
    return Outcome(anomaly, best.experiment.recipe.family_name, fit_s, score_s)


def _fitted(recipe: Recipe, trial: Trial, runs: Path) -> list[Fitted]:
    dataset = Dataset(trial.fit, trial.name, "not stated", columns=trial.columns)
    splits = _splits(trial.fit, recipe)
    experiments = [assemble(one, dataset, splits) for one in candidates(recipe)]
    check_candidates(experiments)
    hardware = Hardware("cpu", "1", quiet=True)
    found = []
    for experiment in experiments:
        run = Run.of(experiment, runs)
        found.append(Fitted(experiment, run, fit(experiment, run, hardware, resume=True)))
    return found


def _splits(rows: np.ndarray, recipe: Recipe) -> Splits:
    """The rows to fit on, less the recipe's share to choose by; that part stands for every other split too."""
    order = np.random.default_rng(recipe.seed).permutation(len(rows))
    count = max(1, round(recipe.data.split.validation * len(rows)))
    validation, train = Split(rows[order[:count]]), Split(rows[order[count:]])
    return Splits(train, validation, validation, validation, validation, Split(rows[:0]))


def _scorer(experiment: Experiment) -> tuple[Statistics, Scorer]:
    """The statistics of a model, and rows → their values, by the graph that would be served."""
    statistics = fitted_statistics(experiment)
    graph = computations(experiment.family, experiment.transform, statistics)["score"]
    runner = OnnxRunner(to_onnx(graph, half_weights=False))
    exported = Exported({"score": graph}, {}, ("onnx",), {"score": runner}, statistics)
    return statistics, scorer(exported, chunk(experiment.family.dims, experiment.transform.levels))
