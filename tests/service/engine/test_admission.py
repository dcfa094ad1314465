"""Laws of admission: never more than the bound, nothing leaks, and the refusal says when to come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pofx.errors import TooLarge
from service.engine.admission import Admission
from service.errors import Overloaded


@given(st.lists(st.floats(0.1, 100), max_size=30))
def test_pending_never_exceeds_the_bound_and_returns_to_zero(requests):
    admission, held = Admission(100.0), []
    for mflop in requests:
        ticket = admission.ticket(mflop)
        try:
            ticket.__enter__()
        except Overloaded:
            continue
        held.append(ticket)
        assert admission.pending <= 100.0 + 1e-9
    for ticket in held:
        ticket.__exit__(None, None, None)
    assert admission.pending == pytest.approx(0.0, abs=1e-9)


def test_many_singles_and_one_bulk_meet_the_same_bound():
    admission = Admission(10.0)
    tickets = [admission.ticket(1.0) for _ in range(10)]
    for ticket in tickets:
        ticket.__enter__()
    with pytest.raises(Overloaded), admission.ticket(1.0):
        pass
    with pytest.raises(TooLarge), admission.ticket(11.0):
        pass


def test_retry_after_follows_the_measured_throughput():
    admission = Admission(100.0)
    admission.observe(mflop=10.0, seconds=1.0)
    with admission.ticket(95.0), pytest.raises(Overloaded) as refused, admission.ticket(10.0):
        pass
    assert refused.value.retry_after_s == 10
