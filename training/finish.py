"""Fitted → Finished: weights as they are shipped, and the statistics of the score with their background model.

The statistics are fitted on items that were neither fitted on nor calibrate, once: they are kept in the run folder.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.batches import chunk
from training.fit import Fitted
from training.prepare import Prepared
from training.run import Run
from training.scoring import Scoring, bound_of, is_scored
from training.statistics import Evidence, Statistic, Statistics
from training.statistics.choice import choose, choose_without_density
from training.statistics.combined import Combined
from training.transforms import Transform
from training.zoo.base import Family, Reconstructing, VariationalBound

Say = Callable[[str], None]
_FIT_ITEMS = 20_000
_MIN_HALF_ELEMENTS = 1024


@dataclass(frozen=True)
class Finished:
    """A fitted model as it is evaluated and shipped; ``statistics`` is None for a model without a score.

    ``deciding`` is the statistic that gives the verdict unless another is asked for; ``best`` the one that labelled
    defects chose, None where there are none.
    """

    fitted: Fitted
    statistics: Statistics | None
    deciding: str = Combined.name
    best: str | None = None

    @property
    def prepared(self) -> Prepared:
        """What the recipe asked for."""
        return self.fitted.prepared

    @property
    def listed(self) -> list[Statistic]:
        """The statistics in the order of a manifest, whose first one decides; none without a score."""
        members = [] if self.statistics is None else self.statistics.members
        return sorted(members, key=lambda item: item.name != self.deciding)

    @property
    def family(self) -> Family:
        """The fitted family."""
        return self.prepared.family

    @property
    def transform(self) -> Transform:
        """The fitted transform."""
        return self.prepared.transform


def finish(fitted: Fitted, say: Say) -> Finished:
    """The model with its statistics: those of the run folder, or fitted now and kept there.

    Weights are brought, in place and for good, into the form in which they are evaluated and shipped.
    """
    prepared = fitted.prepared
    prepared.family.compact()
    if prepared.recipe.export.weights == "float16":
        round_to_half(prepared.family)
    prepared.family.eval().requires_grad_(False)
    if not is_scored(prepared.family):
        return Finished(fitted, None)
    scoring = Scoring(prepared.family, prepared.transform).eval()
    statistics = _unfitted(scoring)
    if not _are_kept(statistics, fitted.run, say):
        say("fitting the statistics and their background model")
        _fit(statistics, scoring, prepared, prepared.splits.validation.x)
        fitted.run.save(fitted.run.finished, statistics.state_dict())
    return Finished(fitted, statistics.eval())


def statistics_on(finished: Finished, held: np.ndarray) -> Statistics:
    """Statistics like its own, but fitted on these raw items that the family was not fitted on; they are not kept."""
    scoring = Scoring(finished.family, finished.transform).eval()
    statistics = _unfitted(scoring)
    _fit(statistics, scoring, finished.prepared, held)
    return statistics.eval()


def round_to_half(family: Family) -> None:
    """Rounds large float32 weights to the nearest float16, in place, so that storing them as such loses nothing."""
    for parameter in family.parameters():
        if parameter.dtype == torch.float32 and parameter.numel() >= _MIN_HALF_ELEMENTS:
            parameter.data = parameter.data.half().float()


def _unfitted(scoring: Scoring) -> Statistics:
    """Every statistic the model can have."""
    family, transform = scoring.family, scoring.transform
    if isinstance(family, Reconstructing):
        return choose_without_density(family.embedding_dims)
    bound = bound_of(family, transform)
    described = f"log-density of {transform.density_of}" + (
        f", an estimate of its lower bound {bound} by one fixed draw" if bound else ""
    )
    latent = family.latent_size if isinstance(family, VariationalBound) else 0
    return choose(transform, scoring.outputs, latent, described, marginal=scoring.marginal)


def _are_kept(statistics: Statistics, run: Run, say: Say) -> bool:
    """Whether the run has these statistics fitted; they are loaded then."""
    if not run.finished.is_file():
        return False
    try:
        statistics.load_state_dict(run.load(run.finished))
    except RuntimeError:  # other names or shapes
        say(f"{run.finished} holds other statistics than this software has")
        return False
    return True


def _fit(statistics: Statistics, scoring: Scoring, prepared: Prepared, held: np.ndarray) -> None:
    """Fits them on items of the validation split, and what describes the data on the fit split."""
    with torch.no_grad():
        evidence = _evidence(scoring, held)
        statistics.fit(_in_model_space(scoring, prepared.splits.fit.x[:_FIT_ITEMS]), evidence)


def _in_model_space(scoring: Scoring, raw: np.ndarray) -> Tensor:
    """x, (n, *event_shape)."""
    noise = scoring.shared_noise()[: len(scoring.transform.score_noise)]
    return torch.cat([scoring.transform(part, *noise) for part in _parts(scoring, raw)])


def _evidence(scoring: Scoring, raw: np.ndarray) -> Evidence:
    """What the model says about raw items."""
    noise = scoring.shared_noise()
    xs, said = zip(*(scoring.said(part, *noise) for part in _parts(scoring, raw)), strict=True)
    named = {name: torch.cat([part[name] for part in said]) for name in said[0]}
    return Evidence.of(torch.cat(xs), named, marginal=scoring.marginal)


def _parts(scoring: Scoring, raw: np.ndarray) -> Iterator[Tensor]:
    size = chunk(scoring.family.dims, scoring.transform.levels)
    return (torch.from_numpy(raw[start : start + size]) for start in range(0, len(raw), size))
