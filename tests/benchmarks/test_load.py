"""The load driver counts what a user would wait, and reads answers only when they are whole."""

import numpy as np
import pytest

from benchmarks.load import answer
from benchmarks.load.measured import quantile_ms
from benchmarks.load.open_loop import arrivals
from benchmarks.load.pool import Pool

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"


def test_a_wait_for_a_connection_is_in_the_latency():
    sent = []
    pool = Pool(lambda line, intended: sent.append((line, intended)))
    pool.freed("only")
    for due in (0.0, 0.1, 0.2):  # the server stalls until 1.0
        pool.due(due, due)
    assert sent == [("only", 0.0)]
    for now in (1.0, 1.1, 1.2):
        pool.answered("only", now, good=True)
    assert sent == [("only", 0.0), ("only", 0.1), ("only", 0.2)]
    assert pool.latencies == pytest.approx([1.0, 1.0, 1.0])
    assert (pool.good, pool.errors) == (3, 0)


def test_what_is_never_answered_is_an_error_with_the_time_it_waited():
    pool = Pool(lambda line, intended: None)
    pool.freed("only")
    for due in (0.0, 0.5):
        pool.due(due, due)
    pool.give_up(2.0)
    assert pool.latencies == pytest.approx([2.0, 1.5])
    assert (pool.good, pool.errors) == (0, 2)


def test_a_lost_connection_fails_its_request_and_no_other():
    pool = Pool(lambda line, intended: None)
    pool.freed("a")
    pool.freed("b")
    pool.due(0.0, 0.25)
    pool.lost("b", 1.0)
    pool.lost("a", 1.0)
    assert (pool.latencies, pool.late, pool.errors) == ([1.0], [0.25], 1)


def test_arrivals_are_a_poisson_process_of_the_rate():
    times = arrivals(1000.0, 20.0, np.random.default_rng(0))
    gaps = np.diff(times)
    assert len(times) == pytest.approx(20_000, rel=0.03)
    assert (gaps >= 0).all()
    assert times.max() < 20
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)  # as of exponential gaps, and not of a steady clock


def test_quantiles_are_latencies_that_occurred():
    assert quantile_ms([0.003, 0.001, 0.002], 0.5) == pytest.approx(2.0)
    assert quantile_ms([0.001] * 99 + [0.5], 0.99) == pytest.approx(1.0)
    assert np.isnan(quantile_ms([], 0.5))


@pytest.mark.parametrize("whole", [LENGTH, CHUNKED])
def test_an_answer_is_read_when_it_is_whole_and_not_before(whole):
    assert answer.read(whole) == answer.Answer(True, b"hello")
    assert all(answer.read(whole[:cut]) is None for cut in range(len(whole)))
    assert not answer.read(whole.replace(b"200", b"503")).good


def test_an_answer_without_a_length_is_refused():
    with pytest.raises(ValueError, match="says its length"):
        answer.read(b"HTTP/1.1 200 OK\r\n\r\n")
