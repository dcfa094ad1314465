"""Pictures of a model: sample sheets, interpolation strips, loss curves, histograms of tables."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from training.evaluate.sampling import decode
from training.evaluate.titles import titles
from training.transforms import Transform
from training.zoo.base import DirectSampler, Family

INK, ACCENT = "#333333", "#c44e52"
MOST_COLUMNS = 12


def sheet(images: np.ndarray, columns: int, scale: int) -> bytes:
    """PNG of images uint8 (count, height, width, channels) in a grid, enlarged ``scale`` times, on grey."""
    count, height, width, channels = images.shape
    rows = math.ceil(count / columns)
    gap = 1
    canvas = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, channels), 128, np.uint8)
    for index, image in enumerate(images):
        top, left = gap + (index // columns) * (height + gap), gap + (index % columns) * (width + gap)
        canvas[top : top + height, left : left + width] = image
    picture = Image.fromarray(canvas[..., 0] if channels == 1 else canvas)
    picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    return _png(picture)


def interpolation(family: Family, transform: Transform, rows: int = 6, steps: int = 12, seed: int = 0) -> bytes | None:
    """PNG of walks between pairs of latents along the sphere (spherical interpolation); None without latents.

    T. White, "Sampling Generative Networks", 2016, arXiv 1609.04468, §2.1.
    """
    if not isinstance(family, DirectSampler) or family.latents is None or transform.raw != "image":
        return None
    size = next(item.shape[0] for item in family.noise if item.name == family.latents)
    ends = torch.randn(2, rows, size, generator=torch.Generator().manual_seed(seed))
    walk = torch.stack([_slerp(ends[0], ends[1], t) for t in np.linspace(0, 1, steps)], 1)  # (rows, steps, size)
    return sheet(decode(family, transform, walk.flatten(0, 1), seed).numpy(), steps, 2)


def _slerp(start: torch.Tensor, end: torch.Tensor, t: float) -> torch.Tensor:
    cosine = torch.nn.functional.cosine_similarity(start, end, dim=1).clamp(-0.9999, 0.9999)
    angle = torch.arccos(cosine)[:, None]
    return (torch.sin((1 - t) * angle) * start + torch.sin(t * angle) * end) / torch.sin(angle)


def loss_curves(metrics: Sequence[Path]) -> bytes | None:
    """PNG of the losses that the loops logged per epoch, over all legs of a run; None where nothing was logged."""
    curves = _losses(metrics)
    if not curves:
        return None
    figure = Figure((5, 2.6), layout="constrained")
    axes = figure.subplots()
    for name, curve in curves.items():
        axes.plot(*zip(*sorted(curve.items()), strict=True), label=name.replace("_", " "), linewidth=1)
    values = sorted(value for curve in curves.values() for value in curve.values())
    axes.set_ylim(top=values[int(0.95 * (len(values) - 1))] * 1.05)  # the first epochs would hide the rest
    axes.set_xlabel("epoch", fontsize=8)
    axes.set_ylabel("nats" if "validation_loss" in curves else "loss", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.legend(frameon=False, fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    return figure_png(figure)


def _losses(metrics: Sequence[Path]) -> dict[str, dict[int, float]]:
    """Loss by epoch by name; of an epoch that was repeated after a stop, the last value."""
    curves: dict[str, dict[int, float]] = {}
    for path in metrics:
        for row in csv.DictReader(path.read_text().splitlines()) if path.is_file() else ():
            for name, value in row.items():
                if "loss" in name and value:
                    curves.setdefault(name, {})[int(row["epoch"]) + 1] = float(value)
    return curves


def marginals(real: np.ndarray, generated: np.ndarray, columns: tuple[str, ...]) -> bytes:
    """PNG of histograms of the first columns: data filled, samples as a line."""
    shown = min(len(columns), MOST_COLUMNS)
    named = titles(columns[:shown])
    across = min(shown, 4)
    figure = Figure((2.1 * across, 1.5 * math.ceil(shown / across)), layout="constrained")
    for index, axes in enumerate(figure.subplots(math.ceil(shown / across), across, squeeze=False).flat):
        if index >= shown:
            axes.axis("off")
            continue
        seen, drawn = (part[:, index].astype(np.float64) for part in (real, generated))
        edges = np.histogram_bin_edges(np.concatenate([seen, drawn]), 24)  # float32 has no bins far from zero
        axes.hist(seen, edges, density=True, color="#bbbbbb", label="data")
        axes.hist(drawn, edges, density=True, histtype="step", color=ACCENT, label="samples")
        axes.set_title(named[index].text, fontproperties=named[index].font, fontsize=7, color=INK, parse_math=False)
        axes.set_yticks([])
        axes.tick_params(labelsize=6)
        if index == 0:
            axes.legend(frameon=False, fontsize=6)
    return figure_png(figure)


def figure_png(figure: Figure) -> bytes:
    """The figure as PNG with few colours, which keeps bundles small."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    picture = Image.open(buffer).convert("RGB").quantize(64)
    return _png(picture)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
