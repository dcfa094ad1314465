"""Laws of autoregressive families over real dimensions, whose conditionals are mixtures of Gaussians.

A new family adds its cases to CASES; everything below runs over all of them.
"""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from training.evaluate.sampling import fixed_point, sequential
from training.export.graphs import computations
from training.export.onnx import OnnxRunner, to_onnx
from training.transforms import Standardise
from training.zoo import FAMILIES
from training.zoo.autoregressive.conditionals.mixture import Mixture
from training.zoo.autoregressive.networks import staircase
from training.zoo.base import FixedPointSampler

# name: (family, options)
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "rnade": ("rnade", {"hidden": 6, "order": "raster"}),
    "rnade-random-order": ("rnade", {"hidden": 6, "order": "random", "order_seed": 3}),
    "made": ("made", {"hidden": (12,)}),
    "made-residual-random-order": ("made", {"hidden": (12,), "blocks": 2, "order": "random", "order_seed": 3}),
    "made-members-in-one-order": ("made", {"hidden": (12,), "orders": ("reversed", "reversed")}),
    "made-masks": ("made", {"hidden": (12,), "masks": 2}),
    "made-in-two-orders": ("made", {"hidden": (12,), "blocks": 1, "orders": ("raster", "reversed")}),
}
ONE_ORDER = [name for name in CASES if name != "made-in-two-orders"]
MADES = [name for name, (family, _) in CASES.items() if family == "made"]


@pytest.fixture(autouse=True)
def _blocks_of_few_weights(monkeypatch):
    """Compact forms as large networks have them, at the sizes of these tests."""
    monkeypatch.setattr(staircase, "BLOCK_WEIGHTS", 8)


def case(name: str, dims: int) -> torch.nn.Module:
    """A family with weights far from their initial values, so that no law holds by the smallness of everything."""
    family, options = CASES[name]
    shared = {"components": 3, "sigma_floor": 0.1, **({"space": "real"} if family == "made" else {})}
    model = FAMILIES[family]((dims,), FAMILIES[family].Options(**shared, **options))
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = 0.7 * torch.randn(parameter.shape, generator=generator)
    return model.eval().requires_grad_(False)


def normal(items: int, dims: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(items, dims, generator=torch.Generator().manual_seed(seed))


def noise_of(model: torch.nn.Module, count: int, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [item.draw(count, generator) for item in model.noise]


def draw(model: torch.nn.Module, noise: list[torch.Tensor], temperature: torch.Tensor) -> torch.Tensor:
    if isinstance(model, FixedPointSampler):
        return fixed_point(model, *noise, temperature=temperature)[0]
    return model.generate(*noise, temperature=temperature)[0]


@pytest.mark.parametrize("name", ONE_ORDER)
@pytest.mark.parametrize("mode", ["train", "eval", "compact"])
def test_a_real_conditional_depends_on_earlier_dimensions_only(name, mode):
    family = case(name, 5).train(mode == "train")
    if mode == "compact":
        family.compact()
    x = normal(64, 5).requires_grad_()
    rows = [torch.autograd.grad(family.dim_log_prob(x)[:, d].sum(), x)[0] for d in range(5)]
    dependence = torch.stack(rows).abs().amax(1)[family.order][:, family.order]
    assert torch.equal(dependence.triu(1), torch.zeros(5, 5))
    assert (dependence.tril().diagonal() > 0).all()
    assert (dependence[torch.tril_indices(5, 5, -1).unbind()] > 0).all()


@pytest.mark.parametrize("name", ONE_ORDER)
def test_the_future_of_a_real_conditional_may_be_anything(name):
    family, x = case(name, 5), normal(3, 5)
    for place in range(4):
        poisoned = x.clone()
        poisoned[:, family.order[place + 1 :]] = 1e30
        now = family.order[: place + 1]
        torch.testing.assert_close(family.dim_log_prob(poisoned)[:, now], family.dim_log_prob(x)[:, now])


@pytest.mark.parametrize("name", CASES)
def test_real_conditionals_sum_to_the_joint(name):
    family, x = case(name, 5), normal(50, 5)
    dims = family.dim_log_prob(x)
    assert dims.shape == x.shape
    torch.testing.assert_close(dims.sum(1), family.log_prob(x))


@pytest.mark.parametrize("name", MADES)
def test_a_real_density_is_the_mean_of_the_densities_of_its_parts(name):
    family, x = case(name, 5), normal(50, 5)
    parts = family.head(family.outputs(x)).log_prob(x.double()).sum(-1)
    expected = torch.logsumexp(parts, 0) - torch.tensor(float(len(parts))).log()
    torch.testing.assert_close(family.log_prob(x).double(), expected, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_a_real_density_integrates_to_one_and_is_that_of_its_samples(name):
    model, count, cells, fine = case(name, 2), 20_000, 15, 30
    x = draw(model, noise_of(model, count, 3), torch.ones(count))
    side = 1.01 * float(x.abs().max())
    width = 2 * side / (cells * fine)
    axis = (torch.arange(cells * fine) + 0.5) * width - side
    density = model.log_prob(torch.cartesian_prod(axis, axis)).double().exp()
    mass = density.reshape(cells, fine, cells, fine).sum((1, 3)).flatten() * width**2
    assert float(mass.sum()) == pytest.approx(1, abs=2e-3)
    index = torch.clamp(((x + side) / (width * fine)).long(), 0, cells - 1)
    observed = torch.bincount(index[:, 0] * cells + index[:, 1], minlength=cells**2)
    assert_chi_square(observed.double().numpy(), (mass / mass.sum() * count).numpy())


def assert_chi_square(observed: np.ndarray, expected: np.ndarray) -> None:
    """Cells with fewer than five expected counts are pooled."""
    rare = expected < 5
    observed = np.append(observed[~rare], observed[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    if expected[-1] < 5:
        observed, expected = observed[:-1], expected[:-1]
    assert chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-3


@pytest.mark.parametrize("name", ONE_ORDER)
def test_a_sample_is_that_of_one_pass_per_column(name):
    model, degrees = case(name, 6), torch.linspace(0.3, 2.0, 64)
    component, eps = noise_of(model, 64, 1)
    naive = torch.zeros(64, 6)
    for d in model.order:
        every = model.conditionals(naive)
        mixture = Mixture(*(part[:, d] for part in (every.log_weights, every.means, every.sigmas)))
        naive[:, d] = mixture.draw(component[:, d], eps[:, d], degrees).float()
    fast = draw(model, [component, eps], degrees)
    torch.testing.assert_close(fast, naive, atol=1e-5, rtol=1e-5)  # products add in another order


@pytest.mark.parametrize("name", MADES)
def test_the_fixed_point_of_real_dimensions_is_the_sequential_sample_bit_for_bit(name):
    model, degrees = case(name, 6), torch.linspace(0.3, 2.0, 64)
    component, eps = noise_of(model, 64, 1)[:2]
    for part, order in enumerate(model.orders):
        noise = [component, eps]
        if model.order is None:
            noise.append(torch.full((64,), (part + 0.5) / len(model.orders)))
        fast, passes = fixed_point(model, *noise, temperature=degrees)
        assert torch.equal(fast, sequential(model, *noise, temperature=degrees, order=order))
        assert passes <= 7


@pytest.mark.parametrize("name", ["made-residual-random-order", "made-masks", "made-in-two-orders"])
def test_raw_rows_reach_their_fixed_point_in_an_exported_graph_whoever_shares_the_batch(name):
    transform = Standardise((6,), Standardise.Options())
    transform.fit(np.random.default_rng(0).normal(1e3, 0.1, (50, 6)).astype(np.float32))
    model = case(name, 6)
    propose = computations(model, transform)["propose"]
    run, (_, *constant) = OnnxRunner(to_onnx(propose, half_weights=False)), propose.example(64, torch.Generator())
    constant = [array.numpy() for array in constant]
    raw, active = np.zeros((64, 6), np.float32), np.arange(64)
    passes = 0
    while len(active):
        passes += 1
        (proposal,) = run(raw[active], *(array[active] for array in constant))
        changed = (proposal != raw[active]).any(1)
        raw[active] = proposal
        active = active[changed]  # rows that are done leave the batch
    assert passes <= 7 + 1  # the last pass only tells that nothing changes
    alone = np.concatenate([run(row, *noise)[0] for row, *noise in zip(*_single(raw, *constant), strict=True)])
    np.testing.assert_array_equal(alone, raw)


def _single(*arrays: np.ndarray) -> list[list[np.ndarray]]:
    """Every row of every array as a batch of one."""
    return [list(np.split(array, len(array))) for array in arrays]


@pytest.mark.parametrize("name", MADES)
def test_a_score_far_from_the_data_does_not_depend_on_rounding(name):
    model, x = case(name, 6), 1e4 * normal(64, 6)
    exact = model.double().dim_log_prob(x.double())
    torch.testing.assert_close(case(name, 6).dim_log_prob(x).double(), exact, rtol=1e-6, atol=1e-3)
