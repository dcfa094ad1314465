"""The loop over sets, protocols, seeds and methods."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from sklearn.preprocessing import StandardScaler

from training.changes import changed
from training.compare.detectors import DETECTORS
from training.compare.ours import outcome
from training.compare.protocol import Protocol, Trial, trial
from training.compare.records import OURS, Record, Records
from training.compare.scores import quality
from training.recipe import Recipe, parse

PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)


@dataclass(frozen=True)
class Plan:
    """What to compare, on what, and how."""

    sets: dict[str, Path]
    protocols: tuple[Protocol, ...]
    seeds: int
    recipe: Recipe
    methods: tuple[str, ...] = tuple(DETECTORS)
    alpha: float = 0.05
    max_rows: int = 20_000

    @property
    def steps(self) -> int:
        """How often a method is fitted."""
        return len(self.sets) * len(self.protocols) * self.seeds * (len(self.methods) + 1)


Progress = Callable[[str], None]
"""Told before every step what comes."""


def compare(plan: Plan, records: Records, runs: Path, progress: Progress) -> list[Record]:
    """Every record of the plan; what is recorded already is not measured again."""
    keys = set()
    for protocol in plan.protocols:
        for name, path in plan.sets.items():
            for seed in range(plan.seeds):
                split = trial(name, path, protocol, seed, plan.max_rows)
                keys |= _run_trial(plan, split, records, runs, progress)
    return records.of(keys)


def _run_trial(plan: Plan, split: Trial, records: Records, runs: Path, progress: Progress) -> set[str]:
    keys = set()
    for method in (*plan.methods, OURS):
        progress(f"{split.name}, {split.protocol}, seed {split.seed}: {method.rstrip(': ')}")
        key = _key(plan, split, method)
        keys.add(key)
        if not records.has(key):
            records.add(_ours(plan, split, key, runs) if method == OURS else [_classic(plan, split, method, key)])
    return keys


def _key(plan: Plan, split: Trial, method: str) -> str:
    recipe = hashlib.sha256(plan.recipe.text.encode()).hexdigest()[:10] if method == OURS else ""
    parts = (split.name, split.protocol, split.seed, split.fingerprint, method, recipe, plan.alpha)
    return "|".join(map(str, parts))


def _classic(plan: Plan, split: Trial, method: str, key: str) -> Record:
    """A classic detector on columns standardised by the rows it is fitted on."""
    scaler = StandardScaler().fit(split.fit.astype(float))
    fit, test = (scaler.transform(part.astype(float)) for part in (split.fit, split.test))
    detector = DETECTORS[method](split.seed)
    started = time.perf_counter()
    detector.fit(fit)
    fitted = time.perf_counter()
    anomaly = detector.score(test)
    scored = time.perf_counter()
    found = quality(split, anomaly, plan.alpha)
    return Record(split.name, split.protocol, split.seed, method, key, found, fitted - started, scored - fitted)


def _ours(plan: Plan, split: Trial, key: str, runs: Path) -> list[Record]:
    """One record for every statistic of our model; it has a transform of its own."""
    recipe = parse(changed(plan.recipe.text, f"seed={split.seed}"))
    found = outcome(recipe, split, runs)
    return [
        Record(
            split.name, split.protocol, split.seed, f"{OURS}{name}", key,
            quality(split, anomaly, plan.alpha), found.fit_s, found.score_s, found.family,
        )
        for name, anomaly in found.anomaly.items()
    ]  # fmt: skip
