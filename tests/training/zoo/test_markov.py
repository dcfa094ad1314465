"""Markov chains: what is counted, what is forgotten, the entropy rate; as counts and as a table."""

import math

import pytest
import torch
from scipy.stats import chisquare

from tests.training.zoo.cases import CASES, MARKOV, Case, having
from tests.training.zoo.checks import everything
from training.zoo.base import Facts, Known
from training.zoo.markov import ConditionalTable, Interpolation, Markov, contexts, follow, shorten


def _facts(dims: int, levels: int) -> Facts:
    return Facts((dims,), "levels", levels)


def _case(name: str, form: str):
    model = CASES[name].build()
    if form == "table":
        model.compact()
        assert isinstance(model.chain, ConditionalTable)
    return model


@pytest.mark.parametrize("name", having(Markov))
def test_the_table_says_what_the_counts_say(name):
    counts, table = _case(name, "counts"), _case(name, "table")
    x = everything(counts)
    torch.testing.assert_close(table.dim_log_prob(x), counts.dim_log_prob(x))
    u = torch.rand(50, counts.dims, generator=torch.Generator().manual_seed(0))
    degrees = torch.linspace(0.3, 2, 50)
    assert torch.equal(counts.generate(u, temperature=degrees)[0], table.generate(u, temperature=degrees)[0])


def test_a_conditional_is_the_interpolated_count():
    model = Markov(_facts(3, 2), Markov.Options(orders=(1,), smoothings=("constant",), pseudo_counts=(0.5,)))
    x = torch.tensor([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
    model.fit(x, x, seed=0)
    one = (3 + 0.5 / 2) / (6 + 0.5)  # of six levels three are ones
    at_the_beginning = (0 + 0.5 * one) / (2 + 0.5)  # no sequence begins with a one
    after_zero = (2 + 0.5 * one) / (3 + 0.5)
    after_one = (1 + 0.5 * one) / (1 + 0.5)
    expected = torch.tensor([[1 - at_the_beginning, after_zero, after_one]]).log()
    torch.testing.assert_close(model.dim_log_prob(torch.tensor([[0.0, 1.0, 1.0]])), expected)


def test_a_context_with_more_followers_is_trusted_less():
    options = Markov.Options(orders=(1,), smoothings=("followers",), pseudo_counts=(2.0,))
    model = Markov(_facts(2, 3), options)
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 2.0], [1.0, 2.0]])
    model.fit(x, x, seed=0)
    two = (2 + 2 * 3 / 3) / (8 + 2 * 3)  # three levels occurred at all
    after_zero = (0 + 2 * 2 * two) / (2 + 2 * 2)  # two different ones after 0
    after_one = (2 + 2 * 1 * two) / (2 + 2 * 1)
    terms = model.dim_log_prob(torch.tensor([[0.0, 2.0], [1.0, 2.0]]))[:, 1]
    torch.testing.assert_close(terms, torch.tensor([after_zero, after_one]).log())


def test_a_context_that_never_occurred_is_worth_the_next_shorter_one():
    options = {"smoothings": ("constant",), "pseudo_counts": (1.0,)}
    long, short = (Markov(_facts(4, 3), Markov.Options(orders=(order,), **options)) for order in (3, 1))
    x = torch.tensor([[0.0, 1.0, 0.0, 1.0]] * 5)
    for model in (long, short):
        model.fit(x, x, seed=0)
    new = torch.tensor([[2.0, 2.0, 0.0, 1.0]])  # 2 2 0 and 2 0 never occurred, 0 did
    torch.testing.assert_close(long.dim_log_prob(new)[:, 3], short.dim_log_prob(new)[:, 3])


@pytest.mark.parametrize("form", ["counts", "table"])
def test_a_term_depends_on_the_dimensions_just_before_it_and_no_others(form):
    model = Case("markov", _facts(8, 3), {**MARKOV, "orders": (2,)}).build()
    if form == "table":
        model.compact()
    x = torch.randint(0, 3, (200, 8), generator=torch.Generator().manual_seed(0)).float()
    for place in range(8):
        changed = x.clone()
        changed[:, place] = (x[:, place] + 1) % 3
        moved = (model.dim_log_prob(changed) != model.dim_log_prob(x)).any(0)
        assert moved.tolist() == [place <= later <= place + 2 for later in range(8)]


def test_what_follows_the_end_is_certain():
    model = CASES["markov-with-an-end"].build()
    terms = model.dim_log_prob(torch.tensor([[1.0, 0, 0, 0, 0], [1.0, 0, 2, 0, 0]]))
    assert terms[0, 2:].tolist() == [0, 0, 0]
    assert terms[1].tolist()[2] == -math.inf
    assert torch.isfinite(terms[:, :2]).all()


def test_what_is_known_stays_and_the_rest_follows_it():
    model, count = _case("markov-by-followers", "table"), 30_000
    given = torch.tensor([2.0, 0.0, 0.0, 0.0, 0.0]).expand(count, 5)
    known = Known(given, torch.tensor([True, True, False, False, False]).expand(count, 5))
    u = torch.rand(count, 5, generator=torch.Generator().manual_seed(1))
    drawn, _ = model.generate(u, temperature=torch.ones(count), known=known)
    assert torch.equal(drawn[:, :2], given[:, :2])
    candidates = torch.tensor([[2.0, 0.0, level, 0.0, 0.0] for level in range(3)])
    expected = model.dim_log_prob(candidates)[:, 2].double().exp()
    observed = torch.bincount(drawn[:, 2].long(), minlength=3)
    assert chisquare(observed, expected * count / expected.sum()).pvalue > 1e-3


@pytest.mark.parametrize("order", [1, 2])
def test_the_entropy_rate_of_a_known_chain_is_found(order):
    levels, time, generator = 3, 100, torch.Generator().manual_seed(order)
    truth = torch.rand(levels**order, levels, generator=generator).pow(3).double() + 0.02
    truth /= truth.sum(1, keepdim=True)
    x = _simulated(truth, order, 900, time, generator)
    model = Markov(_facts(time, levels), Markov.Options(orders=(0, 1, 2, 3), pseudo_counts=(1.0,)))
    chosen = model.fit(x[:400], x[400:500], seed=0)
    assert chosen["order"] == order
    nats = -model.dim_log_prob(x[500:])[:, order:].double().mean(1)
    error = float(nats.std()) / math.sqrt(len(nats))
    assert float(nats.mean()) == pytest.approx(_entropy_rate(truth, levels), abs=3 * error)
    assert error < 0.01


def _simulated(truth: torch.Tensor, order: int, items: int, time: int, generator: torch.Generator) -> torch.Tensor:
    """Sequences of the chain with these conditionals, rows in base V, long after its beginning; (items, time)."""
    levels, warm_up = truth.shape[1], 30
    context, drawn = torch.zeros(items, dtype=torch.int64), []
    for _ in range(warm_up + time):
        level = torch.multinomial(truth[context], 1, generator=generator)[:, 0]
        context = (context * levels + level) % levels**order
        drawn.append(level)
    return torch.stack(drawn[warm_up:], 1).float()


def _entropy_rate(truth: torch.Tensor, levels: int) -> float:
    """Σ_c π(c) H(p(· | c)), π the stationary distribution of the contexts."""
    count = len(truth)
    move = torch.zeros(count, count, dtype=torch.float64)
    for context in range(count):
        for level in range(levels):
            move[context, (context * levels + level) % count] += truth[context, level]
    stationary = torch.linalg.matrix_power(move, 500)[0]
    return float(-(stationary[:, None] * truth * truth.log()).sum())


def test_numbers_of_contexts_are_followed_and_shortened_like_the_contexts():
    x = torch.randint(0, 3, (50, 7), generator=torch.Generator().manual_seed(0))
    for order in range(5):
        numbers = contexts(x, 3, order)
        torch.testing.assert_close(follow(numbers[:, :-1], x[:, :-1], 3, order), numbers[:, 1:])
        if order:
            assert torch.equal(shorten(numbers, 3, order), contexts(x, 3, order - 1))
    assert len(contexts(torch.cartesian_prod(*[torch.arange(3)] * 3), 3, 3)[:, 2].unique()) == 9


def test_many_levels_and_a_long_context_are_counted_without_a_table():
    model = Markov(_facts(50, 256), Markov.Options(orders=(3,)))
    x = torch.randint(0, 256, (20, 50), generator=torch.Generator().manual_seed(0)).float()
    model.fit(x, x, seed=0)
    model.compact()
    assert isinstance(model.chain, Interpolation)
    assert float(model.log_prob(x).mean()) > float(model.log_prob(x.flip(1)).mean()) + 50
    context = torch.randint(0, 256**2, (5,), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model.chain.conditionals(context).exp().sum(1), torch.ones(5))


@pytest.mark.parametrize(("levels", "options", "message"), [
    (256, {"orders": (8,)}, "no number of 64 bits"),
    (2, {"orders": (-1,)}, "at least 0"),
    (2, {"pseudo_counts": (0.0,)}, "above 0"),
])  # fmt: skip
def test_what_cannot_be_counted_is_refused(levels, options, message):
    with pytest.raises(ValueError, match=message):
        Markov(_facts(5, levels), Markov.Options(**options))
