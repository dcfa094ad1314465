"""Rows that miss other columns become comparable, and complete rows stay as they are."""

import torch

from training.statistics.averages import Averages
from training.statistics.base import Evidence

TERMS = torch.tensor([[-1.0, -10.0, -3.0], [-2.0, 0.0, -5.0], [-3.0, -30.0, 0.0]])
MISSING = torch.tensor([[False, False, False], [False, True, False], [False, False, True]])


def evidence(terms=TERMS, missing=MISSING):
    tail = torch.where(missing, 0.0, 2.0).sum(1)
    return Evidence(torch.zeros_like(terms), terms.sum(1), terms, tail=tail, missing=missing)


def fitted():
    averages = Averages(3)
    averages.fit(evidence())
    return averages


def test_complete_rows_stay_as_they_are_to_the_bit():
    found = fitted()(evidence())
    assert torch.equal(found.terms[0], TERMS[0])
    assert found.log_prob[0] == TERMS[0].sum()
    assert found.tail[0] == 6


def test_a_missing_column_counts_as_it_does_on_average_where_it_is_there():
    found = fitted()(evidence())
    assert found.terms[1].tolist() == [-2, -20, -5]
    assert found.terms[2].tolist() == [-3, -30, -4]
    assert found.log_prob.tolist() == [-14, -27, -37]
    assert torch.allclose(found.tail, torch.full((3,), 6.0))


def test_impossible_items_do_not_spoil_the_averages():
    averages, spoilt = Averages(3), TERMS.clone()
    spoilt[0, 0] = -torch.inf
    averages.fit(evidence(spoilt))
    assert averages.terms[0] == -2.5
    assert averages.terms.isfinite().all()
