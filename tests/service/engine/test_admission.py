"""Laws of admission: what is let in can be done in time, nothing leaks, and a refusal says what would do, or when."""

from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pofx.errors import TooLarge
from service.engine.admission import Admission, Sharing
from service.engine.demand import Demand
from service.engine.prices import Price
from service.engine.work import Limits
from service.errors import Overloaded

DEADLINE = 12.0  # ten seconds and some to spare
LIMITS = Limits(step_s=0.01, rows=512, small_s=0.02)


class Graph(SimpleNamespace):
    """Something to remember by."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


GRAPH = Graph()


def admission(lanes=1, pace=1.0):
    return Admission(LIMITS, lanes, lambda: pace, clock=lambda: 0.0)


def demand(seconds, graph=GRAPH, doubt=1.0):
    """A thousand calls of one row."""
    return Demand(graph, Price(1e-9, seconds / 1000), 1, 1000.0, doubt)


def rows(n, row_s, graph=GRAPH):
    return Demand(graph, Price(1e-9, row_s), n, 1.0)


@given(st.lists(st.floats(0.001, 12), max_size=30), st.integers(1, 4))
def test_what_is_let_in_is_done_in_time_and_nothing_leaks(requests, lanes):
    """Sharing equally, everyone is done by the deadline, which is the same for all."""
    found, held = admission(lanes), []
    with ExitStack() as stack:
        for seconds in requests:
            try:
                held.append(stack.enter_context(found.ticket(demand(seconds), DEADLINE)))
            except (Overloaded, TooLarge):
                continue
        assert found.pending_s <= 10.0 * lanes * (1 + 1e-6)
        assert found.requests == len(held)
    assert (found.pending_s, found.requests) == (0.0, 0)


@given(st.lists(st.floats(0.001, 12), min_size=1, max_size=30))
def test_sharing_is_what_equal_turns_give(needs):
    """Told in closed form, and by turns of the one that is left with least, all the others being as far."""
    sharing, now, before = Sharing(needs), 0.0, 0.0
    for place, need in enumerate(sorted(needs)):
        now += (need - before) * (len(needs) - place)
        before = need
        assert sharing.until(need) == pytest.approx(now)


def test_what_can_never_be_in_time_is_refused_with_the_n_that_can():
    with (
        pytest.raises(TooLarge, match=r"at most 999 at a time") as refused,
        admission().ticket(rows(5000, 0.01), DEADLINE),
    ):
        pass
    most = refused.value.extra["max_n"]
    with admission().ticket(rows(most, 0.01), DEADLINE):
        pass
    with pytest.raises(TooLarge, match="not even one"), admission().ticket(rows(2, 11.0), DEADLINE):
        pass


def test_beside_other_programs_everything_takes_longer():
    with admission(pace=4.0).ticket(rows(200, 0.01), DEADLINE):
        pass
    with (
        pytest.raises(TooLarge, match="n = 300 would take about 14 s, 12 s are left") as refused,
        admission(pace=4.0).ticket(rows(300, 0.01), DEADLINE),
    ):
        pass
    assert refused.value.extra["max_n"] == 249


def test_lanes_share_the_rows_of_one_request():
    with admission(lanes=2).ticket(rows(1900, 0.01), DEADLINE):
        pass
    with pytest.raises(TooLarge), admission(lanes=1).ticket(rows(1900, 0.01), DEADLINE):
        pass


def test_what_worked_once_is_not_refused_because_an_estimate_was_learnt():
    found = admission()
    with found.ticket(rows(100, 0.01), DEADLINE):
        pass
    with found.ticket(rows(100, 5.0), DEADLINE):
        pass
    with pytest.raises(TooLarge) as refused, found.ticket(rows(101, 5.0), DEADLINE):
        pass
    assert refused.value.extra["max_n"] == 100
    with pytest.raises(TooLarge), found.ticket(rows(100, 5.0, Graph()), DEADLINE):
        pass


def test_a_guess_is_doubted():
    with admission().ticket(demand(15.0, doubt=2.0), 24.0):
        pass
    with pytest.raises(TooLarge), admission().ticket(demand(45.0, doubt=2.0), 24.0):
        pass


def test_a_newcomer_does_not_break_the_promise_to_those_who_are_in():
    """Alone the newcomer would be done in time, and so it would beside the other one, which would not."""
    found = admission()
    with found.ticket(demand(8.9), DEADLINE):
        with pytest.raises(Overloaded) as refused, found.ticket(demand(5.0), 100.0):
            pass
        assert refused.value.retry_after_s == 5
        with found.ticket(demand(0.5), DEADLINE):
            pass


def test_small_requests_pass_those_that_are_large():
    found = admission()
    with found.ticket(demand(9.9), DEADLINE), found.ticket(demand(0.01), 0.1):
        pass


def test_what_was_done_already_counts_no_more():
    found = admission()
    with found.ticket(demand(9.0), DEADLINE) as first:
        first.slot = SimpleNamespace(progress=0.9)
        assert found.pending_s == pytest.approx(0.9)
        with found.ticket(demand(5.0), DEADLINE):
            pass
