"""Laws that every family obeys that can do what they are about; see ``cases`` for the families."""

import math

import pytest
import torch

from tests.training.zoo.cases import CASES, countable, having, in_one_order
from tests.training.zoo.checks import (
    assert_chi_square,
    choices,
    dependences,
    draw,
    everything,
    index_of,
    log_prob,
    noise_of,
    numbers,
    samples,
    score,
    told,
)
from training.evaluate.sampling import fixed_point, label_of, sequential
from training.zoo.base import (
    Autoregressive,
    CompletingSampler,
    ConditioningSampler,
    Density,
    DirectSampler,
    Encoder,
    FactorisedDensity,
    Family,
    FixedPointSampler,
    GradientTrained,
    Known,
    VariationalBound,
    takes_label,
)
from training.zoo.parts.conditionals import BinaryConditionals, DiscreteConditionals, draw_categorical

COUNT = 40_000  # samples of a chi-square test

EXACT = having(FactorisedDensity, where=countable)
ORDERED = having(Autoregressive, where=in_one_order)
SAMPLED = [name for name in EXACT if issubclass(CASES[name].type, DirectSampler | FixedPointSampler)]
COMPLETED = [name for name in ORDERED if issubclass(CASES[name].type, CompletingSampler | FixedPointSampler)]


def built(name: str, form: str = "eval") -> Family:
    """A case in training, in use, or in its compact form."""
    model = CASES[name].build()
    if form == "compact":
        model.compact()
    return model.requires_grad_(False).train(form == "train")


def some(model: Family, most: int) -> torch.Tensor:
    """At most about so many of all x, evenly spread; random ones of real numbers."""
    if not model.facts.levels:
        return torch.randn(most, *model.event_shape, generator=torch.Generator().manual_seed(0))
    x = everything(model)
    return x[:: max(1, len(x) // most)]


@pytest.mark.parametrize("form", ["eval", "compact"])
@pytest.mark.parametrize("name", EXACT)
def test_probabilities_sum_to_one_whatever_the_label(name, form):
    model = built(name, form)
    x = everything(model)
    for choice in choices(model):
        found = log_prob(model, x, choice)
        assert float(torch.logsumexp(found, 0)) == pytest.approx(0, abs=2e-5)
        assert float(found.exp().max()) < 0.999


@pytest.mark.parametrize("name", having(FactorisedDensity))
def test_terms_have_the_shape_of_x_and_sum_to_the_log_density(name):
    model, x = built(name), CASES[name].data(50, seed=3)[0]
    terms = model.dim_log_prob(x)
    assert terms.shape == x.shape
    torch.testing.assert_close(terms.flatten(1).sum(1), model.log_prob(x))


@pytest.mark.parametrize("name", ORDERED)
@pytest.mark.parametrize("form", ["train", "eval", "compact"])
def test_a_conditional_depends_on_earlier_dimensions_only(name, form):
    model = built(name, form)
    found = dependences(model, some(model, 64))
    assert not found.triu().any()
    assert found[1:].any(1).all() == (not CASES[name].independent)
    if CASES[name].sees_everything:
        assert found[torch.tril_indices(model.dims, model.dims, -1).unbind()].all()


@pytest.mark.parametrize("name", ORDERED)
def test_a_change_of_the_future_changes_nothing_before_it(name):
    model = built(name)
    x, levels = some(model, 16), model.facts.levels
    expected = numbers(model, x)
    for place in range(model.dims):
        changed, future = x.flatten(1).clone(), model.order[place:]
        changed[:, future] = levels - 1 - changed[:, future] if levels else 1e30  # NaN times 0 would be NaN
        now = model.order[: place + 1]
        torch.testing.assert_close(
            numbers(model, changed.reshape(x.shape))[:, now], expected[:, now], atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize("name", SAMPLED)
def test_samples_follow_the_density_of_their_label(name):
    model = built(name)
    x, labels = everything(model), choices(model)
    for choice in labels if len(labels) == 1 else (labels[0], labels[-1]):
        drawn = samples(model, COUNT, 7, **told(choice, COUNT))
        observed = torch.bincount(index_of(drawn, model.facts.levels), minlength=len(x))
        assert_chi_square(observed, log_prob(model, x, choice).exp() * COUNT)


@pytest.mark.parametrize("name", having(FixedPointSampler, Autoregressive, where=in_one_order))
def test_the_fixed_point_is_the_sequential_sample_bit_for_bit(name):
    model, count = built(name).double(), 64
    noise = [array.double() for array in noise_of(model, count, 1)]
    degrees, label = torch.linspace(0.3, 2.0, count, dtype=torch.float64), label_of(model, count)
    fast, passes = fixed_point(model, *noise, temperature=degrees, **label)
    slow = sequential(model, *noise, temperature=degrees, order=model.order, **label)
    assert passes <= model.dims + 1
    assert torch.equal(fast, slow)


def _shows_logits(name: str) -> bool:
    return issubclass(CASES[name].type, BinaryConditionals | DiscreteConditionals)


@pytest.mark.parametrize("name", filter(_shows_logits, having(DirectSampler, Autoregressive, where=in_one_order)))
def test_one_loop_over_positions_is_the_sample_of_one_pass_per_position_bit_for_bit(name):
    model, count = built(name).double(), 64
    (u,) = (array.double() for array in noise_of(model, count, 1))
    degrees, label = torch.linspace(0.3, 2.0, count, dtype=torch.float64), label_of(model, count)
    fast, _ = model.generate(u, temperature=degrees, **label)
    slow = torch.zeros(count, model.dims, dtype=torch.float64)
    for place in model.order:
        x = slow.reshape(count, *model.event_shape)
        logits = model.logits(x, **label) if label or isinstance(model, DiscreteConditionals) else numbers(model, x)
        slow[:, place] = draw_categorical(logits, u, degrees)[:, place]
    assert torch.equal(fast.double().flatten(1), slow)


@pytest.mark.parametrize("name", [name for name in COMPLETED if countable(CASES[name])])
def test_what_is_known_stays_and_the_rest_follows_its_conditional(name):
    model = built(name)
    check_completion(model, model.order[: max(1, model.dims // 2)])


@pytest.mark.parametrize("name", having(ConditioningSampler, where=countable))
def test_whatever_is_known_stays_and_the_rest_follows_its_conditional(name):
    model = built(name)
    check_completion(model, torch.arange(1, model.dims, 2))


def check_completion(model: Family, seen: torch.Tensor) -> None:
    """Samples given the dimensions ``seen`` of one item."""
    x, shape = everything(model), (COUNT, *model.event_shape)
    mask = torch.zeros(model.dims, dtype=torch.bool)
    mask[seen] = True
    tried = samples(model, 20, 3)
    end = -1 if model.facts.end is None else model.facts.end
    known = tried[(tried.flatten(1)[:, seen] != end).all(1)][:1]  # which leaves something to draw
    rows = Known(known.expand(shape), mask.reshape(model.event_shape).expand(shape))
    drawn = samples(model, COUNT, 5, known=rows)
    assert torch.equal(drawn.flatten(1)[:, seen], known.flatten(1)[:, seen].expand(COUNT, -1))
    agrees = (x.flatten(1)[:, seen] == known.flatten(1)[:, seen]).all(1)
    joint = torch.where(agrees, log_prob(model, x).exp(), 0)
    observed = torch.bincount(index_of(drawn, model.facts.levels), minlength=len(x))
    assert_chi_square(observed, joint / joint.sum() * COUNT)


@pytest.mark.parametrize("name", having(GradientTrained))
def test_gradient_reaches_every_parameter_from_the_loss_of_the_player_that_moves_it(name):
    model = built(name, "train").requires_grad_(True)
    x, label = CASES[name].data(16, seed=2)
    moved = []
    for player in model.players:
        model.zero_grad()
        torch.manual_seed(0)
        for _ in range(4):  # a label is sometimes hidden, and then its embedding gets no gradient
            dealt = model.deal(x, **({"label": label} if takes_label(model) else {}))
            player.loss(**dealt).loss.backward()
        moved += [parameter for module in player.moves for parameter in module.parameters()]
        named = [pair for module in player.moves for pair in module.named_parameters()]
        assert [n for n, p in named if p.grad is None or not p.grad.abs().sum() > 0] == []
    assert {id(parameter) for parameter in moved} == {id(parameter) for parameter in model.parameters()}


@pytest.mark.parametrize("name", CASES)
def test_an_item_does_not_depend_on_its_batch_mates(name):
    model = built(name)
    mates = [CASES[name].data(5, seed)[0] for seed in (3, 4)]
    mates[1][0] = mates[0][0]
    noise = [noise_of(model, 5, seed) for seed in (3, 4)]
    for own, other in zip(*noise, strict=True):
        other[0] = own[0]
    outputs = []
    for x, random in zip(mates, noise, strict=True):
        row = [draw(model, random, torch.ones(5))[0][0]] if model.sampler else []
        if isinstance(model, Density):
            row.append(score(model, x)[0])
        if isinstance(model, Encoder):
            row.append(model.embed(x)[0])
        outputs.append(row)
    for first, second in zip(*outputs, strict=True):
        torch.testing.assert_close(first, second, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_what_is_saved_is_what_is_loaded(name):
    model, again = built(name), CASES[name].fresh()
    again.load_state_dict(model.state_dict())
    again.eval().requires_grad_(False)
    x = CASES[name].data(20, seed=3)[0]
    if model.sampler:
        assert torch.equal(samples(model, 20, 1), samples(again, 20, 1))
    if isinstance(model, Density):
        assert torch.equal(score(model, x), score(again, x))
    if isinstance(model, Encoder):
        assert torch.equal(model.embed(x), again.embed(x))


@pytest.mark.parametrize("name", [name for name in SAMPLED if not CASES[name].scales])
def test_a_cold_sample_is_more_likely_than_a_warm_one(name):
    model, count = built(name), 400
    noise, label = noise_of(model, count, 2), label_of(model, count)
    colder, usual = (
        float(model.log_prob(draw(model, noise, torch.full((count,), degrees), **label)[0]).mean())
        for degrees in (0.2, 1.0)
    )
    assert colder > usual + 0.1 * math.log(2)


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].fresh().sampler])
def test_a_cold_sample_is_less_varied(name):
    model, count = built(name), 256
    spreads = []
    for temperature in (0.05, 1.0):
        x, mean = draw(model, noise_of(model, count, 0), torch.full((count,), temperature))
        spreads.append(float((x if mean is None else mean).flatten(1).std(0).mean()))
    assert spreads[0] < spreads[1]


@pytest.mark.parametrize("name", having(VariationalBound))
def test_bounds_are_in_order_and_tighten_to_a_density(name):
    model, generator = built(name), torch.Generator().manual_seed(2)
    x, latent = everything(model), model.latent_size

    def average(draws: int, repeats: int) -> torch.Tensor:
        found = [
            model.importance_weighted_bound(x, torch.randn(draws, latent, generator=generator)) for _ in range(repeats)
        ]
        return torch.stack(found).double().mean(0)

    elbo = torch.stack([model.elbo(x, torch.randn(len(x), latent, generator=generator)) for _ in range(4000)])
    elbo, five, fifty, many = elbo.double().mean(0), average(5, 2000), average(50, 1000), average(5000, 20)
    assert (elbo <= five + 0.02).all()
    assert (five <= fifty + 0.02).all()
    assert (fifty <= many + 0.02).all()
    assert float(torch.logsumexp(many, 0)) == pytest.approx(0, abs=0.02)
    assert float((many - elbo).mean()) > 0.1  # the order above was not trivial
