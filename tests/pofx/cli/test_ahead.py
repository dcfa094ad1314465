"""Work in other threads keeps its order, its errors, and ends when nobody wants it."""

import itertools
import threading

import pytest

from pofx.cli.ahead import ahead, behind


def test_everything_comes_in_order():
    assert list(ahead(iter(range(100)))) == list(range(100))


def test_an_error_comes_where_it_happened():
    def source():
        yield 1
        raise KeyError("here")

    found = ahead(source())
    assert next(found) == 1
    with pytest.raises(KeyError, match="here"):
        next(found)


def test_an_endless_source_stops_when_nobody_goes_on():
    before = threading.active_count()
    found = ahead(itertools.count())
    assert next(found) == 0
    found.close()
    assert threading.active_count() == before


def test_things_are_written_in_order_and_all_of_them():
    written = []
    with behind(written.append) as write:
        for thing in range(50):
            write(thing)
    assert written == list(range(50))


def test_an_error_of_writing_is_raised_at_the_latest_at_the_end():
    def fail(thing):
        raise OSError("full")

    def write_all():
        with behind(fail) as write:
            write(1)

    with pytest.raises(OSError, match="full"):
        write_all()
