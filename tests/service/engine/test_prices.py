"""Laws of prices: what a call takes is learnt from calls, whatever was thought before, and hardly from accidents."""

import numpy as np
import pytest

from service.engine.prices import Price, Prices

TRUE = Price(2e-3, 1e-4)
SIZES = np.random.default_rng(0).integers(1, 200, 400)


def observed(calls, price):
    for rows, seconds in calls.items():
        price.observe(rows, seconds)
    return price


@pytest.mark.parametrize("guess", [1e-9, 1e-5, 1.0])
def test_the_first_calls_replace_the_guess(guess):
    found = observed({rows: TRUE.seconds(rows) for rows in (1, 8, 64)}, Price(guess, guess))
    assert (found.call_s, found.row_s) == pytest.approx((TRUE.call_s, TRUE.row_s), rel=0.01)
    assert observed({1: 3.0}, Price(guess, guess)).seconds(1) == pytest.approx(3.0)
    assert observed({1: 1e-3, 8: 0.9e-3}, Price(guess, guess)).seconds(8) == pytest.approx(0.95e-3, rel=0.1)
    padded = observed({1: 0.4, 8: 0.8}, Price(guess, guess, multiple=4))
    assert [padded.seconds(rows) for rows in (1, 4, 5, 8)] == pytest.approx([0.4, 0.4, 0.8, 0.8])


@pytest.mark.parametrize("wrong", [1e-3, 0.1, 10, 1e3])
def test_a_wrong_price_is_corrected(wrong):
    price = Price(TRUE.call_s * wrong, TRUE.row_s * wrong, seen=1000)
    for rows in SIZES:
        price.observe(rows, TRUE.seconds(rows))
    for rows in (1, 10, 200):
        assert price.seconds(rows) == pytest.approx(TRUE.seconds(rows), rel=0.25)


def test_calls_of_one_size_hardly_change_what_is_known_of_others():
    price = observed({rows: TRUE.seconds(rows) for rows in (1, 8, 64)}, Price(1e-3, 1e-3))
    for _ in range(200):
        price.observe(60, 2 * TRUE.seconds(60))
    assert price.seconds(60) == pytest.approx(2 * TRUE.seconds(60), rel=0.01)
    assert TRUE.seconds(1) / 2 < price.seconds(1) < 4 * TRUE.seconds(1)


def test_an_interrupted_call_changes_little():
    price = observed({rows: TRUE.seconds(rows) for rows in (1, 8, 64)}, Price(1e-3, 1e-3))
    price.observe(10, 1000 * TRUE.seconds(10))
    assert price.seconds(10) < 2 * TRUE.seconds(10)


def test_prices_are_measured_and_not_those_of_the_manifest(app):
    """The tiny graphs say 0.01 MFLOP a row, whatever they do."""
    prices = Prices()
    for model in app.state.services.registry.all():
        for graph in model.graphs.values():
            guess = prices.of(graph).seconds(1)
        prices.measure(model)
        for graph in model.graphs.values():
            assert prices.of(graph).seen > 0
            assert prices.of(graph).seconds(1) != guess
