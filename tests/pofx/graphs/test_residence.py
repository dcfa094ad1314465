"""Graphs that leave memory come back as they were, and those used longest ago leave first."""

import gc

import numpy as np
import pytest

from pofx.graphs.residence import Residence

FILE = 1024
X = {"x": np.arange(3.0)}


class Doubling:
    """A graph that says when it was opened."""

    runtime, provider = "a runtime", "a provider"

    def __init__(self, opened):
        opened.append(self)

    def run(self, arrays, wanted):
        return dict.fromkeys(wanted, 2 * arrays["x"])


COST = Residence(10**9).host(lambda: Doubling([]), FILE).size


class House:
    """Some guests in a residence, and how often each was opened."""

    def __init__(self, room, guests):
        self.residence, self.opened = Residence(room), [[] for _ in range(guests)]
        self.guests = [self.residence.host(lambda log=log: Doubling(log), FILE) for log in self.opened]

    def inside(self):
        return [self.guests.index(guest) for guest in self.residence.resident]

    def times(self):
        return [len(log) for log in self.opened]


def test_without_a_limit_a_graph_is_as_it_is_opened():
    assert isinstance(Residence().host(lambda: Doubling([]), FILE), Doubling)


def test_as_many_graphs_as_fit_are_in_memory_and_every_one_runs():
    house = House(2 * COST, 5)
    for guest in [*house.guests, *reversed(house.guests)]:
        assert np.array_equal(guest.run(X, ("y",))["y"], 2 * X["x"])
        assert (guest.runtime, guest.provider) == ("a runtime", "a provider")
        assert len(house.inside()) == 2


def test_the_one_that_ran_longest_ago_leaves():
    house = House(2 * COST, 2)
    house.guests[0].run(X, ("y",))
    late = house.residence.host(lambda: Doubling([]), FILE)
    assert house.residence.resident == [house.guests[0], late]
    house.guests[0].run(X, ("y",))
    house.guests[1].run(X, ("y",))
    assert house.inside() == [0, 1]
    assert house.times() == [1, 2]


def test_a_graph_larger_than_the_limit_runs_alone():
    house = House(COST // 2, 3)
    for place, guest in enumerate(house.guests):
        guest.run(X, ("y",))
        assert house.inside() == [place]


def test_what_nobody_holds_takes_no_room():
    house = House(2 * COST, 2)
    kept = house.guests[0]
    house.guests.clear()
    gc.collect()
    assert house.residence.resident == [kept]


def test_a_graph_that_cannot_be_opened_again_says_why_and_is_tried_again():
    house = House(COST, 2)
    whole, house.guests[0]._open = house.guests[0]._open, lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        house.guests[0].run(X, ("y",))
    house.guests[0]._open = whole
    assert np.array_equal(house.guests[0].run(X, ("y",))["y"], 2 * X["x"])
