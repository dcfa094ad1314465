"""Samples of a fitted family in PyTorch, for pictures and for comparison with exported graphs."""

import torch
from torch import Tensor

from training.transforms import Transform
from training.zoo.base import DirectSampler, Family, FixedPointSampler, Noise


def sample(family: Family, transform: Transform, count: int, seed: int, temperature: float = 1.0) -> Tensor:
    """Raw samples, (count, *raw_shape)."""
    generator = torch.Generator().manual_seed(seed)
    degrees = torch.full((count,), temperature)
    with torch.no_grad():
        if isinstance(family, FixedPointSampler):
            u = Noise("u", "uniform", (family.dims,)).draw(count, generator)
            x, _ = fixed_point(family, u, degrees)
        elif isinstance(family, DirectSampler):
            noise = [item.draw(count, generator) for item in family.noise]
            x, _ = family.generate(*noise, temperature=degrees)
        else:
            raise TypeError(f"{type(family).__name__} cannot sample")
        return transform.inverse(x)


def decode(family: Family, transform: Transform, latents: Tensor, seed: int) -> Tensor:
    """Raw means, or samples where there is no mean, for given latents (batch, latent)."""
    generator = torch.Generator().manual_seed(seed)
    noise = [latents if item.name == family.latents else item.draw(len(latents), generator) for item in family.noise]
    with torch.no_grad():
        x, mean = family.generate(*noise, temperature=torch.ones(len(latents)))
    return transform.inverse(x if mean is None else mean)


def fixed_point(family: Family, u: Tensor, temperature: Tensor) -> tuple[Tensor, int]:
    """The fixed point of ``propose`` with noise u (batch, dims), and the passes it took for the slowest row.

    Reached after at most ``dims`` passes: pass i settles dimension i of the order for good.
    """
    x = torch.zeros(len(u), *family.event_shape)
    for passes in range(1, family.dims + 2):
        proposal = family.propose(x, u, temperature)
        if torch.equal(proposal, x):
            return x, passes
        x = proposal
    raise RuntimeError("no fixed point: the family is not autoregressive in its order")


def sequential(family: Family, u: Tensor, temperature: Tensor, order: Tensor) -> Tensor:
    """Ancestral samples, one dimension per pass in the given order: slow, and right by definition."""
    x = torch.zeros(len(u), *family.event_shape)
    for dimension in order:
        proposal = family.propose(x, u, temperature)
        x.flatten(1)[:, dimension] = proposal.flatten(1)[:, dimension]
    return x
