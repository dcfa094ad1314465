"""A watch loses no item, whoever folds them in, and does not mind the order within a request."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pofx import bundle
from service.drift.monitor import PIECE, Monitor, Rules
from service.drift.watch import Watch


def watch():
    statistic = bundle.Statistic(name="s", unit="nats", tail="low", description="s")
    random = np.random.default_rng(0)
    calibration = np.sort(random.standard_normal(500))
    return Watch(lambda: Monitor(statistic, calibration, Rules(), random), random)


def test_every_item_is_counted_once_when_others_fold_and_read():
    watching, random = watch(), np.random.default_rng(1)
    sizes = random.integers(1, 40, 300)
    with ThreadPoolExecutor(3) as pool:
        for size in sizes:
            if watching.add(random.standard_normal(size)):
                pool.submit(watching.fold)
            pool.submit(watching.read)
    assert watching.read().items == sizes.sum()


def test_small_requests_are_folded_in_together():
    watching = watch()
    due = [watching.add(np.zeros(1)) for _ in range(3 * PIECE)]
    assert sum(due) == 3


def test_the_order_within_a_request_is_no_drift():
    watching, random = watch(), np.random.default_rng(2)
    for _ in range(5):
        watching.add(np.sort(random.standard_normal(1000)))
    assert not watching.read().alarm


def test_a_reset_forgets_traffic_and_alarm():
    watching = watch()
    watching.add(np.full(300, -9.0))
    assert watching.read().alarm
    watching.add(np.full(300, -9.0))
    assert (watching.reset().items, watching.read().alarm) == (0, False)
    watching.add(np.random.default_rng(3).standard_normal(100))
    assert (watching.read().items, watching.read().alarm) == (100, False)
