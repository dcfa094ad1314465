"""Rates as they are written in messages can be asked for."""

import pytest

import bundle


@pytest.mark.parametrize("n", [1, 2, 9, 19, 36, 99, 107, 999, 1000, 4800, 123456])
@pytest.mark.parametrize("promise", ["marginal", "pac"])
def test_a_written_rate_is_enough_and_hardly_more(n, promise):
    rate = bundle.smallest_alpha(n)[promise]
    written = float(bundle.at_least(rate))
    assert rate <= written * (1 + 1e-9)
    assert written <= rate * 1.01


@pytest.mark.parametrize(("rate", "text"), [(1 / 37, "0.0271"), (0.01, "0.01"), (1 / 4801, "0.000209"), (0.5, "0.5")])
def test_three_digits_rounded_up(rate, text):
    assert bundle.at_least(rate) == text
