"""Rates as they are written in messages can be asked for."""

import pytest

from pofx.rules.promises import at_least, smallest_alpha


@pytest.mark.parametrize("n", [1, 2, 9, 19, 36, 99, 107, 999, 1000, 4800, 123456])
@pytest.mark.parametrize("promise", ["marginal", "pac"])
def test_a_written_rate_is_enough_and_hardly_more(n, promise):
    rate = smallest_alpha(n)[promise]
    written = float(at_least(rate))
    assert rate <= written * (1 + 1e-9)
    assert written <= rate * 1.01


@pytest.mark.parametrize(("rate", "text"), [(1 / 37, "0.0271"), (0.01, "0.01"), (1 / 4801, "0.000209"), (0.5, "0.5")])
def test_three_digits_rounded_up(rate, text):
    assert at_least(rate) == text


@pytest.mark.parametrize("n", [1, 20, 299, 10_000])
def test_the_smallest_alphas_are_the_ones_that_can_fire_once(n):
    found = smallest_alpha(n)
    assert found["marginal"] == 1 / (n + 1)
    assert 1 - (1 - found["pac"]) ** n == pytest.approx(0.95, abs=1e-7)
    assert found["pac"] >= found["marginal"]
    assert smallest_alpha(299)["pac"] == pytest.approx(0.01, rel=0.01)
