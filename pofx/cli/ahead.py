"""What comes next is made in a thread while this is worked on, and what is done is written in another."""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
_AHEAD = 1
_PATIENCE_S = 0.1


def ahead(source: Iterator[T]) -> Iterator[T]:
    """The same things, of which the next is made while one is worked on; raises what the source raises."""
    made: queue.Queue[Callable[[], T]] = queue.Queue(_AHEAD)
    stopped = threading.Event()
    thread = threading.Thread(target=_make, args=(source, made, stopped), name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            try:
                thing = made.get()()
            except StopIteration:
                return
            yield thing
    finally:
        stopped.set()
        thread.join()


def _make(source: Iterator[T], made: "queue.Queue[Callable[[], T]]", stopped: threading.Event) -> None:
    """Puts things, and at last what raises the end or the error, until nobody wants them."""
    going = True
    while going and not stopped.is_set():
        try:
            found = _giving(next(source))
        except BaseException as error:
            found, going = _raising(error), False
        _put(found, made, stopped)


def _put(found: Callable[[], T], made: "queue.Queue[Callable[[], T]]", stopped: threading.Event) -> None:
    while not stopped.is_set():
        try:
            made.put(found, timeout=_PATIENCE_S)
        except queue.Full:
            continue
        return


def _giving(thing: T) -> Callable[[], T]:
    return lambda: thing


def _raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


@contextmanager
def behind(write: Callable[[T], None]) -> Iterator[Callable[[T], None]]:
    """The same function, run in a thread, one call at a time and in order; raises what a call before raised."""
    with ThreadPoolExecutor(1, "behind") as executor:
        pending: list[Future[None]] = []

        def later(thing: T) -> None:
            _settle(pending)
            pending.append(executor.submit(write, thing))

        yield later
        _settle(pending)


def _settle(pending: list[Future[None]]) -> None:
    while pending:
        pending.pop().result()
