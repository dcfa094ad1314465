"""Laws of the policy, by simulation in virtual time: no thread, no clock, no arrays."""

import heapq
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.policy import Policy, room
from service.engine.prices import Price
from service.engine.work import Limits

LIMITS = Limits(step_s=0.01, rows=512, small_s=0.02)


@dataclass(eq=False)
class Use:
    """``rows`` at a time, ``steps`` times over; the true cost of a step is that of ``true``."""

    model: str
    rows: int
    steps: int = 1
    at: float = 0.0
    price: Price = field(default_factory=lambda: Price(1e-4, 1e-4))
    true: Price | None = None
    positions: bool = False
    company: bool = True
    taken: int = 0
    used_s: float = 0.0
    number: int = 0
    done: int = 0
    step: int = 0
    finished: float | None = None
    pieces: list = field(default_factory=list)

    @property
    def key(self):
        return (self.model, self.step if self.positions else None, None if self.company else self)

    @property
    def expected_s(self):
        return self.steps * self.price.seconds(self.rows)

    @property
    def alone_s(self):
        """Seconds on one lane without anybody else, in steps of any size."""
        return self.steps * (self.true or self.price).seconds(self.rows)

    def settle(self, rows, now):
        """Whether it goes on with another step."""
        self.done += rows
        if self.done < self.rows:
            return False
        self.taken = self.done = 0
        self.step += 1
        self.finished = now if self.step == self.steps else None
        return self.finished is None


class Wrong(Price):
    """Never corrected."""

    def observe(self, rows, seconds):
        """Learns nothing."""


def simulate(uses, lanes=1, limits=LIMITS, until=1e9):
    """Runs them in virtual time; yields (start, seconds, turn) of every turn."""
    policy, turns = Policy(limits, lanes), []
    arrivals = sorted(uses, key=lambda use: use.at)
    free, running, now = lanes, [], 0.0
    while now < until:
        while arrivals and arrivals[0].at <= now:
            policy.add(arrivals.pop(0))
        while free and policy:
            if not (turn := policy.take(lambda _: False)):
                break  # what is free is left to small ones
            price = turn.batch[0].job.true or turn.batch[0].job.price
            seconds = price.seconds(turn.rows)
            heapq.heappush(running, (now + seconds, len(turns), turn, seconds))
            turns.append((now, seconds, turn))
            free -= 1
        ends = [running[0][0]] if running else []
        coming = [arrivals[0].at] if arrivals else []
        if not ends and not coming:
            break
        now = min(ends + coming)
        while running and running[0][0] <= now:
            _, _, turn, seconds = heapq.heappop(running)
            free += 1
            policy.settle(turn, seconds)
            turn.batch[0].job.price.observe(turn.rows, seconds)
            for piece in turn.batch:
                piece.job.pieces.append((piece.start, piece.stop))
                if piece.job.settle(piece.rows, now):
                    policy.add(piece.job)
    return turns


def device_s(turns, model, start=0.0, stop=1e9):
    return sum(
        min(at + s, stop) - max(at, start)
        for at, s, turn in turns
        if turn.batch[0].job.model == model and at < stop and at + s > start
    )


USES = st.lists(
    st.builds(Use, st.sampled_from("abc"), st.integers(1, 600), st.integers(1, 5), st.floats(0, 0.1)), max_size=20
)
LANES = st.integers(1, 3)


@settings(max_examples=25)
@given(USES, LANES)
def test_every_row_of_every_step_is_run_once(uses, lanes):
    simulate(uses, lanes)
    for use in uses:
        assert use.finished is not None
        runs = np.zeros(use.rows, int)
        for start, stop in use.pieces:
            runs[start:stop] += 1
        assert (runs == use.steps).all()


@settings(max_examples=25)
@given(USES, LANES)
def test_no_lane_is_idle_while_something_waits(uses, lanes):
    """Work is conserved: two things that wait are not done one after the other if a lane is free."""
    turns = simulate(uses, lanes)
    busy = sum(seconds for _, seconds, _ in turns)
    end = max((at + seconds for at, seconds, _ in turns), default=0.0)
    starts = min((use.at for use in uses), default=0.0)
    if lanes == 1 and all(use.at == starts for use in uses):
        assert busy == pytest.approx(end - starts)


@settings(max_examples=25)
@given(USES, LANES)
def test_a_step_is_of_one_key_and_bounded(uses, lanes):
    for _, seconds, turn in simulate(uses, lanes):
        assert len({piece.job.key for piece in turn.batch}) <= 1
        assert turn.rows <= LIMITS.rows
        assert seconds <= LIMITS.step_s * 1.05


def test_where_a_call_is_dear_rows_share_it():
    assert room(Price(0.0, 1e-3), LIMITS) == 10
    assert room(Price(0.005, 1e-3), LIMITS) == 5
    assert room(Price(3.0, 0.1), LIMITS) == 30
    assert room(Price(0.0, 1e-9), LIMITS) == LIMITS.rows
    assert room(Price(0.0, 3e-3, multiple=4), LIMITS) == 4
    assert room(Price(0.0, 1e-3, multiple=4), LIMITS) == 8


@given(LANES)
def test_models_share_equally_whatever_their_rows_cost(lanes):
    uses = [
        Use("a", 500, 1000),
        Use("b", 3, 10_000, price=Price(1e-3, 1e-3)),
        Use("c", 500, 1000, price=Price(3e-3, 1e-3)),
    ]
    turns = simulate(uses, lanes, until=3.0)
    shares = [device_s(turns, model, stop=3.0) for model in "abc"]
    assert min(shares) > 0.9 * max(shares)


def test_requests_of_a_model_share_equally():
    uses = [Use("a", rows, 10_000, company=False) for rows in (20, 50, 90, 2000)]
    simulate(uses, until=4.0)
    used = [use.used_s for use in uses]
    assert min(used) > 0.9 * max(used)


def test_who_rides_along_is_charged_for_it():
    """Two that share their steps have twice the time of one, not that and what fits in beside it."""
    pair, single = [Use("a", rows, 10_000, positions=True) for rows in (20, 50)], Use("a", 90, 10_000, company=False)
    simulate([*pair, single], until=4.0)
    assert single.used_s == pytest.approx(sum(use.used_s for use in pair) / 2, rel=0.1)


def test_no_model_holds_two_lanes_while_another_waits():
    uses = [Use("a", 2000, 50), Use("b", 90, 200, at=0.1)]
    turns = simulate(uses, lanes=2, until=1.8)
    intervals = [(at, at + seconds, turn.batch[0].job.model) for at, seconds, turn in turns]
    both = sum(
        max(0.0, min(x[1], y[1]) - max(x[0], y[0], 0.1))
        for place, x in enumerate(intervals)
        for y in intervals[place + 1 : place + 3]
        if x[2] == y[2] == "a"
    )
    assert both < 0.05


def test_dwarfs_beside_a_giant_wait_for_a_step_and_not_for_the_giant():
    """Of its own model, and of another one."""
    giant = Use("a", 1000, 200)
    dwarfs = [Use(model, 1, at=0.05 + place / 100, price=Price(2e-4, 1e-4)) for model in "ab" for place in range(200)]
    turns = simulate([giant, *dwarfs], until=60)
    waits = sorted(dwarf.finished - dwarf.at for dwarf in dwarfs)
    assert waits[-1] <= 2.5 * LIMITS.step_s
    assert device_s(turns, "a", stop=1.0) > 0.8


def test_a_small_sampler_beside_a_giant_of_its_model_goes_through_at_once():
    giant, small = Use("a", 1000, 200), Use("a", 1, 30, at=0.5, price=Price(3e-4, 1e-4))
    simulate([giant, small], until=1.0)
    assert small.finished - small.at <= small.alone_s + LIMITS.step_s


def test_bulk_is_not_starved_by_small_requests_without_end():
    bulk = Use("a", 300)
    small = [Use("a", 10, at=place * 1e-3, price=Price(5e-4, 1e-4)) for place in range(1500)]
    simulate([bulk, *small])
    assert bulk.finished < 12 * bulk.alone_s


def test_the_oldest_is_finished_whatever_comes_later():
    """Newcomers catch up, but not for ever."""
    old = Use("a", 50, 100, positions=True)
    later = [Use("a", 50, 100, at=0.1 * place, positions=True) for place in range(1, 60)]
    simulate([old, *later])
    assert old.finished < 9 * old.alone_s


def test_a_newcomer_catches_up_and_then_shares_the_steps():
    """Two samplers of rows that are cheap beside the call take hardly longer than one."""
    old, new = (Use("a", 8, 200, at=at, positions=True, price=Price(5e-3, 1e-5)) for at in (0.0, 0.3))
    turns = simulate([old, new])
    assert sum(len(turn.batch) == 2 for _, _, turn in turns) > 100
    assert max(old.finished, new.finished) < 1.45 * old.alone_s


@pytest.mark.parametrize("wrong", [1e-3, 1e3])
def test_a_price_that_was_guessed_wrong_hurts_the_others_for_some_steps_only(wrong):
    odd = Use("a", 100, 300, price=Price(1e-4 * wrong, 1e-4 * wrong, seen=4), true=Price(1e-4, 1e-4))
    even = Use("b", 100, 300)
    turns = simulate([odd, even], until=4.0)
    shares = [device_s(turns, model, 1.0, 2.0) for model in "ab"]
    assert min(shares) > 0.9 * max(shares)


def test_what_was_thought_small_and_is_not_becomes_bulk():
    liar = Use("a", 10, 100_000, price=Wrong(1e-9, 1e-9), true=Price(1e-3, 1e-4))
    honest = Use("a", 5, at=0.2)
    simulate([liar, honest], until=0.5)
    assert honest.finished - honest.at < 0.02


def test_an_idle_model_has_no_credit_and_no_debt():
    """The one that worked alone for long is not made to wait for the one that comes now, nor the other way round."""
    first, late = Use("a", 90, 1000), Use("b", 90, 1000, at=5.0)
    turns = simulate([first, late], until=7.0)
    assert device_s(turns, "a", 5.0, 6.0) == pytest.approx(device_s(turns, "b", 5.0, 6.0), rel=0.1)


def test_a_lane_is_left_to_small_requests_while_they_come_and_taken_again_when_they_stay_away():
    giant = Use("a", 2000, 100)
    small = [Use("a", 1, at=0.5 + place / 50) for place in range(50)]
    turns = simulate([giant, *small], lanes=2, until=3.0)
    assert max(use.finished - use.at for use in small[1:]) < 0.001
    assert device_s(turns, "a", 0.0, 0.5) == pytest.approx(1.0, rel=0.05)
    assert device_s(turns, "a", 2.0, 3.0) == pytest.approx(2.0, rel=0.05)


def test_a_batch_is_spread_over_lanes_only_if_nothing_else_waits():
    alone, other = Use("a", 90), Use("b", 90)
    assert [turn.rows for _, _, turn in simulate([alone], lanes=2)] == [45, 45]
    assert [turn.rows for _, _, turn in simulate([Use("a", 90), other], lanes=2)] == [90, 90]
    assert [turn.rows for _, _, turn in simulate([Use("a", 10)], lanes=2)] == [10]


@given(USES, st.sets(st.integers(0, 19)))
def test_requests_that_ended_are_let_go_once_and_never_run(uses, places):
    policy = Policy(LIMITS)
    for use in uses:
        policy.add(use)
    gone = [use for place, use in enumerate(uses) if place in places]
    ended = []
    while policy:
        turn = policy.take(lambda use: use in gone)
        assert not [piece for piece in turn.batch if piece.job in gone]
        ended += turn.ended
        policy.settle(turn, 0.001)
    assert sorted(map(id, ended)) == sorted(map(id, gone))
