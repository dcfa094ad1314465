"""Fixed-point sampling against one pass per dimension: the same graph, the same noise, the same samples."""

import time
from pathlib import Path

import numpy as np

from benchmarks.bundles import open_bundle, session
from benchmarks.table import Row

COUNT, REPEATS = 64, 5


def measure(store: Path) -> list[Row]:
    """Seconds of both samplers and their ratio; fails if the samples differ in a single bit."""
    opened = open_bundle(store, "mnist-made")
    propose = session(opened, "propose", threads=2)
    dims = opened.manifest.dims
    shape = opened.manifest.input.shape
    fixed, sequential, passes = [], [], []
    for seed in range(REPEATS):
        u = np.random.default_rng(seed).random((COUNT, dims), np.float32)
        fast, seconds, used = _timed(lambda u=u: _fixed_point(propose, u, shape))
        slow, slow_seconds, _ = _timed(lambda u=u: _sequential(propose, u, shape))
        if not np.array_equal(fast, slow):
            raise AssertionError(f"seed {seed}: the samplers disagree in {(fast != slow).sum()} pixels")
        fixed.append(seconds)
        sequential.append(slow_seconds)
        passes.append(used)
    ratio = tuple(slow / fast for slow, fast in zip(sequential, fixed, strict=True))
    return [
        Row("one pass per pixel", tuple(sequential), "s", f"{dims} passes"),
        Row("fixed point", tuple(fixed), "s", f"{np.mean(passes):.1f} passes per sample on average"),
        Row("speed-up", ratio, "×", f"samples identical, {REPEATS} seeds"),
    ]


def _timed(run):
    started = time.perf_counter()
    samples, passes = run()
    return samples, time.perf_counter() - started, passes


def _propose(session, x, u):
    return session.run(["sample"], {"image": x, "u": u, "temperature": np.ones(len(x), np.float32)})[0]


def _fixed_point(session, u, shape):
    """Converged rows retire, as in the service."""
    x = np.zeros((len(u), *shape), np.uint8)
    active, used = np.arange(len(u)), 0
    while len(active):
        proposal = _propose(session, x[active], u[active])
        used += len(active)
        changed = (proposal != x[active]).reshape(len(active), -1).any(1)
        x[active] = proposal
        active = active[changed]
    return x, used / len(u)


def _sequential(session, u, shape):
    x = np.zeros((len(u), *shape), np.uint8)
    for dimension in range(u.shape[1]):
        proposal = _propose(session, x, u)
        x.reshape(len(u), -1)[:, dimension] = proposal.reshape(len(u), -1)[:, dimension]
    return x, u.shape[1]
