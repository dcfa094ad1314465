"""Nats against samples per second on the CPU, for every model of black-and-white MNIST in the store: one figure.

Both axes are measured: nats on the test split when the bundle was made (they are in its manifest), samples per second
here, 64 at a time in ONNX Runtime, as the service draws them.
"""

from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.bundles import open_bundle
from benchmarks.sampling import COUNT, draw, open_sampler
from benchmarks.table import Row
from pofx import bundle

PICTURE = Path("docs/images/nats-vs-speed.png")
_REPEATS = 3
_NATS = ("nll", "iwae_64")


def measure(store: Path) -> list[Row]:
    """Samples per second of every model with nats on binary 28×28 images; draws the figure as well."""
    rows, points = [], []
    for name in bundle.Store(store).names():
        manifest = open_bundle(store, name).manifest
        if (nats := _nats(manifest)) is not None:
            row = Row(name, _samples_per_s(store, name), "samples/s", f"{nats:.2f} nats ({manifest.kind})")
            rows.append(row)
            points.append((name, row.median, nats, manifest.kind))
    _figure(points).savefig(PICTURE, dpi=110)
    return rows


def _nats(manifest: bundle.Manifest) -> float | None:
    """Negative log-likelihood per image, or its bound, of models of binarised 28×28 images that can be sampled."""
    if manifest.generate is None or manifest.score is None or manifest.provenance.smoke:
        return None
    density = manifest.score.density
    if manifest.input.shape != (28, 28, 1) or density is None or "thresholded" not in density.over:
        return None
    return next((metric.value for metric in manifest.metrics if metric.name in _NATS), None)


def _samples_per_s(store: Path, name: str) -> tuple[float, ...]:
    sampler = open_sampler(store, name)
    return tuple(COUNT / draw(sampler, sampler.inputs(COUNT, seed))[1] for seed in range(_REPEATS))


def _figure(points: list[tuple[str, float, float, str]]) -> Figure:
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, speed, nats, kind in points:
        axes.scatter(speed, nats, marker="o" if kind == "exact" else "v", color="C0" if kind == "exact" else "C1")
        axes.annotate(name.removeprefix("mnist-"), (speed, nats), xytext=(6, 4), textcoords="offset points")
    axes.set_xscale("log")
    axes.set_xlabel("samples per second, 64 at a time, 2 CPU cores")
    axes.set_ylabel("nats per image, MNIST test, dynamic binarisation (lower is better)")
    axes.set_title("circles: exact; triangles: a bound")
    axes.grid(alpha=0.3)
    return figure
