"""Laws of p-values: never too small, super-uniform for exchangeable data, monotone, defined for infinities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.rules.conformal import p_values
from pofx.use.sizes import Size, check_alpha, smallest_p_value

floats = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)


def statistic(tail):
    return bundle.Statistic(name="s", unit="nats", tail=tail, description="s")


@given(calibration=floats, values=floats, tail=st.sampled_from(["low", "high"]))
def test_a_p_value_is_the_count_it_claims_to_be(calibration, values, tail):
    ordered = np.sort(np.array(calibration))
    found = p_values(tail, ordered, np.array(values))
    for value, p in zip(values, found, strict=True):
        extreme = sum(c <= value for c in calibration) if tail == "low" else sum(c >= value for c in calibration)
        assert p == (1 + extreme) / (len(calibration) + 1)
    assert found.min() >= smallest_p_value(len(calibration))
    assert found.max() <= 1


@pytest.mark.parametrize("tail", ["low", "high"])
def test_false_alarms_stay_below_alpha(tail):
    random = np.random.default_rng(0)
    rates = []
    for _ in range(200):
        calibration, fresh = np.sort(random.standard_normal(199)), random.standard_normal(200)
        rates.append((p_values(tail, calibration, fresh) <= 0.05).mean())
    assert np.mean(rates) <= 0.055


def test_infinities_have_p_values_and_nan_has_none():
    found = p_values("low", np.arange(9.0), np.array([-np.inf, np.inf, np.nan]))
    assert found[0] == 0.1
    assert found[1] == 1.0
    assert np.isnan(found[2])


@given(st.integers(1, 10_000))
def test_alpha_is_refused_exactly_when_it_can_never_fire(n):
    check_alpha(smallest_p_value(n), Size(n))
    with pytest.raises(RequestInvalid) as refused:
        check_alpha(smallest_p_value(n) * 0.999, Size(n))
    assert refused.value.extra["calibration_n_needed"] >= n
