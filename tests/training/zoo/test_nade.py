"""What is NADE's own: gradients by hand, and ensembles of orders over the same weights."""

import itertools

import pytest
import torch

from tests.training.zoo.cases import CASES, Case, having, in_one_order
from tests.training.zoo.checks import everything
from training.zoo.base import Facts, Known, bernoulli_log_prob, draw_bernoulli
from training.zoo.fvsbn import Fvsbn
from training.zoo.nade import Nade, conditionals, conditionals_by_block

FACTS, DIMS = Facts((1, 3, 3), "binary", 2), 9


@pytest.mark.parametrize("name", [name for name in having(Fvsbn) + having(Nade) if in_one_order(CASES[name])])
def test_one_loop_over_positions_is_the_sample_of_one_pass_per_position_also_in_single_precision(name):
    family = CASES[name].build()
    u = torch.rand(64, DIMS, generator=torch.Generator().manual_seed(1))
    degrees = torch.linspace(0.3, 2.0, 64)
    naive = torch.zeros(64, DIMS)
    for place in family.order:
        naive[:, place] = draw_bernoulli(family.logits(naive), u, degrees)[:, place]
    fast, _ = family.generate(u, temperature=degrees)
    assert torch.equal(fast.flatten(1), naive)


def test_every_row_of_an_ensemble_is_sampled_in_its_order_and_keeps_what_is_known_bit_for_bit():
    family, count = CASES["nade-in-three-orders"].build(), 60
    generator = torch.Generator().manual_seed(1)
    u, member = (item.draw(count, generator) for item in family.noise)
    degrees = torch.linspace(0.3, 2.0, count)
    known = Known(
        torch.rand(count, *FACTS.event_shape, generator=generator).round(), torch.rand(count, *FACTS.event_shape) < 0.3
    )
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
    family = CASES["nade-in-three-orders"].build()
    x = everything(family)
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
    orders = list(itertools.permutations(range(3)))
    family = Case("nade", Facts((1, 1, 3), "binary", 2), {"hidden": 7, "ensemble": len(orders)}).build()
    family.orders = torch.tensor(orders)
    family.places = torch.argsort(family.orders, 1)
    x = everything(family)
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
    names = {name for name, _ in Nade(FACTS, Nade.Options()).state_dict().items()}
    assert names == {"encoder", "encoder_bias", "decoder", "decoder_bias"}
