"""Columns are recognised by their values, and the map of each has the density that it claims."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import cauchy

from training.transforms import DataFacts
from training.transforms.column import examine
from training.transforms.columns import Columns
from training.zoo import FAMILIES
from training.zoo.base import Facts

random = np.random.default_rng(0)
ROWS = 2000
PLAIN = random.normal(1e3, 5, ROWS)
HEAVY = 10 * random.standard_t(1.2, ROWS) + 3
SKEWED = np.exp(random.normal(0, 2, ROWS))
WHOLE = random.poisson(3, ROWS).astype(float)
TENTHS = np.round(random.normal(0, 2, ROWS), 1)
CATEGORY = random.choice([0.0, 1.0, 5.0], ROWS)
TABLE = {
    "plain": PLAIN, "heavy": HEAVY, "skewed": SKEWED, "whole": WHOLE, "tenths": TENTHS, "category": CATEGORY,
}  # fmt: skip


def fitted(*columns: np.ndarray, **options: float) -> tuple[Columns, torch.Tensor]:
    raw = np.stack(columns, 1).astype(np.float32)
    transform = Columns(DataFacts("row", raw.shape[1:]), Columns.Options(**options))
    transform.fit(raw)
    return transform, torch.from_numpy(raw)


@pytest.mark.parametrize(
    ("name", "bent", "quantum"),
    [
        ("plain", False, 0),
        ("heavy", True, 0),
        ("skewed", True, 0),
        ("whole", False, 1),
        ("tenths", False, 0.1),
        ("category", False, 1),
    ],
)
def test_columns_are_recognised_by_their_values(name, bent, quantum):
    found = examine(TABLE[name].astype(np.float32).astype(np.float64), bend=True)
    assert (found.bent, found.constant) == (bent, False)
    assert found.quantum == pytest.approx(quantum, rel=1e-4)
    assert found.lattice == (quantum > 0)


def test_values_that_repeat_without_even_spacing_have_the_usual_gap_as_quantum():
    found = examine(random.choice([0.0, 1.0, 2.5, 3.1, 4.6], ROWS), bend=True)
    assert (found.quantum, found.lattice) == (pytest.approx(1.25), False)


def test_bending_can_be_forbidden():
    assert not examine(HEAVY, bend=False).bent


def test_what_is_fitted_is_standardised_and_comes_back():
    transform, raw = fitted(*TABLE.values())
    x = transform(raw)
    assert x.dtype == torch.float32
    torch.testing.assert_close(x.mean(0), torch.zeros(6), atol=1e-4, rtol=0)
    torch.testing.assert_close(x.std(0, correction=0), torch.ones(6), atol=1e-3, rtol=0)
    back = transform.inverse(x)
    torch.testing.assert_close(back, raw, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(back[:, 3:], raw[:, 3:], rtol=0, atol=1e-6)  # evenly spaced values come back as such


def test_samples_of_repeating_columns_are_values_that_occur_in_the_data():
    transform, _ = fitted(WHOLE, TENTHS)
    drawn = transform.inverse(torch.randn(500, 2, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(drawn[:, 0], drawn[:, 0].round())
    torch.testing.assert_close(10 * drawn[:, 1], (10 * drawn[:, 1]).round(), atol=1e-4, rtol=0)


def test_the_log_determinant_is_that_of_the_jacobian():
    """Of columns whose values do not lie apart; others have probabilities, which no map changes."""
    transform, raw = fitted(PLAIN, HEAVY, SKEWED)
    for row in raw[:20]:
        jacobian = torch.autograd.functional.jacobian(
            lambda values: transform._standardised(values[None])[0], row.double()
        )
        claimed = transform.log_det_of(transform(row[None]), row[None])
        torch.testing.assert_close(torch.linalg.slogdet(jacobian)[1][None], claimed, atol=1e-4, rtol=1e-5)


def test_the_density_of_a_bent_column_integrates_to_one():
    transform, _ = fitted(HEAVY)
    edges = torch.sinh(torch.linspace(-16, 16, 40_001, dtype=torch.float64)) * transform.scale + transform.centre
    middle = ((edges[1:] + edges[:-1]) / 2)[:, None]
    x = transform._standardised(middle)
    terms = torch.distributions.Normal(0.0, 1.0).log_prob(x)
    log_p = transform.raw_terms(terms, x, middle)[:, 0]
    assert transform.bent.all()
    assert float((log_p.exp() * edges.diff()).sum()) == pytest.approx(1, abs=1e-4)


def test_a_constant_column_is_certain_of_its_value_and_spreads_the_rest():
    transform, _ = fitted(np.full(99, 7.0), np.arange(99.0))
    raw = torch.tensor([[7.0, 3.0], [8.0, 3.0], [1e9, 3.0]])
    x = transform(raw)
    terms = transform.raw_terms(torch.full_like(x, -0.5), x, raw)
    assert x[:, 0].tolist() == [0, 0, 0]  # what is modelled does not see the change
    assert torch.equal(terms[0, 1], terms[1, 1])
    expected = [math.log(0.99), math.log(0.01) + cauchy.logpdf(8, 7, 7), math.log(0.01) + cauchy.logpdf(1e9, 7, 7)]
    torch.testing.assert_close(terms[:, 0], torch.tensor(expected, dtype=torch.float64))
    assert transform.inverse(torch.randn(5, 2))[:, 0].tolist() == [7.0] * 5


def test_a_value_never_seen_in_a_constant_column_is_the_most_surprising_row():
    transform, raw = fitted(np.zeros(ROWS), PLAIN, WHOLE)
    family = FAMILIES["gmm"](Facts((3,), "real"), FAMILIES["gmm"].Options(components=(1,), restarts=1))
    view = transform.training_view(raw)
    family.fit(view, view, 0)
    changed = raw.clone()
    changed[:, 0] = 0.01

    def log_prob(rows: torch.Tensor) -> torch.Tensor:
        x = transform(rows)
        return transform.raw_terms(family.dim_log_prob(x), x, rows).sum(1)

    assert (log_prob(changed) < log_prob(raw) - 7).all()


def test_values_that_lie_apart_have_the_slope_of_none():
    transform, raw = fitted(WHOLE, TENTHS, CATEGORY)
    assert torch.equal(transform.log_det_of(transform(raw), raw), torch.zeros(ROWS, dtype=torch.float64))
    assert transform.cells.apart == (0, 1, 2)
    assert transform.cells.counted == (2,)


def test_repeating_columns_are_blurred_by_a_quantum_in_training_and_in_no_score():
    transform, raw = fitted(WHOLE, PLAIN)
    torch.manual_seed(0)
    view = transform.training_view(raw)
    noise = (view - transform(raw)) * transform.std * transform.scale
    assert float(noise[:, 0].abs().max()) <= 0.5 + 1e-3
    assert float(noise[:, 0].std()) == pytest.approx(12**-0.5, rel=0.03)
    assert float(noise[:, 1].abs().max()) < 1e-3
    assert torch.equal(transform(raw), transform(raw))
    assert "1 repeating columns" in transform.protocol


def test_smoothing_adds_noise_of_its_width_in_standardised_units():
    transform, raw = fitted(PLAIN, blur=0.2)
    torch.manual_seed(0)
    noise = transform.training_view(raw) - transform(raw)
    assert float(noise.std()) == pytest.approx(0.2, rel=0.05)


def test_values_far_outside_stay_finite_both_ways():
    transform, _ = fitted(*TABLE.values())
    raw = torch.full((1, 6), 3e38)
    x = transform(raw)
    assert torch.isfinite(x[:, 1:]).all()
    assert torch.isfinite(transform.log_det_of(x[:, :], raw)).all()
    assert torch.isfinite(transform.inverse(torch.full((1, 6), 1e6))).all()
