"""Samplers of exported autoregressive models against one full pass per dimension: same weights, same machine, same run.

The naive sampler is what anybody has who can only score: for every dimension one pass of the whole score graph. For
binary images it is really run, with the same uniform numbers, and its samples are compared with those of the fast
sampler; for grey levels, sounds and real numbers, where such a sampler would need a pass per level as well, only the
time of its passes is taken, which favours it.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks.bundles import golden, open_bundle, session
from benchmarks.table import Row
from pofx import bundle

COUNT, REPEATS, THREADS = 64, 3, 2
_TIMED_PASSES = 12


@dataclass(frozen=True)
class Sampler:
    """A bundle with its graphs opened, and what it draws."""

    opened: bundle.Bundle
    score: onnxruntime.InferenceSession
    sampler: onnxruntime.InferenceSession
    binary: bool

    @property
    def generate(self) -> bundle.Generate:
        """How the bundle draws samples."""
        assert self.opened.manifest.generate is not None
        return self.opened.manifest.generate

    @property
    def data_name(self) -> str:
        """Name of the data input."""
        return self.opened.manifest.input.kind

    def inputs(self, count: int, seed: int) -> dict[str, np.ndarray]:
        """Noise, options at their defaults, and conditions that say nothing."""
        generator = np.random.default_rng(seed)
        spec = self.opened.manifest.graphs[self.generate.graph]
        return {
            item.name: _filled(item, count, generator, self.generate)
            for item in spec.inputs
            if item.role not in ("data", "state", "position")
        }


def measure(store: Path) -> list[Row]:
    """Seconds for 64 samples, and how much longer one pass per dimension takes, for every autoregressive bundle."""
    rows = []
    for name in bundle.Store(store).names():
        if autoregressive(manifest := open_bundle(store, name).manifest):
            rows += _rows(manifest.name, open_sampler(store, name))
    return rows


def autoregressive(manifest: bundle.Manifest) -> bool:
    """Whether a model draws its dimensions one given the others, and can be scored."""
    generate = manifest.generate
    return generate is not None and manifest.score is not None and generate.completion is not None


def open_sampler(store: Path, name: str) -> Sampler:
    """The graphs of a bundle in ONNX Runtime."""
    opened = open_bundle(store, name)
    manifest = opened.manifest
    graphs = [session(opened, graph, THREADS) for graph in (manifest.score.graph, manifest.generate.graph)]
    binary = manifest.score.density is not None and "thresholded" in manifest.score.density.over
    return Sampler(opened, *graphs, binary)


def _rows(name: str, sampler: Sampler) -> list[Row]:
    fast, slow, notes = [], [], set()
    for seed in range(REPEATS):
        inputs = sampler.inputs(COUNT, seed)
        samples, seconds, passes = draw(sampler, inputs)
        fast.append(seconds)
        naive, naive_seconds = _naive(sampler, inputs["u"]) if sampler.binary and "u" in inputs else _timed(sampler)
        slow.append(naive_seconds)
        notes.add(passes)
        if naive is not None:
            different = (naive.reshape(COUNT, -1) != samples.reshape(COUNT, -1)).any(1).sum()
            notes.add(f"{COUNT - different} of {COUNT} samples identical")
    ratios = tuple(after / before for after, before in zip(slow, fast, strict=True))
    dims = sampler.opened.manifest.dims
    return [
        Row(f"{name}: 64 samples", tuple(fast), "s", ", ".join(sorted(notes))),
        Row(
            f"{name}: one pass per dimension",
            tuple(slow),
            "s",
            f"{dims} passes" + ("" if sampler.binary else ", timed"),
        ),
        Row(f"{name}: speed-up", ratios, "×"),
    ]


def draw(sampler: Sampler, inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, float, str]:
    """Samples as the service draws them, the seconds that took, and how."""
    started = time.perf_counter()
    if sampler.generate.method == "fixed_point":
        samples, passes = _fixed_point(sampler, inputs)
        return samples, time.perf_counter() - started, f"{passes:.0f} passes per sample"
    if sampler.generate.method == "sequential":
        samples = _sequential(sampler, inputs)
        return samples, time.perf_counter() - started, f"{sampler.generate.steps} steps"
    samples = sampler.sampler.run([sampler.generate.sample], inputs)[0]
    return samples, time.perf_counter() - started, "one step"


def _sequential(sampler: Sampler, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """States start as zeros and go from step to step; those of the last are not asked for."""
    generate, rows = sampler.generate, len(inputs["temperature"])
    spec = sampler.opened.manifest.graphs[generate.graph]
    states = [item for item in spec.inputs if item.role == "state"]
    position = next(item.name for item in spec.inputs if item.role == "position")
    held = {item.name: np.zeros((rows, *item.shape[1:]), item.dtype) for item in states}
    wanted = [generate.sample, *(item.becomes for item in states)]
    starts = range(0, generate.positions, generate.chunk)
    for start in starts[:-1]:
        _, *given = sampler.sampler.run(wanted, {**inputs, **held, position: np.asarray(start)})
        held = {item.name: array for item, array in zip(states, given, strict=True)}
    return sampler.sampler.run(wanted[:1], {**inputs, **held, position: np.asarray(starts[-1])})[0]


def _fixed_point(sampler: Sampler, inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, float]:
    """Converged rows retire, as in the service."""
    rows = len(inputs["temperature"])
    spec = sampler.opened.manifest
    x = np.zeros((rows, *spec.input.shape), bundle.DATA_DTYPES[spec.input.kind])
    active, used = np.arange(rows), 0
    while len(active):
        feed = {name: array[active] for name, array in inputs.items()}
        proposal = sampler.sampler.run([sampler.generate.sample], {sampler.data_name: x[active], **feed})[0]
        used += len(active)
        changed = (proposal != x[active]).reshape(len(active), -1).any(1)
        x[active] = proposal
        active = active[changed]
    return x, used / rows


def _naive(sampler: Sampler, u: np.ndarray) -> tuple[np.ndarray, float]:
    """Binary images, pixel by pixel in the order of the model, the probability of white from a whole score."""
    completion = sampler.generate.completion
    order = completion.order if completion.kind == "listed" else range(u.shape[1])
    x = np.zeros((len(u), *sampler.opened.manifest.input.shape), np.uint8)
    started = time.perf_counter()
    for position in order:
        flat = x.reshape(len(u), -1)
        flat[:, position] = 255
        terms = sampler.score.run(["dim_log_prob"], {"image": x})[0].reshape(len(u), -1)
        flat[:, position] = np.where(u[:, position] < np.exp(terms[:, position]), 255, 0)
    return x, time.perf_counter() - started


def _timed(sampler: Sampler) -> tuple[None, float]:
    """The seconds of one score per dimension, from the median of a few."""
    name = f"{sampler.opened.manifest.score.graph}.in.{sampler.data_name}"
    items = np.resize(golden(sampler.opened)[name], (COUNT, *sampler.opened.manifest.input.shape))
    seconds = []
    for _ in range(_TIMED_PASSES):
        started = time.perf_counter()
        sampler.score.run(["log_prob"], {sampler.data_name: items})
        seconds.append(time.perf_counter() - started)
    return None, float(np.median(seconds)) * sampler.opened.manifest.dims


def _filled(
    item: bundle.GraphInput, count: int, generator: np.random.Generator, generate: bundle.Generate
) -> np.ndarray:
    shape = (count, *item.shape[1:])
    match item.role:
        case "noise" if item.distribution == "uniform":
            return generator.random(shape, np.float32)
        case "noise":
            return generator.standard_normal(shape, np.float32)
        case "option":
            return np.full(shape, item.default, item.dtype)
    return np.full(shape, len(generate.labels) if item.of == "label" else 0, item.dtype)
