"""What MADE has and other autoregressive families do not: members, sets of masks, compact forms, exact fixed points."""

import math

import numpy as np
import pytest
import torch

from tests.training.zoo.cases import CASES, having, in_one_order
from tests.training.zoo.checks import everything, noise_of
from training.evaluate.sampling import fixed_point, sequential
from training.export.graphs import computations
from training.export.onnx import OnnxRunner, to_onnx
from training.transforms import DataFacts, Standardise
from training.zoo.base import Facts, draw_bernoulli
from training.zoo.made import Made

FACTS, DIMS = Facts((1, 3, 3), "binary", 2), 9

BINARY = having(Made, where=lambda case: case.facts.space == "binary")
REAL = having(Made, where=lambda case: case.facts.space == "real")
ONE_ORDER = [name for name in BINARY if in_one_order(CASES[name])]
MIXED = [name for name in BINARY if name not in ONE_ORDER]  # no chain rule, so no order of its own


def normal(items: int, dims: int) -> torch.Tensor:
    return torch.randn(items, dims, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", MIXED)
@pytest.mark.parametrize("mode", ["train", "eval", "compact"])
def test_a_member_depends_on_earlier_dimensions_of_its_order_only(name, mode):
    family = CASES[name].build().train(mode == "train")
    if mode == "compact":
        family.compact()
    x = torch.rand(4, DIMS, requires_grad=True)
    for member, order in enumerate(family.orders):
        logits = family.outputs(x)[member, :, :, 0]
        jacobian = torch.stack([torch.autograd.grad(logits[:, d].sum(), x, retain_graph=True)[0] for d in range(DIMS)])
        dependence = jacobian.abs().amax(1)[order][:, order]
        assert torch.equal(dependence.triu(), torch.zeros(DIMS, DIMS))
        assert (dependence[torch.tril_indices(DIMS, DIMS, -1).unbind()] > 0).all()


@pytest.mark.parametrize("name", BINARY)
def test_the_density_is_the_mean_of_the_densities_of_the_members(name):
    family = CASES[name].build()
    x = everything(family)
    members = family.head(family.outputs(x)).log_prob(x.flatten(1)).double().sum(-1)
    torch.testing.assert_close(family.log_prob(x).double().exp(), members.exp().mean(0), atol=1e-9, rtol=1e-4)


@pytest.mark.parametrize("name", BINARY)
def test_every_member_is_trained_by_itself_and_every_set_of_masks_on_its_share(name):
    family = CASES[name].build()
    x = everything(family)
    parts = -family.head(family.outputs(x)).log_prob(x.flatten(1)).sum(-1)  # (parts, items)
    sets = family.options.masks
    by_set = parts.reshape(-1, sets, len(x)).mean(0)
    mine = torch.arange(len(x)) % sets == torch.arange(sets)[:, None]
    torch.testing.assert_close(family.train().loss(x), by_set[mine].sum() / len(x))
    torch.testing.assert_close(family.train().loss(x[:1]), by_set[0, 0])
    torch.testing.assert_close(family.eval().loss(x), -family.log_prob(x).mean())


def test_sets_of_masks_share_weights_and_differ_in_what_units_see():
    torch.manual_seed(0)
    one, many = (Made(FACTS, Made.Options(hidden=(16, 12), masks=masks)).eval() for masks in (1, 4))
    assert [p.shape for p in one.parameters()] == [p.shape for p in many.parameters()]
    for layer in many.members[0].layers:
        assert len({mask.numpy().tobytes() for mask in layer.masks}) == 4
        assert (layer.masks.sum(-1) > 0).all()  # no unit is disconnected
    again = Made(FACTS, Made.Options(hidden=(16, 12), masks=4)).eval()
    again.load_state_dict(many.state_dict())
    x = everything(again)[:50]
    assert torch.equal(again.log_prob(x), many.log_prob(x))
    nats = many.head(many.outputs(x)).log_prob(x.flatten(1)).sum((1, 2))
    assert len(set(nats.tolist())) == 4


@pytest.mark.parametrize("name", BINARY)
def test_the_compact_form_is_equal_and_smaller(name):
    dense, compact = CASES[name].build(), CASES[name].build()
    compact.compact()
    x = torch.randint(0, 2, (20, DIMS), generator=torch.Generator().manual_seed(0)).float()
    torch.testing.assert_close(compact.outputs(x), dense.outputs(x), atol=1e-4, rtol=1e-5)
    sets = dense.options.masks  # each gets its share of the weights
    assert sum(p.numel() for p in compact.parameters()) < sets * sum(p.numel() for p in dense.parameters())


def test_the_order_of_a_made_is_a_permutation_and_random_orders_differ():
    orders = {seed: Made(FACTS, Made.Options(order="random", order_seed=seed)).order.tolist() for seed in range(5)}
    assert all(sorted(order) == list(range(DIMS)) for order in orders.values())
    assert len(set(map(tuple, orders.values()))) > 1
    assert Made(FACTS, Made.Options()).order.tolist() == list(range(DIMS))


def test_members_take_the_orders_that_their_names_say():
    model = Made(
        Facts((1, 2, 3), "binary", 2), Made.Options(orders=("raster", "reversed", "columns", "random", "random"))
    )
    raster, backwards, columns, *drawn = (order.tolist() for order in model.orders)
    assert raster == [0, 1, 2, 3, 4, 5]
    assert backwards == [5, 4, 3, 2, 1, 0]
    assert columns == [0, 3, 1, 4, 2, 5]
    assert sorted(drawn[0]) == sorted(drawn[1]) == raster
    assert drawn[0] != drawn[1]
    assert model.order is None
    with pytest.raises(ValueError, match="residual blocks need a hidden layer"):
        Made.Options(hidden=(), blocks=1)


@pytest.mark.parametrize("name", ONE_ORDER)
def test_fixed_point_is_the_sequential_sample_bit_for_bit(name):
    family = CASES[name].build()
    u = torch.rand(64, DIMS, generator=torch.Generator().manual_seed(1))
    degrees = torch.linspace(0.3, 2.0, 64)
    fast, passes = fixed_point(family, u, temperature=degrees)
    assert torch.equal(fast, sequential(family, u, temperature=degrees, order=family.order))
    assert passes <= DIMS + 1


@pytest.mark.parametrize("name", MIXED)
def test_the_fixed_point_of_every_order_is_the_sequential_sample_of_its_member(name):
    family = CASES[name].build()
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


def test_known_truth_is_reached_and_not_beaten():
    truth = CASES["made"].build()
    x, _ = fixed_point(
        truth, torch.rand(20_000, DIMS, generator=torch.Generator().manual_seed(11)), temperature=torch.ones(20_000)
    )
    x_all = everything(truth)
    log_p = truth.log_prob(x_all).double()
    entropy = -float((log_p.exp() * log_p).sum())
    nats = -truth.log_prob(x).double()
    assert float(nats.mean()) == pytest.approx(entropy, abs=3 * float(nats.std()) / math.sqrt(len(x)))


@pytest.mark.parametrize("name", REAL)
def test_a_real_density_is_the_mean_of_the_densities_of_its_parts(name):
    family, x = CASES[name].build(), normal(50, 5)
    parts = family.head(family.outputs(x)).log_prob(x.double()).sum(-1)
    expected = torch.logsumexp(parts, 0) - torch.tensor(float(len(parts))).log()
    torch.testing.assert_close(family.log_prob(x).double(), expected, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("name", REAL)
def test_the_fixed_point_of_real_dimensions_is_the_sequential_sample_bit_for_bit(name):
    model, degrees = CASES[name].with_shape(6).build(), torch.linspace(0.3, 2.0, 64)
    component, eps = noise_of(model, 64, 1)[:2]
    for part, order in enumerate(model.orders):
        noise = [component, eps]
        if model.order is None:
            noise.append(torch.full((64,), (part + 0.5) / len(model.orders)))
        fast, passes = fixed_point(model, *noise, temperature=degrees)
        assert torch.equal(fast, sequential(model, *noise, temperature=degrees, order=order))
        assert passes <= 7


@pytest.mark.parametrize("name", ["made-real-residual-random-order", "made-real-masks", "made-real-in-two-orders"])
def test_raw_rows_reach_their_fixed_point_in_an_exported_graph_whoever_shares_the_batch(name):
    transform = Standardise(DataFacts("row", (6,)), Standardise.Options())
    transform.fit(np.random.default_rng(0).normal(1e3, 0.1, (50, 6)).astype(np.float32))
    model = CASES[name].with_shape(6).build()
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


@pytest.mark.parametrize("name", REAL)
def test_a_score_far_from_the_data_does_not_depend_on_rounding(name):
    model, x = CASES[name].with_shape(6).build(), 1e4 * normal(64, 6)
    exact = model.double().dim_log_prob(x.double())
    torch.testing.assert_close(CASES[name].with_shape(6).build().dim_log_prob(x).double(), exact, rtol=1e-6, atol=1e-3)
