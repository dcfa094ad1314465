"""Laws of turning away: the bound follows what requests wait, and a refusal leaves the connection as it was."""

import json
import socket
import threading

import pytest
import uvicorn

from service.app import create_app
from service.pressure import Pressure
from service.shedding import shedding
from service.trace import Trace

BODY = json.dumps({"model": "tiny-table", "inputs": [{"array": [0.1, 0.2, 0.3]}]}).encode()
HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def served(pressure, clock, per_s, arrivals, seconds):
    """One after the other at a speed; those that come while it is full are turned away; the seconds others waited."""
    waits, inside, free_at = [], [], 0.0
    for number in range(int(arrivals * seconds)):
        at = number / arrivals
        while inside and inside[0][1] <= at:
            since, clock.now = inside.pop(0)
            pressure.leave(since, None)
        clock.now = at
        if pressure.full:
            pressure.refuse("/score")
        else:
            free_at = max(free_at, at) + 1 / per_s
            inside.append((pressure.enter(), free_at))
            waits.append(free_at - at)
    return waits


def test_under_twice_the_load_those_that_are_let_in_wait_about_as_long_as_they_should():
    clock = Clock()
    pressure = Pressure(0.05, 0.02, int, str, clock)
    waits = served(pressure, clock, per_s=1000, arrivals=2000, seconds=10)
    assert len(waits) > 0.95 * 1000 * 10
    assert sorted(waits[1000:])[int(0.99 * len(waits[1000:]))] < 0.06


def test_below_capacity_nobody_is_turned_away():
    clock = Clock()
    pressure = Pressure(0.05, 0.02, int, str, clock)
    assert len(served(pressure, clock, per_s=1000, arrivals=900, seconds=5)) == 4500


def test_a_slow_machine_still_lets_some_in():
    clock = Clock()
    pressure = Pressure(0.05, 0.02, int, str, clock)
    served(pressure, clock, per_s=10, arrivals=100, seconds=50)
    assert pressure.limit == 32


class LateLoop:
    """Calls back so much later than it should."""

    def __init__(self, clock, late_s):
        self.clock, self.late_s, self.calls = clock, late_s, 0

    def time(self):
        return self.clock.now

    def call_later(self, delay, callback, *arguments):
        self.calls += 1
        if self.calls < 50:
            self.clock.now += delay + self.late_s
            callback(*arguments)


@pytest.mark.parametrize(("late_s", "lower"), [(0.001, False), (0.03, True)])
def test_a_loop_that_is_late_lets_fewer_in(late_s, lower):
    clock = Clock()
    pressure = Pressure(0.05, 0.02, int, str, clock)
    pressure.refuse("/score")
    pressure.watch(LateLoop(clock, late_s))
    assert (pressure.limit < 64) == lower


def test_a_client_that_waits_for_its_answers_is_never_turned_away_however_slow_the_machine():
    clock = Clock()
    pressure = Pressure(0.05, 0.02, int, str, clock)
    inside = [pressure.enter() for _ in range(63)]
    for _ in range(500):
        assert not pressure.full
        inside.append(pressure.enter())
        clock.now += 0.1
        pressure.leave(inside.pop(0), None)
    pressure.watch(LateLoop(clock, 1.0))
    assert pressure.limit == 64


def test_a_second_after_the_last_refusal_the_bound_is_what_it_was():
    clock = Clock()
    pressure = Pressure(0.05, 0.02, int, str, clock)
    served(pressure, clock, per_s=10, arrivals=100, seconds=50)
    pressure.refuse("/score")
    for wait_s, limit in ((0.9, 32), (0.2, 64)):
        clock.now += wait_s
        pressure.enter()
        assert pressure.limit == limit


def test_bulk_work_is_no_pressure():
    clock = Clock()
    pressure = Pressure(0.05, 0.02, lambda: 5, str, clock)
    pressure.inside = 64
    assert not pressure.full
    clock.now = 20.0
    pressure.leave(0.0, Trace("id", 0.0, seconds={"device": 5.0}))
    assert pressure.limit == 64


@pytest.fixture(scope="module")
def server(settings):
    """A real server, with its pressure and the paths that were turned away."""
    turned = []
    pressure = Pressure(10.0, 0.02, int, turned.append)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(settings()), http=shedding(pressure), log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1], pressure, turned
    server.should_exit = True
    thread.join()


def read(stream):
    status = int(stream.readline().split()[1])
    headers = dict(line.strip().lower().split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
    return status, headers, json.loads(stream.read(int(headers[b"content-length"])))


def test_a_request_that_is_turned_away_is_told_when_to_come_back_on_the_same_connection(server):
    port, pressure, turned = server
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        stream = connection.makefile("rb")
        for _ in range(2):
            connection.sendall(HEAD + BODY)
            assert read(stream)[0] == 200
            pressure.limit = 0
            connection.sendall(HEAD + BODY)
            status, headers, problem = read(stream)
            assert (status, headers[b"retry-after"], problem["type"]) == (429, b"1", "urn:pofx:problem:overloaded")
            assert headers[b"x-request-id"]
            pressure.limit = 64
    assert turned == ["/score", "/score"]
    assert pressure.inside == 0


def test_what_comes_in_pieces_goes_the_usual_way(server):
    port, pressure, _ = server
    pressure.limit = 0
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read(stream)[0] == 200
        connection.sendall(HEAD + BODY + HEAD + BODY)
        assert [read(stream)[0] for _ in range(2)] == [200, 200]
    pressure.limit = 64
