"""Laws of the policy, by simulation: no thread, no clock, no arrays."""

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from service.engine.policy import Limits, Policy, shares


@dataclass(eq=False)
class Piece:
    """A job of so many rows."""

    key: str
    rows: int
    mflop_per_row: float = 1.0
    taken: int = 0


JOBS = st.lists(st.builds(Piece, st.sampled_from("abc"), st.integers(1, 60)), max_size=30)
ROOMS = st.integers(1, 40)


def never(_):
    return False


def turns(policy, has_ended=never):
    """Every turn until nothing waits."""
    while policy:
        yield policy.take(has_ended)


def filled(jobs, rows=16, mflop=1e9, least_rows=1):
    policy = Policy(Limits(mflop, rows, least_rows))
    for job in jobs:
        policy.add(job)
    return policy


def test_few_rows_go_together_however_much_work_they_are():
    limits = Limits(mflop=10.0, rows=100, least_rows=8)
    assert [limits.room(mflop_per_row) for mflop_per_row in (0.01, 1.0, 5.0, 1e6)] == [100, 10, 8, 8]
    assert Limits(mflop=10.0, rows=4, least_rows=8).room(1e6) == 4


@given(JOBS, ROOMS)
def test_every_row_of_every_job_is_run_once_and_in_order(jobs, room):
    pieces = [piece for turn in turns(filled(jobs, room)) for piece in turn.batch]
    for job in jobs:
        bounds = [(piece.start, piece.stop) for piece in pieces if piece.job is job]
        assert bounds[0][0] == 0
        assert bounds[-1][1] == job.rows
        assert all(before[1] == after[0] for before, after in pairwise(bounds))
        assert all(start < stop for start, stop in bounds)


@given(JOBS, ROOMS)
def test_a_batch_is_of_one_key_respects_the_room_and_fills_it(jobs, room):
    policy = filled(jobs, room)
    left = {key: sum(job.rows for job in jobs if job.key == key) for key in "abc"}
    for turn in turns(policy):
        (key,) = {piece.job.key for piece in turn.batch}
        rows = sum(piece.rows for piece in turn.batch)
        assert rows == min(room, left[key])
        assert len({id(piece.job) for piece in turn.batch}) == len(turn.batch)
        left[key] -= rows
    assert set(left.values()) == {0}


@given(JOBS, st.floats(1, 100))
def test_a_batch_respects_the_budget_of_work(jobs, mflop):
    for turn in turns(filled(jobs, rows=1000, mflop=mflop)):
        assert sum(piece.rows * piece.job.mflop_per_row for piece in turn.batch) <= mflop


@given(st.lists(st.integers(1, 60), min_size=1, max_size=20), ROOMS)
def test_a_job_gets_more_than_half_of_the_room_only_if_nobody_is_left_out(rows, room):
    jobs = [Piece("a", count) for count in rows]
    found = shares(jobs, room)
    assert [job for job, _ in found] == jobs[: len(found)]
    assert found[0][1] <= max(1, room // 2) or len(found) == len(jobs)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=7))
def test_small_jobs_ride_along_with_a_large_one(rows):
    """As many rows as half of the room: none of them waits for a second batch."""
    small = [Piece("a", count) for count in rows]
    policy = filled([Piece("a", 10_000), *small], rows=512)
    turn = policy.take(never)
    assert {id(piece.job) for piece in turn.batch} > {id(job) for job in small}
    assert all(job.taken == job.rows for job in small)


@given(JOBS, ROOMS, st.lists(st.integers(1, 60), max_size=30))
def test_a_job_begins_after_those_before_it_whatever_comes_later(jobs, room, later):
    """No job starves: every turn of its key begins one of those before it, however much arrives behind it."""
    watched = Piece("a", 7)
    policy = filled([*jobs, watched], room)
    own = 0
    for rows in (*later, *[1] * 100):
        if watched.taken:
            break
        turn = policy.take(never)
        own += any(piece.job.key == "a" for piece in turn.batch)
        policy.add(Piece("a", rows))
        policy.add(Piece("b", rows))
    assert watched.taken
    assert own <= 1 + sum(job.key == "a" for job in jobs)


@given(JOBS)
def test_the_keys_take_turns(jobs):
    policy = filled(jobs, rows=1)
    waiting = {job.key for job in jobs}
    seen = [policy.take(never).batch[0].job.key for _ in waiting]
    assert sorted(seen) == sorted(waiting)


@given(JOBS, ROOMS, st.sets(st.integers(0, 29)), st.integers(0, 20))
def test_jobs_that_ended_are_let_go_once_and_never_run(jobs, room, places, turns_before):
    policy = filled(jobs, room)
    for _ in range(turns_before):
        if policy:
            policy.take(never)
    ended = [job for place, job in enumerate(jobs) if place in places]
    waiting = [job for job in ended if job.taken < job.rows]
    left = list(turns(policy, lambda job: job in ended))
    assert not [piece for turn in left for piece in turn.batch if piece.job in ended]
    gone = [job for turn in left for job in turn.ended]
    assert sorted(map(id, gone)) == sorted(map(id, waiting))
    assert all(job.taken == job.rows for job in jobs if job not in ended)


def test_what_was_begun_comes_after_what_was_not():
    large, small = Piece("a", 100), [Piece("a", 1) for _ in range(40)]
    policy = filled([large, *small], rows=16)
    policy.take(never)
    assert policy.take(never).batch[0].job is small[8]
