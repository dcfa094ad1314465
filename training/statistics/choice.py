"""Which statistics a model has, and all of them as one module."""

from collections.abc import Collection

from torch import Tensor, nn, stack

from pofx.rules.outputs import DIM_LOG_PROB
from training.statistics.averages import Averages
from training.statistics.background import background_of
from training.statistics.base import Evidence, Statistic
from training.statistics.combined import Combined
from training.statistics.complexity import Complexity
from training.statistics.contexts import contexts_of
from training.statistics.latent import LatentDistance, Rate, Reconstruction, SquaredError
from training.statistics.likelihood import LogProb, Surprise, SurpriseTail, Tail, Typicality
from training.statistics.likelihood_ratio import LikelihoodRatio
from training.transforms import Transform


class Statistics(nn.Module):
    """All statistics of a model, the combined one first: it is the verdict unless another is asked for."""

    def __init__(self, parts: list[Statistic], averages: Averages | None = None) -> None:
        super().__init__()
        self.averages = averages
        self.parts = nn.ModuleList(parts)
        self.combined = Combined([part for part in parts if part.joins])

    @property
    def members(self) -> list[Statistic]:
        """Every statistic, the combined one first."""
        return [self.combined, *self.parts]

    def fit(self, x: Tensor, held: Evidence) -> None:
        """Fits every part, then their combination.

        ``x`` is of the fit split; ``held`` was not fitted on and does not calibrate.
        """
        if self.averages is not None:
            self.averages.fit(held)
            held = self.averages(held)
        for part in self.parts:
            part.fit(x, held)
        self.combined.fit(x, held)

    def forward(self, evidence: Evidence) -> tuple[Tensor, ...]:
        """The values in the order of ``members``, each (n,); a missing column counts as an average one."""
        if self.averages is not None:
            evidence = self.averages(evidence)
        values = [part(evidence) for part in self.parts]
        oriented = [part.oriented(value) for part, value in zip(self.parts, values, strict=True) if part.joins]
        return (self.combined.of(stack(oriented, 1)), *values)


def choose_without_density(latent: int) -> Statistics:
    """The statistics of a model that encodes and restores: what is lost, and how far out the code is."""
    return Statistics([SquaredError(), LatentDistance(latent)])


def choose(
    transform: Transform, outputs: Collection[str], latent: int, described: str, *, marginal: bool = False
) -> Statistics:
    """The statistics that the outputs of a score graph allow; ``latent`` is the length of a code, 0 without one.

    ``described`` says what log_prob is; ``marginal`` that columns may be missing.
    """
    parts: list[Statistic] = [LogProb(described), Typicality()]
    if (contexts := contexts_of(transform)) is not None:
        parts.append(Complexity(contexts, transform.log_det.numel()))
    if (background := background_of(transform)) is not None:
        parts.append(LikelihoodRatio(background))
    if DIM_LOG_PROB in outputs:
        parts += [Surprise(), SurpriseTail()]
    if "tail" in outputs:
        parts.append(Tail())
    if latent:
        parts += [Reconstruction(), Rate(), LatentDistance(latent)]
    return Statistics(parts, Averages(transform.log_det.numel()) if marginal else None)
