"""Samples of a fitted family in PyTorch, for pictures and for comparison with exported graphs."""

import torch
from torch import Tensor

from training.transforms import Transform
from training.zoo.base import Family, Known, takes_label


def sample(
    family: Family, transform: Transform, count: int, seed: int, temperature: float = 1.0, label: int | None = None
) -> Tensor:
    """Raw samples, (count, *raw_shape); of one label, if the family takes any."""
    generator = torch.Generator().manual_seed(seed)
    degrees = torch.full((count,), temperature)
    with torch.no_grad():
        if family.sampler is None:
            raise TypeError(f"{type(family).__name__} cannot sample")
        noise = [item.draw(count, generator) for item in family.noise]
        told = label_of(family, count, label)
        if family.sampler == "fixed_point":
            x, _ = fixed_point(family, *noise, temperature=degrees, **told)
        else:
            x, _ = family.generate(*noise, temperature=degrees, **told)
        return transform.inverse(x)


def label_of(family: Family, count: int, label: int | None = None) -> dict[str, Tensor]:
    """The keyword that tells a family the label of all items, or that it is not known; empty if it takes none."""
    if not takes_label(family):
        return {}
    return {"label": torch.full((count,), family.classes if label is None else label)}


def decode(family: Family, transform: Transform, latents: Tensor, seed: int) -> Tensor:
    """Raw means, or samples where there is no mean, for given latents (batch, latent)."""
    generator = torch.Generator().manual_seed(seed)
    noise = [latents if item.name == family.latents else item.draw(len(latents), generator) for item in family.noise]
    with torch.no_grad():
        x, mean = family.generate(*noise, temperature=torch.ones(len(latents)))
    return transform.inverse(x if mean is None else mean)


def fixed_point(
    family: Family, *noise: Tensor, temperature: Tensor, known: Known | None = None, **told: Tensor
) -> tuple[Tensor, int]:
    """The fixed point of ``propose`` with the same noise, and the passes it took for the slowest row.

    Reached after at most ``dims`` passes: pass i settles dimension i of the order for good.
    """
    keep = (lambda x: x) if known is None else known.keep
    x = keep(torch.zeros(len(temperature), *family.event_shape, dtype=temperature.dtype))
    for passes in range(1, family.dims + 2):
        proposal = keep(family.propose(x, *noise, temperature=temperature, **told))
        if torch.equal(proposal, x):
            return x, passes
        x = proposal
    raise RuntimeError("no fixed point: the family is not autoregressive in its order")


def sequential(family: Family, *noise: Tensor, temperature: Tensor, order: Tensor, **told: Tensor) -> Tensor:
    """Ancestral samples, one dimension per pass in the given order: slow, and right by definition."""
    x = torch.zeros(len(temperature), *family.event_shape, dtype=temperature.dtype)
    for dimension in order:
        proposal = family.propose(x, *noise, temperature=temperature, **told)
        x.flatten(1)[:, dimension] = proposal.flatten(1)[:, dimension]
    return x
