"""Laws of probability, run over every family that claims to obey them, at sizes where they can be checked exactly."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import nn

from training.evaluate.sampling import fixed_point, sequential
from training.zoo import FAMILIES
from training.zoo.autoregressive.made import Made
from training.zoo.autoregressive.networks import staircase
from training.zoo.autoregressive.networks.nade_conditionals import conditionals, conditionals_by_block
from training.zoo.base import (
    AdversarialTrained,
    DirectSampler,
    Encoder,
    FactorisedDensity,
    FixedPointSampler,
    Known,
    LikelihoodTrained,
    Noise,
    bernoulli_log_prob,
    draw_bernoulli,
)
from training.zoo.latent.vae import Vae

SHAPE = (1, 3, 3)
DIMS = 9

MADES = {
    "made": {"hidden": (16,)},
    "made-two-layers": {"hidden": (16, 12)},
    "made-random-order": {"hidden": (16,), "order": "random", "order_seed": 3},
    "made-no-direct": {"hidden": (7,), "direct": False},
    "made-narrow": {"hidden": (2,), "direct": False},
    "made-residual": {"hidden": (16,), "blocks": 2},
    "made-members-in-one-order": {"hidden": (16,), "orders": ("columns", "columns")},
    "made-masks": {"hidden": (16, 12), "masks": 3},
}
# Several orders at once: no chain rule, so no order of its own.
MIXED = {
    "made-in-three-orders": {"hidden": (16,), "orders": ("raster", "columns", "reversed")},
    "made-residual-in-random-orders": {"hidden": (12,), "blocks": 1, "orders": ("random", "random")},
    "made-masks-in-random-orders": {"hidden": (16,), "order": "random", "masks": 3},
    "made-members-with-masks": {"hidden": (16,), "blocks": 1, "orders": ("raster", "reversed"), "masks": 2},
}


@pytest.fixture(autouse=True)
def _blocks_of_few_weights(monkeypatch):
    """Compact forms as large networks have them, at the sizes of these tests."""
    monkeypatch.setattr(staircase, "BLOCK_WEIGHTS", 8)


def _randomised(family: nn.Module, seed: int = 0, scale: float = 0.7) -> nn.Module:
    """Weights far from their initial values, so that no law holds by the smallness of everything."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in family.parameters():
        if parameter.is_floating_point():
            parameter.data = scale * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return family.eval().requires_grad_(False)


def _made(name: str) -> Made:
    return _randomised(Made(SHAPE, Made.Options(**(MADES | MIXED)[name])))


def _bernoulli():
    family = FAMILIES["bernoulli"]
    return _randomised(family(SHAPE, family.Options()))


def _vae(latent: int = 1, shape: tuple[int, ...] = (1, 2, 2), samples: int = 5) -> Vae:
    family = _randomised(Vae(shape, Vae.Options(hidden=(6,), latent=latent, score_samples=samples)))
    for parameter in family.encoder.parameters():
        parameter.data *= 0.5  # a posterior about as wide as the prior, so that importance weights are not degenerate
    return family


def _fitted_gmm(dims: int = 2, items: int = 400, **options):
    family = FAMILIES["gmm"]
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(items, dims, generator=generator) @ torch.randn(dims, dims, generator=generator)
    x[::3] += 3.0
    model = family((dims,), family.Options(**options))
    model.fit(x[:300], x[300:], seed=0)
    return model.eval(), x


DIRECT = {
    "fvsbn": ("fvsbn", {}),
    "fvsbn-random-order": ("fvsbn", {"order": "random", "order_seed": 3}),
    "fvsbn-columns": ("fvsbn", {"order": "columns"}),
    "nade-reversed": ("nade", {"hidden": 16, "order": "reversed"}),
    "nade": ("nade", {"hidden": 7}),
    "nade-relu-random-order": ("nade", {"hidden": 16, "activation": "relu", "order": "random", "order_seed": 3}),
    "nade-for-all-orders": ("nade", {"hidden": 7, "ensemble": 1}),
}
DIRECT_MIXED = {"nade-in-three-orders": ("nade", {"hidden": 7, "ensemble": 3})}


def _direct(name: str) -> nn.Module:
    family, options = (DIRECT | DIRECT_MIXED)[name]
    return _randomised(FAMILIES[family](SHAPE, FAMILIES[family].Options(**options)))


AUTOREGRESSIVE = {
    **{name: (lambda name=name: _made(name)) for name in MADES},
    **{name: (lambda name=name: _direct(name)) for name in DIRECT},
}
BINARY = {
    "bernoulli": _bernoulli,
    **AUTOREGRESSIVE,
    **{name: (lambda name=name: _made(name)) for name in MIXED},
    **{name: (lambda name=name: _direct(name)) for name in DIRECT_MIXED},
}


def _logits(family: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return family.conditionals(x).logits if isinstance(family, Made) else family.logits(x)


def _sampled(family: nn.Module, noise: list[torch.Tensor], temperature: torch.Tensor) -> torch.Tensor:
    if isinstance(family, DirectSampler):
        return family.generate(*noise, temperature=temperature)[0]
    return fixed_point(family, *noise, temperature=temperature)[0]


def _all_binary(shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    dims = math.prod(shape)
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=dims))).reshape(-1, *shape)


@pytest.mark.parametrize("name", BINARY)
def test_probabilities_of_all_images_sum_to_one(name):
    with torch.no_grad():
        log_prob = BINARY[name]().log_prob(_all_binary()).double()
    assert float(torch.logsumexp(log_prob, 0)) == pytest.approx(0, abs=1e-5)


def test_the_density_of_a_mixture_integrates_to_one():
    model, _ = _fitted_gmm()
    axis = torch.linspace(-30, 30, 1201)
    grid = torch.cartesian_prod(axis, axis)
    total = sum(float(model.log_prob(part).double().exp().sum()) for part in grid.split(200_000))
    assert total * 0.05**2 == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", BINARY)
def test_conditionals_sum_to_the_joint(name):
    family, x = BINARY[name](), _all_binary()
    assert isinstance(family, FactorisedDensity)
    dims = family.dim_log_prob(x)
    assert dims.shape == x.shape
    torch.testing.assert_close(dims.flatten(1).sum(1), family.log_prob(x))


def test_conditionals_of_a_mixture_are_those_of_the_chain_rule():
    model, x = _fitted_gmm(dims=3)
    dims = model.dim_log_prob(x)
    torch.testing.assert_close(dims.sum(1).double(), torch.logsumexp(model.joint(x), 1), atol=1e-4, rtol=1e-5)
    changed = x.clone()
    changed[:, 2] += 1.0
    torch.testing.assert_close(model.dim_log_prob(changed)[:, :2], dims[:, :2])


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
@pytest.mark.parametrize("mode", ["train", "eval", "compact"])
def test_an_output_depends_on_earlier_dimensions_only(name, mode):
    family = AUTOREGRESSIVE[name]().train(mode == "train")
    if mode == "compact":
        family.compact()
    order = family.order
    x = torch.rand(4, DIMS, requires_grad=True)
    jacobian = torch.stack([torch.autograd.grad(_logits(family, x)[:, d].sum(), x)[0] for d in range(DIMS)])
    dependence = jacobian.abs().amax(1)[order][:, order]  # rows and columns in order
    assert torch.equal(dependence.triu(), torch.zeros(DIMS, DIMS))
    if getattr(family.options, "direct", True):  # without, a hidden unit may be off for these inputs
        assert (dependence[torch.tril_indices(DIMS, DIMS, -1).unbind()] > 0).all()


@pytest.mark.parametrize("name", MIXED)
@pytest.mark.parametrize("mode", ["train", "eval", "compact"])
def test_a_member_depends_on_earlier_dimensions_of_its_order_only(name, mode):
    family = _made(name).train(mode == "train")
    if mode == "compact":
        family.compact()
    x = torch.rand(4, DIMS, requires_grad=True)
    for member, order in enumerate(family.orders):
        logits = family.outputs(x)[member, :, :, 0]
        jacobian = torch.stack([torch.autograd.grad(logits[:, d].sum(), x, retain_graph=True)[0] for d in range(DIMS)])
        dependence = jacobian.abs().amax(1)[order][:, order]
        assert torch.equal(dependence.triu(), torch.zeros(DIMS, DIMS))
        assert (dependence[torch.tril_indices(DIMS, DIMS, -1).unbind()] > 0).all()


@pytest.mark.parametrize("name", MADES | MIXED)
def test_the_density_is_the_mean_of_the_densities_of_the_members(name):
    family, x = _made(name), _all_binary()
    members = family.head(family.outputs(x)).log_prob(x.flatten(1)).double().sum(-1)
    torch.testing.assert_close(family.log_prob(x).double().exp(), members.exp().mean(0), atol=1e-9, rtol=1e-4)


@pytest.mark.parametrize("name", MADES | MIXED)
def test_every_member_is_trained_by_itself_and_every_set_of_masks_on_its_share(name):
    family, x = _made(name), _all_binary()
    parts = -family.head(family.outputs(x)).log_prob(x.flatten(1)).sum(-1)  # (parts, items)
    sets = family.options.masks
    by_set = parts.reshape(-1, sets, len(x)).mean(0)
    mine = torch.arange(len(x)) % sets == torch.arange(sets)[:, None]
    torch.testing.assert_close(family.train().loss(x), by_set[mine].sum() / len(x))
    torch.testing.assert_close(family.train().loss(x[:1]), by_set[0, 0])
    torch.testing.assert_close(family.eval().loss(x), -family.log_prob(x).mean())


def test_sets_of_masks_share_weights_and_differ_in_what_units_see():
    torch.manual_seed(0)
    one, many = (Made(SHAPE, Made.Options(hidden=(16, 12), masks=masks)).eval() for masks in (1, 4))
    assert [p.shape for p in one.parameters()] == [p.shape for p in many.parameters()]
    for layer in many.members[0].layers:
        assert len({mask.numpy().tobytes() for mask in layer.masks}) == 4
        assert (layer.masks.sum(-1) > 0).all()  # no unit is disconnected
    again = Made(SHAPE, Made.Options(hidden=(16, 12), masks=4)).eval()
    again.load_state_dict(many.state_dict())
    x = _all_binary()[:50]
    assert torch.equal(again.log_prob(x), many.log_prob(x))
    nats = many.head(many.outputs(x)).log_prob(x.flatten(1)).sum((1, 2))
    assert len(set(nats.tolist())) == 4


@pytest.mark.parametrize("name", MADES | MIXED)
def test_the_compact_form_is_equal_and_smaller(name):
    dense, compact = _made(name), _made(name)
    compact.compact()
    x = torch.randint(0, 2, (20, DIMS), generator=torch.Generator().manual_seed(0)).float()
    torch.testing.assert_close(compact.outputs(x), dense.outputs(x), atol=1e-4, rtol=1e-5)
    sets = dense.options.masks  # each gets its share of the weights
    assert sum(p.numel() for p in compact.parameters()) < sets * sum(p.numel() for p in dense.parameters())


def test_the_order_of_a_made_is_a_permutation_and_random_orders_differ():
    orders = {seed: Made(SHAPE, Made.Options(order="random", order_seed=seed)).order.tolist() for seed in range(5)}
    assert all(sorted(order) == list(range(DIMS)) for order in orders.values())
    assert len(set(map(tuple, orders.values()))) > 1
    assert Made(SHAPE, Made.Options()).order.tolist() == list(range(DIMS))


def test_members_take_the_orders_that_their_names_say():
    model = Made((1, 2, 3), Made.Options(orders=("raster", "reversed", "columns", "random", "random")))
    raster, backwards, columns, *drawn = (order.tolist() for order in model.orders)
    assert raster == [0, 1, 2, 3, 4, 5]
    assert backwards == [5, 4, 3, 2, 1, 0]
    assert columns == [0, 3, 1, 4, 2, 5]
    assert sorted(drawn[0]) == sorted(drawn[1]) == raster
    assert drawn[0] != drawn[1]
    assert model.order is None
    with pytest.raises(ValueError, match="residual blocks need a hidden layer"):
        Made.Options(hidden=(), blocks=1)


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
def test_the_future_may_be_anything_even_nan(name):
    family = AUTOREGRESSIVE[name]()
    order = family.order
    x = torch.randint(0, 2, (3, DIMS)).float()
    expected = _logits(family, x)
    for place in range(DIMS):
        poisoned = x.clone()
        poisoned[:, order[place:]] = (
            1e30  # NaN times a zero weight would be NaN by IEEE rules, so a huge number stands in
        )
        torch.testing.assert_close(_logits(family, poisoned)[:, order[place]], expected[:, order[place]])


@pytest.mark.parametrize("name", BINARY)
def test_samples_follow_the_density(name):
    family, count = BINARY[name](), 50_000
    generator = torch.Generator().manual_seed(7)
    x = _sampled(family, [item.draw(count, generator) for item in family.noise], torch.ones(count))
    observed = torch.bincount((x.flatten(1) @ (2.0 ** torch.arange(DIMS - 1, -1, -1))).long(), minlength=2**DIMS)
    expected = family.log_prob(_all_binary()).double().exp() * count
    _assert_chi_square(observed.double().numpy(), expected.numpy())


def _assert_chi_square(observed: np.ndarray, expected: np.ndarray) -> None:
    """Cells with fewer than five expected counts are pooled."""
    rare = expected < 5
    observed = np.append(observed[~rare], observed[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    if expected[-1] < 5:
        observed, expected = observed[:-1], expected[:-1]
    assert chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-3


def test_samples_of_a_mixture_follow_its_density():
    model, _ = _fitted_gmm(dims=1)
    generator = torch.Generator().manual_seed(3)
    noise = [item.draw(50_000, generator) for item in model.noise]
    x, _ = model.generate(*noise, temperature=torch.ones(50_000))
    edges = torch.linspace(float(x.min()) - 1, float(x.max()) + 1, 60)
    fine = torch.linspace(float(edges[0]), float(edges[-1]), 60 * 200 + 1)[:-1, None]
    mass = model.log_prob(fine).double().exp().reshape(60, 200).mean(1)
    observed = torch.histc(x, 60, float(edges[0]), float(edges[-1]))
    _assert_chi_square(observed.double().numpy(), (mass / mass.sum() * 50_000).numpy())


def test_samples_of_a_vae_follow_its_density():
    family, count = _vae(), 50_000
    generator = torch.Generator().manual_seed(5)
    x, _ = family.generate(*[item.draw(count, generator) for item in family.noise], temperature=torch.ones(count))
    observed = torch.bincount((x.flatten(1) @ (2.0 ** torch.arange(3, -1, -1))).long(), minlength=16)
    _assert_chi_square(observed.double().numpy(), _exact_vae(family).exp().numpy() * count)


def _exact_vae(family: Vae) -> torch.Tensor:
    """log p(x) of all images by quadrature over a one-dimensional z, shape (images,)."""
    z = torch.linspace(-8, 8, 4001)[:, None]
    logits = family.decoder(z)  # (z, dims)
    x = _all_binary(family.event_shape).flatten(1)
    log_likelihood = (x[:, None] * logits - nn.functional.softplus(logits)).sum(2).double()  # (images, z)
    log_prior = (-0.5 * z[:, 0] ** 2 - 0.5 * math.log(2 * math.pi)).double()
    return torch.logsumexp(log_likelihood + log_prior + math.log(16 / 4000), 1)


def test_bounds_are_in_order_and_tighten_to_the_truth():
    family = _vae()
    x, exact = _all_binary(family.event_shape), _exact_vae(family)
    assert float(torch.logsumexp(exact, 0)) == pytest.approx(0, abs=1e-6)
    generator = torch.Generator().manual_seed(2)

    def average(k: int, repeats: int) -> torch.Tensor:
        draws = [family.importance_weighted_bound(x, torch.randn(k, 1, generator=generator)) for _ in range(repeats)]
        return torch.stack(draws).double().mean(0)

    elbo = torch.stack([family.elbo(x, torch.randn(len(x), 1, generator=generator)) for _ in range(4000)]).double()
    five, fifty, many = average(5, 2000), average(50, 1000), average(5000, 20)
    assert (elbo.mean(0) <= five + 0.02).all()
    assert (five <= fifty + 0.02).all()
    assert (fifty <= exact + 0.02).all()
    torch.testing.assert_close(many, exact, atol=0.05, rtol=0)
    assert float((exact - elbo.mean(0)).mean()) > 0.1  # the order above was not trivial


def test_one_importance_sample_is_an_unbiased_elbo():
    family = _vae(latent=2)
    x = _all_binary(family.event_shape)
    generator = torch.Generator().manual_seed(4)
    eps = torch.randn(4000, 1, 2, generator=generator)
    weighted = torch.stack([family.importance_weighted_bound(x, e) for e in eps]).mean(0)
    closed_form_kl = torch.stack([family.elbo(x, e.expand(len(x), 2)) for e in eps]).mean(0)
    torch.testing.assert_close(weighted, closed_form_kl, atol=0.15, rtol=0)


@pytest.mark.parametrize("name", MADES)
def test_fixed_point_is_the_sequential_sample_bit_for_bit(name):
    family = _made(name)
    u = torch.rand(64, DIMS, generator=torch.Generator().manual_seed(1))
    degrees = torch.linspace(0.3, 2.0, 64)
    fast, passes = fixed_point(family, u, temperature=degrees)
    assert torch.equal(fast, sequential(family, u, temperature=degrees, order=family.order))
    assert passes <= DIMS + 1


@pytest.mark.parametrize("name", MIXED)
def test_the_fixed_point_of_every_order_is_the_sequential_sample_of_its_member(name):
    family = _made(name)
    u = torch.rand(64, DIMS, generator=torch.Generator().manual_seed(1))
    degrees = torch.linspace(0.3, 2.0, 64)
    for member, order in enumerate(family.orders):
        choice = torch.full((64,), (member + 0.5) / len(family.orders))
        fast, passes = fixed_point(family, u, choice, temperature=degrees)
        assert torch.equal(fast, sequential(family, u, choice, temperature=degrees, order=order))
        assert passes <= DIMS + 1
        naive = torch.zeros(64, DIMS)
        for place in order:
            logits = family.outputs(naive)[member, :, :, 0]
            naive[:, place] = draw_bernoulli(logits, u, degrees)[:, place]
        assert torch.equal(fast.flatten(1), naive)


@pytest.mark.parametrize("name", DIRECT)
def test_one_loop_over_positions_is_the_sample_of_one_pass_per_position_bit_for_bit(name):
    family = _direct(name)
    u = torch.rand(64, DIMS, generator=torch.Generator().manual_seed(1))
    degrees = torch.linspace(0.3, 2.0, 64)
    naive = torch.zeros(64, DIMS)
    for place in family.order:
        naive[:, place] = draw_bernoulli(family.logits(naive), u, degrees)[:, place]
    fast, _ = family.generate(u, temperature=degrees)
    assert torch.equal(fast.flatten(1), naive)


def _nade_in_orders():
    return _direct("nade-in-three-orders")


def test_every_row_of_an_ensemble_is_sampled_in_its_order_and_keeps_what_is_known_bit_for_bit():
    family, count = _nade_in_orders(), 60
    generator = torch.Generator().manual_seed(1)
    u, member = (item.draw(count, generator) for item in family.noise)
    degrees = torch.linspace(0.3, 2.0, count)
    known = Known(torch.rand(count, *SHAPE, generator=generator).round(), torch.rand(count, *SHAPE) < 0.3)
    free = Known(known.x, torch.zeros_like(known.mask))
    for given in (known, free):
        naive = torch.zeros(count, DIMS)
        for row, part in enumerate((member * 3).long().tolist()):
            for place in family.orders[part]:
                logits = family.logits_in(part, naive[row : row + 1])
                drawn = draw_bernoulli(logits, u[row : row + 1], degrees[row : row + 1])[0, place]
                kept = given.mask[row].flatten()[place]
                naive[row, place] = given.x[row].flatten()[place] if kept else drawn
        fast, _ = family.generate(u, member, temperature=degrees, known=given)
        assert torch.equal(fast.flatten(1), naive)
    assert torch.equal(fast, family.generate(u, member, temperature=degrees)[0])


def test_an_ensemble_averages_the_densities_of_its_orders_each_of_which_obeys_its_own():
    family, x = _nade_in_orders(), _all_binary()
    flat = x.flatten(1)
    parts = torch.stack([bernoulli_log_prob(family.logits_in(part, flat), flat).sum(1) for part in range(3)])
    torch.testing.assert_close(family.log_prob(x).double().exp(), parts.double().exp().mean(0), atol=1e-9, rtol=1e-4)
    z = torch.rand(4, DIMS, requires_grad=True)
    for part, order in enumerate(family.orders):
        logits = family.logits_in(part, z)
        jacobian = torch.stack([torch.autograd.grad(logits[:, d].sum(), z, retain_graph=True)[0] for d in range(DIMS)])
        dependence = jacobian.abs().amax(1)[order][:, order]
        assert torch.equal(dependence.triu(), torch.zeros(DIMS, DIMS))
        assert (dependence[torch.tril_indices(DIMS, DIMS, -1).unbind()] > 0).all()


def test_the_loss_for_all_orders_is_the_mean_over_all_of_them():
    shape, model = (1, 1, 3), FAMILIES["nade"]
    orders = list(itertools.permutations(range(3)))
    family = _randomised(model(shape, model.Options(hidden=7, ensemble=len(orders))))
    family.orders = torch.tensor(orders)
    family.places = torch.argsort(family.orders, 1)
    x = _all_binary(shape)
    flat = x.flatten(1)
    exact = [-bernoulli_log_prob(family.logits_in(part, flat), flat).sum(1).mean() for part in range(len(orders))]
    torch.manual_seed(0)
    estimates = torch.stack([family.train().loss(x) for _ in range(4000)])
    assert float(estimates.mean()) == pytest.approx(float(sum(exact)) / 6, abs=4 * float(estimates.std()) / 4000**0.5)
    torch.testing.assert_close(family.eval().loss(x), -family.log_prob(x).mean())


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_gradients_written_by_hand_are_those_of_autograd(activation):
    torch.manual_seed(0)
    weights = [torch.randn(30, 11), torch.randn(11), torch.randn(30, 11), torch.randn(30)]
    inputs = [torch.rand(17, 30).round(), *(0.7 * weight for weight in weights)]
    inputs = [item.requires_grad_() for item in inputs]
    upstream = torch.randn(17, 30)
    by_hand = torch.autograd.grad((conditionals(*inputs, activation=activation) * upstream).sum(), inputs)
    plain = torch.autograd.grad((conditionals_by_block(*inputs, activation=activation) * upstream).sum(), inputs)
    for ours, reference in zip(by_hand, plain, strict=True):
        torch.testing.assert_close(ours, reference, atol=1e-5, rtol=1e-5)


def test_a_nade_in_one_order_keeps_the_names_of_its_weights():
    names = {name for name, _ in FAMILIES["nade"](SHAPE, FAMILIES["nade"].Options()).state_dict().items()}
    assert names == {"encoder", "encoder_bias", "decoder", "decoder_bias"}


@pytest.mark.parametrize("family", ["bernoulli", "categorical", "fvsbn", "made", "nade", "vae", "dcgan"])
def test_low_temperature_is_less_varied(family):
    model = _tiny(family)
    generator = torch.Generator().manual_seed(0)
    spreads = []
    for temperature in (0.05, 1.0):
        degrees = torch.full((256,), temperature)
        noise = [item.draw(256, generator) for item in model.noise]
        if isinstance(model, DirectSampler):
            x, mean = model.generate(*noise, temperature=degrees)
            x = x if mean is None else mean
        else:
            x, _ = fixed_point(model, *noise, temperature=degrees)
        spreads.append(float(x.flatten(1).std(0).mean()))
    assert spreads[0] < spreads[1]


def _tiny(name: str) -> nn.Module:
    family = FAMILIES[name.partition("-")[0]]
    options = {
        "made": {"hidden": (16,)},
        **MADES,
        **MIXED,
        **{key: options for key, (_, options) in (DIRECT | DIRECT_MIXED).items()},
        "rnade": {"hidden": 6, "components": 3},
        "vae": {"hidden": (6,), "latent": 2},
        "dcgan": {"latent": 4, "channels": 4},
    }
    shape = (1, 8, 8) if name == "dcgan" else SHAPE
    model = family(shape, family.Options(**options.get(name, {})))
    return model.eval().requires_grad_(False) if name == "dcgan" else _randomised(model)


@pytest.mark.parametrize("name", [*MADES, *MIXED, *DIRECT, *DIRECT_MIXED, "rnade", "vae", "dcgan"])
def test_gradient_reaches_every_parameter(name):
    torch.manual_seed(0)
    model = _tiny(name).train().requires_grad_(True)
    x = torch.rand(8, *model.event_shape).round()
    if isinstance(model, LikelihoodTrained):
        model.loss(x).backward()
    else:
        assert isinstance(model, AdversarialTrained)
        noise = [item.draw(8, torch.Generator().manual_seed(0)) for item in model.noise]
        fake, _ = model.generate(*noise, temperature=torch.ones(8))
        (model.discriminator(x).sum() - model.discriminator(fake).square().sum()).backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


@pytest.mark.parametrize(
    "name", ["bernoulli", "categorical", *MADES, *MIXED, *DIRECT, *DIRECT_MIXED, "rnade", "vae", "dcgan", "gmm"]
)
def test_an_item_does_not_depend_on_its_batch_mates(name):
    model = _fitted_gmm(dims=9)[0] if name == "gmm" else _tiny(name)
    generator = torch.Generator().manual_seed(9)
    mates = [torch.rand(5, *model.event_shape, generator=generator).round() for _ in range(2)]
    mates[1][0] = mates[0][0]
    outputs = []
    noise = [item.draw(5, generator) for item in model.noise]
    for x in mates:
        row = []
        if isinstance(model, FactorisedDensity | Vae):
            shared = [item.draw(5, torch.Generator().manual_seed(0)) for item in model.score_noise]
            row.append(model.log_prob(x, *shared)[0])
        if isinstance(model, Encoder):
            row.append(model.embed(x)[0])
        if isinstance(model, DirectSampler | FixedPointSampler):
            mixed = [
                torch.cat([own[:1], item.draw(4, generator)]) for item, own in zip(model.noise, noise, strict=True)
            ]
            row.append(_sampled(model, mixed, torch.ones(5))[0])
        outputs.append(row)
    for first, second in zip(*outputs, strict=True):
        torch.testing.assert_close(first, second, atol=1e-6, rtol=1e-6)


def test_known_truth_is_reached_and_not_beaten():
    truth = _made("made")
    x, _ = fixed_point(
        truth, torch.rand(20_000, DIMS, generator=torch.Generator().manual_seed(11)), temperature=torch.ones(20_000)
    )
    everything = _all_binary()
    log_p = truth.log_prob(everything).double()
    entropy = -float((log_p.exp() * log_p).sum())
    nats = -truth.log_prob(x).double()
    assert float(nats.mean()) == pytest.approx(entropy, abs=3 * float(nats.std()) / math.sqrt(len(x)))


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_a_mixture_equals_that_of_scikit_learn(covariance):
    from sklearn.mixture import GaussianMixture

    options = {"components": (3,), "covariances": (covariance,), "regularisations": (1e-3,), "restarts": 1}
    model, x = _fitted_gmm(dims=4, **options)
    reference = GaussianMixture(3, covariance_type=covariance, reg_covar=1e-3, n_init=1, max_iter=300, random_state=0)
    reference.fit(x[:300].double().numpy())
    exact = torch.logsumexp(model.joint(x), 1).numpy()
    np.testing.assert_allclose(exact, reference.score_samples(x.double().numpy()), rtol=1e-6, atol=1e-6)
    responsibilities = np.sort(reference.predict_proba(x.double().numpy()), 1)
    np.testing.assert_allclose(np.sort(model.embed(x).numpy(), 1), responsibilities, atol=1e-5)


def _categorical(dims: int, levels: int):
    family = FAMILIES["categorical"]
    model = family((1, 1, dims), family.Options(levels=levels, pseudo_counts=(1.0,)))
    x = torch.tensor([[0, 2, 1], [1, 2, 1], [0, 0, 1]]).float()[:, :dims].reshape(3, 1, 1, dims)
    model.fit(x, x, seed=0)
    return model, x


def test_categorical_is_the_smoothed_share_of_each_level():
    model, x = _categorical(2, 3)
    expected = torch.tensor([[3 / 6, 2 / 6, 1 / 6], [2 / 6, 1 / 6, 3 / 6]])
    torch.testing.assert_close(model.log_probabilities.exp(), expected)
    torch.testing.assert_close(model.log_prob(x[:1]), torch.tensor([3 / 6 * 3 / 6]).log())


def test_categorical_images_have_total_probability_one_and_are_sampled_as_often_as_likely():
    model, _ = _categorical(3, 4)
    everything = torch.tensor(list(itertools.product(range(4), repeat=3))).float().reshape(-1, 1, 1, 3)
    probability = model.log_prob(everything).double().exp()
    assert float(probability.sum()) == pytest.approx(1, abs=1e-5)
    u = torch.rand(50_000, 3, generator=torch.Generator().manual_seed(7))
    x, _ = model.generate(u, temperature=torch.ones(len(u)))
    observed = torch.bincount((x.flatten(1) @ torch.tensor([16.0, 4.0, 1.0])).long(), minlength=64)
    _assert_chi_square(observed.double().numpy(), (probability * len(u)).numpy())


def test_the_largest_uniform_number_gives_a_level_that_exists():
    model, _ = _categorical(3, 4)
    x, _ = model.generate(torch.ones(1, 3), temperature=torch.tensor([0.01]))
    assert float(x.max()) <= 3


def test_bernoulli_is_the_smoothed_share_of_ones():
    family = FAMILIES["bernoulli"]
    model = family((1, 1, 2), family.Options(pseudo_counts=(1.0,)))
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]).reshape(3, 1, 1, 2)
    model.fit(x, x, seed=0)
    torch.testing.assert_close(torch.sigmoid(model.logits), torch.tensor([3 / 5, 1 / 5]))


def test_noise_is_shared_or_per_item_as_declared():
    generator = torch.Generator().manual_seed(0)
    assert Noise("a", "uniform", (3,)).draw(2, generator).shape == (2, 3)
    assert Noise("a", "normal", (5, 3), shared=True).draw(2, generator).shape == (5, 3)
