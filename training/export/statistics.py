"""The statistics of a fitted model, fitted on items that were neither fitted on nor calibrate."""

import numpy as np
import torch
from torch import Tensor

from training.batches import chunk
from training.export.graphs import Scoring, noise_input
from training.export.noise import draw_shared
from training.prepare import Experiment
from training.statistics import Evidence, Statistics
from training.statistics.choice import choose
from training.transforms import Transform
from training.zoo.base import Density, Family, VariationalBound

NOISE_SEED = 0
_FIT_ITEMS = 20_000


def bound_of(family: Family, transform: Transform) -> str | None:
    """Which bound the score is, None where it is exact."""
    assert isinstance(family, Density)  # noqa: S101 - there is a score
    return " + ".join(filter(None, (family.bound, transform.bound))) or None


def fitted_statistics(experiment: Experiment) -> Statistics | None:
    """Every statistic the model can have, fitted on the validation split; None for a model without a density."""
    family, transform = experiment.family, experiment.transform
    if not isinstance(family, Density):
        return None
    scoring, bound = Scoring(family, transform).eval(), bound_of(family, transform)
    described = f"log-density of {transform.density_of}" + (f", lower bound {bound}" if bound else "")
    latent = family.latent_size if isinstance(family, VariationalBound) else 0
    statistics = choose(transform, scoring.outputs, latent, described)
    with torch.no_grad():
        x, _ = _seen(scoring, experiment.splits.fit.x[:_FIT_ITEMS], score=False)
        held, outputs = _seen(scoring, experiment.splits.validation.x, score=True)
        statistics.fit(x, Evidence.of(held, outputs))
    return statistics.eval()


def _seen(scoring: Scoring, raw: np.ndarray, *, score: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """Raw items in model space, and what the model says about them."""
    size = chunk(scoring.family.dims, scoring.transform.levels)
    noise = shared_noise(scoring)
    parts = [torch.from_numpy(raw[start : start + size]) for start in range(0, len(raw), size)]
    x = torch.cat([scoring.transform(part, *noise[: scoring.transform_noises]) for part in parts])
    if not score:
        return x, {}
    found = zip(*(scoring(part, *noise) for part in parts), strict=True)
    return x, {name: torch.cat(values) for name, values in zip(scoring.names, found, strict=True)}


def shared_noise(scoring: Scoring) -> list[Tensor]:
    """The noise of the score, as the service draws it."""
    wanted = (*scoring.transform.score_noise, *scoring.family.score_noise)
    return [torch.from_numpy(draw_shared(noise_input(item), NOISE_SEED)) for item in wanted]
