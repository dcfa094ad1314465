"""Test likelihood: nats and bits per dimension, exact or as a bound that says which."""

import math

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from training.batches import batches, chunk
from training.data import Items
from training.evaluate.measurement import Measurement, mean
from training.transforms import Transform
from training.zoo.base import Density, Family, VariationalBound

_ELBO_DRAWS = 8
_STDERR = Console(stderr=True)


def evaluate_likelihood(
    family: Family, transform: Transform, raw: np.ndarray, *, samples: int, seed: int, split: str = "test"
) -> list[Measurement]:
    """Negative log-likelihood of a split, with a fresh training view (binarisation, dequantisation) per item.

    A family with a bound reports its ELBO and its importance-weighted bound with ``samples`` fresh draws per item.
    Empty for a family without density.
    """
    if not isinstance(family, Density):
        return []
    rows: dict[str, list[Tensor]] = {}
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(seed)
        loader = batches(Items(raw), chunk(family.dims, transform.levels))
        for batch, _ in track(loader, f"likelihood of the {split} split", transient=True, console=_STDERR):
            x = transform.training_view(batch)
            to_raw = transform.log_det_of(x, batch)
            for name, values in _nats(family, x, samples).items():
                rows.setdefault(name, []).append(values - to_raw)
    suffix = f", seed {seed}"
    measurements = []
    for name, parts in rows.items():
        nats = torch.cat(parts).double().numpy()
        protocol = f"{_what(name, transform)}, {transform.protocol}{suffix}"
        measurements.append(mean(name, nats, "nats", split, protocol))
        if name != "elbo":
            bits = nats / (family.dims * math.log(2))
            measurements.append(mean(f"{name}_bits_per_dim", bits, "bits/dim", split, protocol))
    return measurements


def _nats(family: Family, x: Tensor, samples: int) -> dict[str, Tensor]:
    """Negative log-density per item, by name of the estimate."""
    if not isinstance(family, VariationalBound):
        return {"nll": -family.log_prob(x)}
    fresh = torch.randn(len(x), samples, family.latent_size)
    draws = min(samples, _ELBO_DRAWS)
    elbo = torch.stack([family.elbo(x, fresh[:, index]) for index in range(draws)]).mean(0)
    tight = torch.cat([family.importance_weighted_bound(item[None], eps) for item, eps in zip(x, fresh, strict=True)])
    return {"elbo": -elbo, f"iwae_{samples}": -tight}


def _what(name: str, transform: Transform) -> str:
    if name == "elbo":
        return f"evidence lower bound, {_ELBO_DRAWS} draws per item"
    if name.startswith("iwae_"):
        return f"importance-weighted bound, k={name.removeprefix('iwae_')} fresh draws per item"
    return f"bound by {transform.bound}" if transform.bound else "exact"
