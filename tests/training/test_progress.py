"""A long computation says which candidate it is at and how long it still takes; a short one says little."""

from threading import Event

import pytest
import torch

from training import progress as module
from training.errors import TooCostly
from training.progress import Progress, beating, duration
from training.zoo import FAMILIES
from training.zoo.base import Facts


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def told():
    clock, lines = Clock(), []
    return clock, lines, Progress(lines.append, clock)


def test_candidates_that_take_long_get_a_line_with_the_time_left(told):
    clock, lines, progress = told
    for _ in progress.over([1, 3], "size {}".format, float):
        clock.now += 10
    assert lines == [
        "candidate 1 of 2 (size 1) done: 10 s so far, about 30 s left",
        "candidate 2 of 2 (size 3) done: 20 s so far, about 0 s left",
    ]


def test_many_short_candidates_share_lines(told):
    clock, lines, progress = told
    for _ in progress.over(range(100), str):
        clock.now += 0.1
    assert 8 <= len(lines) <= 11


def test_the_first_steps_bound_the_time_before_any_candidate_is_done(told):
    clock, lines, progress = told
    for _ in progress.over([1, 1], str, most_steps=10):
        clock.now += 5
        progress.step()
        progress.beat()
        break
    assert lines == ["candidate 1 of 2 (1), step 1 of at most 10: 5 s so far, at most 95 s left"]


def test_a_computation_without_candidates_says_that_it_goes_on(told):
    clock, lines, progress = told
    clock.now = 300
    progress.beat()
    assert lines == ["computing: 5 min so far"]


def test_candidates_that_would_end_too_late_are_not_begun_and_are_named():
    clock, lines = Clock(), []
    progress = Progress(lines.append, clock, limit_s=25)
    begun = []
    for size in progress.over([1, 1, 3, 1], "size {}".format, float):
        begun.append(size)
        clock.now += 8 * size
    assert begun == [1, 1, 1]
    assert progress.skipped == ["size 3"]
    assert lines[-1] == "not tried, since they would take longer than choose.minutes allows: size 3"


def test_a_first_candidate_that_takes_longer_than_all_may_is_given_up():
    clock = Clock()
    progress = Progress(lambda _: None, clock, limit_s=60)
    next(progress.over([1, 1], str, most_steps=10))
    clock.now += 61
    with pytest.raises(TooCostly, match=r"at most 60 s \(choose\.minutes\), got 61 s so far, at candidate 1 of 2"):
        progress.step()


def test_the_heart_beats_while_nothing_else_is_said(monkeypatch):
    monkeypatch.setattr(module, "_BEATS_S", (0.001,))
    lines, said = [], Event()

    def say(line: str) -> None:
        lines.append(line)
        said.set()

    with beating(Progress(say, Clock())):
        assert said.wait(30)
    assert set(lines) == {"computing: 0 s so far"}


def test_a_mixture_tells_every_candidate_and_step(told):
    clock, lines, progress = told
    family = FAMILIES["gmm"]
    model = family(Facts((3,), "real"), family.Options(components=(1, 2), regularisations=(1e-3,), restarts=1))
    step, said = progress.step, []

    def counted() -> None:
        clock.now += 2
        said.append(clock.now)
        step()

    progress.step = counted
    x = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    model.fit(x[:40], x[40:], 0, progress)
    assert len(lines) == 6  # of components and forms
    assert lines[-1].startswith("candidate 6 of 6 (diag, 2 components, regularisation 0.001) done")
    assert len(said) >= 6


@pytest.mark.parametrize(("seconds", "words"), [(4, "4 s"), (300, "5 min"), (9000, "2.5 h")])
def test_durations_are_said_in_the_unit_that_fits(seconds, words):
    assert duration(seconds) == words
