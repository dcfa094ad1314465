"""How far the score of an item hangs on the one draw of noise that is fixed for all items."""

import numpy as np
import torch
from torch import Tensor

from pofx.rules.outputs import LOG_PROB
from training.batches import chunk
from training.evaluate.measurement import Measurement
from training.scoring import NOISE_SEED, Scoring
from training.transforms import Transform
from training.zoo.base import Density, Family

MONTE_CARLO_ERROR = "log_prob_monte_carlo_error"
_DRAWS = 8
_ITEMS = 256


def evaluate_fixed_draws(family: Family, transform: Transform, raw: np.ndarray) -> list[Measurement]:
    """The Monte-Carlo standard error of log_prob on raw items, in nats; empty where a score takes no noise.

    It is the median over items of the standard deviation over independent draws, none of them the one that is served.
    """
    if not isinstance(family, Density):
        return []
    scoring = Scoring(family, transform).eval()
    if not scoring.noises:
        return []
    items = raw[:_ITEMS]
    with torch.no_grad():
        seeds = range(NOISE_SEED + 1, NOISE_SEED + 1 + _DRAWS)
        draws = torch.stack([_log_prob(scoring, items, seed) for seed in seeds])  # (draws, items)
    error = float(draws.double().std(0).median())
    protocol = f"median over {len(items)} items of the standard deviation over {_DRAWS} draws of the noise"
    return [Measurement(MONTE_CARLO_ERROR, error, "nats", "test", protocol)]


def _log_prob(scoring: Scoring, raw: np.ndarray, seed: int) -> Tensor:
    """log_prob of raw items with the noise of a seed, (items,)."""
    noise, size = scoring.shared_noise(seed), chunk(scoring.family.dims, scoring.transform.levels)
    parts = (torch.from_numpy(raw[start : start + size]) for start in range(0, len(raw), size))
    return torch.cat([scoring.said(part, *noise)[1][LOG_PROB] for part in parts])
