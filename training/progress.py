"""What a long computation tells on its way: the candidate it is at, and the time left at its pace.

Candidates that follow each other within a second share a line, so that a short computation says little. Between them a
heartbeat says how far the one at hand is, so that nobody waits long without a word, whatever takes the time.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TypeVar

from training.errors import TooCostly

Candidate = TypeVar("Candidate")
_APART_S = 1.0  # between lines about candidates
_BEATS_S = (3.0, 6.0, 12.0, 30.0)  # between lines about nothing but time; the last one repeats


@dataclass
class Progress:
    """How far a computation is; ``say`` is told, ``clock`` gives seconds.

    Candidates that would end after ``limit_s`` at this pace are not begun: they are ``skipped``. TooCostly where the
    first one takes longer, or any of them twice as long.
    """

    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    limit_s: float = math.inf
    skipped: list[str] = field(default_factory=list, init=False)
    _at: str = field(default="", init=False)
    _total: float = field(default=0.0, init=False)
    _done: float = field(default=0.0, init=False)
    _work: float = field(default=0.0, init=False)
    _steps: int = field(default=0, init=False)
    _most_steps: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Starts the clock."""
        self._started = self._said = self.clock()

    def over(
        self,
        candidates: Sequence[Candidate],
        named: Callable[[Candidate], str],
        work: Callable[[Candidate], float] = lambda _: 1.0,
        most_steps: int = 0,
    ) -> Iterator[Candidate]:
        """The candidates, one after the other; ``work`` is what one takes compared with the others.

        ``most_steps`` is how many calls of ``step`` one makes at most.
        """
        self._total, self._done, self._most_steps = sum(map(work, candidates)), 0.0, most_steps
        for place, candidate in enumerate(candidates, 1):
            if self._would_be_late(work(candidate)):
                self.skipped.append(named(candidate))
                continue
            self._at = f"candidate {place} of {len(candidates)} ({named(candidate)})"
            self._work, self._steps = work(candidate), 0
            yield candidate
            self._done, self._work, self._steps = self._done + self._work, 0.0, 0
            if self.clock() - self._said >= _APART_S:
                self._tell(f"{self._at} done")
        if self.skipped:
            self.say(f"not tried, since they would take longer than choose.minutes allows: {'; '.join(self.skipped)}")

    def step(self) -> None:
        """One step of the candidate at hand is done."""
        self._steps += 1
        self._refuse_late()

    def beat(self) -> None:
        """Says how far it is, whatever happened."""
        steps = f", step {self._steps}" if self._steps else ""
        most = f" of at most {self._most_steps}" if self._steps and self._most_steps else ""
        self._tell(f"{self._at or 'computing'}{steps}{most}")

    def _would_be_late(self, work: float) -> bool:
        """Whether a candidate ends after the limit, if all take as long for their work as those before it."""
        elapsed_s = self.clock() - self._started
        return self._done > 0 and elapsed_s * (self._done + work) / self._done > self.limit_s

    def _refuse_late(self) -> None:
        elapsed_s = self.clock() - self._started
        if elapsed_s > self.limit_s * (2 if self._done else 1):
            left = self._left(elapsed_s)
            raise TooCostly(
                f"expected a fit of at most {duration(self.limit_s)} (choose.minutes), got {duration(elapsed_s)} so "
                f"far, at {self._at or 'its beginning'}{left}; allow more minutes, or give it fewer candidates or items"
            )

    def _tell(self, what: str) -> None:
        self._said = self.clock()
        self.say(f"{what}: {duration(self._said - self._started)} so far{self._left(self._said - self._started)}")

    def _left(self, elapsed_s: float) -> str:
        """The time that is left at this pace, in words; nothing before anything can be measured."""
        share = min(self._steps / self._most_steps, 1.0) if self._most_steps else 0.0
        done = self._done + self._work * share
        if done <= 0:
            return ""
        left = duration(elapsed_s * (self._total - done) / done)
        return f", {'about' if self._done else 'at most'} {left} left"


def duration(seconds: float) -> str:
    """Seconds in words: 4 s, 12 min or 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def silent() -> Progress:
    """Progress that nobody is told."""
    return Progress(lambda _: None)


@contextmanager
def beating(progress: Progress) -> Iterator[Progress]:
    """The progress, with a heartbeat for as long as the computation lasts."""
    done = Event()

    def beat() -> None:
        beats = iter(_BEATS_S)
        while not done.wait(next(beats, _BEATS_S[-1])):
            progress.beat()

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield progress
    finally:
        done.set()
        thread.join()
