"""The statistics of a fitted model, fitted on items that were neither fitted on nor calibrate."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from pofx.rules.noise import draw_shared
from training.batches import chunk
from training.export.graphs import noise_input
from training.export.scoring import Scoring
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
    statistics = choose(transform, scoring.outputs, latent, described, marginal=scoring.marginal)
    with torch.no_grad():
        held = _in_model_space(scoring, experiment.splits.validation.x)
        said = _said(scoring, experiment.splits.validation.x)
        evidence = Evidence.of(held, said, marginal=scoring.marginal)
        statistics.fit(_in_model_space(scoring, experiment.splits.fit.x[:_FIT_ITEMS]), evidence)
    return statistics.eval()


def _in_model_space(scoring: Scoring, raw: np.ndarray) -> Tensor:
    """x, (n, *event_shape)."""
    noise = _noise(scoring)[: scoring.transform_noises]
    return torch.cat([scoring.transform(part, *noise) for part in _parts(scoring, raw)])


def _said(scoring: Scoring, raw: np.ndarray) -> dict[str, Tensor]:
    """What the model says about raw items, by the name of the output."""
    noise = _noise(scoring)
    found = zip(*(scoring(part, *noise) for part in _parts(scoring, raw)), strict=True)
    return {name: torch.cat(values) for name, values in zip(scoring.names, found, strict=True)}


def _parts(scoring: Scoring, raw: np.ndarray) -> Iterator[Tensor]:
    size = chunk(scoring.family.dims, scoring.transform.levels)
    return (torch.from_numpy(raw[start : start + size]) for start in range(0, len(raw), size))


def _noise(scoring: Scoring) -> list[Tensor]:
    """The noise of the score, as the service draws it."""
    wanted = (*scoring.transform.score_noise, *scoring.family.score_noise)
    return [torch.from_numpy(draw_shared(noise_input(item), NOISE_SEED)) for item in wanted]
