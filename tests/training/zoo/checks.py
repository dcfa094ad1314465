"""What laws are checked with: every x there is, samples, densities, dependences between dimensions."""

import itertools

import numpy as np
import torch
from scipy.stats import chisquare
from torch import Tensor

from training.evaluate.sampling import fixed_point, label_of
from training.zoo.base import (
    Family,
    Known,
    LabelConditioned,
    LabelPosterior,
)
from training.zoo.parts.conditionals import BinaryConditionals, DiscreteConditionals

Choice = dict[str, int]
"""A label to tell, or none."""


def everything(model: Family) -> Tensor:
    """Every x there is, (V^dims, *event_shape), the last dimension changing fastest."""
    values = map(float, range(model.facts.levels))
    return torch.tensor(list(itertools.product(list(values), repeat=model.dims))).reshape(-1, *model.event_shape)


def index_of(x: Tensor, levels: int) -> Tensor:
    """The place of every x in ``everything``."""
    flat = x.flatten(1)
    return (flat @ (float(levels) ** torch.arange(flat.shape[1] - 1, -1, -1))).long()


def choices(model: Family) -> list[Choice]:
    """Every label that can be told, the unknown one last; one empty choice for a family that takes none."""
    return [{"label": k} for k in range(model.classes + 1)] if isinstance(model, LabelConditioned) else [{}]


def told(choice: Choice, count: int) -> dict[str, Tensor]:
    """The keyword with one label for all rows."""
    return {key: torch.full((count,), value) for key, value in choice.items()}


def log_prob(model: Family, x: Tensor, choice: Choice | None = None) -> Tensor:
    """Exact log p(x | label), or log p(x) of any label; float64, (batch,)."""
    if not choice or choice["label"] == model.classes:
        return model.log_prob(x).double()
    if isinstance(model, LabelPosterior):
        label = choice["label"]
        return model.joint(x)[:, label] - model.log_weights[label]
    return model.dim_log_prob(x, **told(choice, len(x))).flatten(1).sum(1).double()


def score(model: Family, x: Tensor) -> Tensor:
    """Log p(x) or its bound, with the noise that every score of this model has; (batch,)."""
    return model.log_prob(x, *(item.draw(len(x), torch.Generator().manual_seed(0)) for item in model.score_noise))


def noise_of(model: Family, count: int, seed: int) -> list[Tensor]:
    """The noise of ``count`` samples."""
    generator = torch.Generator().manual_seed(seed)
    return [item.draw(count, generator) for item in model.noise] if model.sampler else []


def draw(
    model: Family, noise: list[Tensor], temperature: Tensor, known: Known | None = None, **label: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Samples by the family's own sampler and, if there are any, their means; labels are drawn if none is told."""
    label = label or label_of(model, len(temperature))
    completion = {} if known is None else {"known": known}
    if model.sampler == "fixed_point":
        return fixed_point(model, *noise, temperature=temperature, **completion, **label)[0], None
    return model.generate(*noise, temperature=temperature, **completion, **label)


def samples(model: Family, count: int, seed: int, known: Known | None = None, **label: Tensor) -> Tensor:
    """Samples at temperature 1, (count, *event_shape)."""
    return draw(model, noise_of(model, count, seed), torch.ones(count), known, **label)[0]


def numbers(model: Family, x: Tensor) -> Tensor:
    """What every conditional is made of, (batch, dims, numbers): logits, or the parameters of mixtures.

    Where a family shows none of these, the log-probability of every level.
    """
    if isinstance(model, DiscreteConditionals):
        return model.logits(x)
    if isinstance(model, BinaryConditionals):
        return model.logits(x.flatten(1))[..., None]
    if hasattr(model, "conditionals"):
        return _parameters(model, x)
    return _of_all_levels(model, x)


def _parameters(model: Family, x: Tensor) -> Tensor:
    found = model.conditionals(x if model.facts.levels else x.double())
    tensors = [item for item in vars(found).values() if isinstance(item, Tensor)]
    if tensors[0].dim() <= 3:  # (batch, dims) or (batch, dims, numbers)
        return torch.cat([item.reshape(len(x), model.dims, -1) for item in tensors], 2)
    size = (len(x), model.event_shape[0], -1, *model.event_shape[1:])
    tensors = [item.expand(-1, size[1], *item.shape[2:]).reshape(size) for item in tensors]
    return torch.cat(tensors, 2).movedim(2, -1).flatten(1, 3)


def _of_all_levels(model: Family, x: Tensor) -> Tensor:
    tables = torch.empty(len(x), model.dims, model.facts.levels)
    for place, level in np.ndindex(model.dims, model.facts.levels):
        changed = x.flatten(1).clone()
        changed[:, place] = float(level)
        tables[:, place, level] = model.dim_log_prob(changed.reshape(x.shape)).flatten(1)[:, place]
    return tables


def dependences(model: Family, x: Tensor) -> Tensor:
    """Whether each conditional depends on each dimension, bool, (dims, dims), both as they are taken."""
    by_gradient = numbers(model, (x + 0.0).requires_grad_()).requires_grad  # what enters as an embedding has none
    found = _slopes(model, x) if by_gradient else _changes(model, x)
    return found[model.order][:, model.order]


def _slopes(model: Family, x: Tensor) -> Tensor:
    x = (x + 0.0).requires_grad_()
    made_of = [numbers(model, x)[:, d].square().sum() for d in range(model.dims)]
    rows = [torch.autograd.grad(value, x, allow_unused=True)[0] if value.requires_grad else None for value in made_of]
    dense = [torch.zeros_like(x) if row is None else row for row in rows]
    return torch.stack([row.flatten(1) for row in dense]).abs().amax(1) > 0


def _changes(model: Family, x: Tensor) -> Tensor:
    columns = []
    for dimension in range(model.dims):
        changed = x.flatten(1).clone()
        changed[:, dimension] = (changed[:, dimension] + 1) % model.facts.levels
        found = []
        for item in (x, changed.reshape(x.shape)):
            torch.manual_seed(0)  # the same dropout
            found.append(numbers(model, item))
        columns.append((found[1] != found[0]).any(2).any(0))
    return torch.stack(columns, 1)


def assert_chi_square(observed: Tensor, expected: Tensor) -> None:
    """That counts are those expected; cells with fewer than five are pooled, what is impossible never occurs."""
    seen, wanted = observed.double().numpy(), expected.double().numpy()
    assert not seen[wanted == 0].any()
    rare = wanted < 5
    seen, wanted = np.append(seen[~rare], seen[rare].sum()), np.append(wanted[~rare], wanted[rare].sum())
    if wanted[-1] < 5:
        seen, wanted = seen[:-1], wanted[:-1]
    assert len(wanted) > 2
    assert chisquare(seen, wanted * seen.sum() / wanted.sum()).pvalue > 1e-3
