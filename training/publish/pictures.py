"""Pictures and recordings of a card: samples, walks between latents, losses."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.evaluate.pictures import MOST_COLUMNS, interpolation, loss_curves, marginals, sheet
from training.evaluate.recordings import as_wav, waves
from training.evaluate.sampling import sample
from training.evaluate.titles import told
from training.finish import Say
from training.prepare import Prepared
from training.zoo.base import DirectSampler, FixedPointSampler, Reconstructing

Parts = dict[str, tuple[bytes, str]]
"""Files of pictures by name, and their captions."""

SAMPLES = 64
_ROWS = 2000
_RECORDINGS = 5
_RESTORED = 32


@dataclass(frozen=True)
class Pictures:
    """Pictures and recordings by file name, with a caption each."""

    files: dict[str, bytes]
    captions: dict[str, str]


def pictures(prepared: Prepared, metrics: list[Path], say: Say) -> Pictures:
    """Samples, interpolation and loss curves, as far as the model has them and they can be drawn."""
    drawings: dict[str, Callable[[], Parts]] = {
        "samples": lambda: _samples(prepared),
        "what codes restore": lambda: _restored(prepared),
        "interpolation": lambda: _interpolation(prepared),
        "losses": lambda: _losses(metrics),
    }
    found = {name: part for what, draw in drawings.items() for name, part in _drawn(what, draw, say).items()}
    files = {name: data for name, (data, _) in found.items()}
    return Pictures(files, {name: caption for name, (_, caption) in found.items()})


def _drawn(what: str, draw: Callable[[], Parts], say: Say) -> Parts:
    """The drawing, or nothing and a word about it: a picture must never cost a bundle."""
    try:
        return draw()
    except Exception as error:  # whatever the data do to a plotting library
        say(f"the picture of {what} is left out, it cannot be drawn: {error}")
        return {}


def _interpolation(prepared: Prepared) -> Parts:
    data = interpolation(prepared.family, prepared.transform)
    return {} if data is None else {"interpolation.png": (data, "walks between pairs of latents")}


def _restored(prepared: Prepared) -> Parts:
    """Items in rows, each row above what the codes restore."""
    family, transform = prepared.family, prepared.transform
    if not isinstance(family, Reconstructing) or transform.raw != "image":
        return {}
    raw = prepared.splits.test.x[:_RESTORED]
    with torch.no_grad():
        x = transform(torch.from_numpy(raw), *(torch.full(item.shape, 0.5) for item in transform.score_noise))
        restored = transform.nearest(family.decode(family.embed(x))).numpy()
    across = min(16, len(raw))
    rows = [part[start : start + across] for start in range(0, len(raw), across) for part in (raw, restored)]
    data = sheet(np.concatenate(rows), across, max(1, 56 // transform.raw_shape[0]))
    return {"restored.png": (data, "test items, each above what its code restores")}


def _losses(metrics: list[Path]) -> Parts:
    data = loss_curves(metrics)
    return {} if data is None else {"loss.png": (data, "loss per epoch")}


def _samples(prepared: Prepared) -> Parts:
    """Samples in the form of the data."""
    if not isinstance(prepared.family, DirectSampler | FixedPointSampler):
        return {}
    family, transform, dataset = prepared.family, prepared.transform, prepared.dataset
    match dataset.kind:
        case "image":
            scale = max(1, 56 // transform.raw_shape[0])
            drawn = sample(family, transform, SAMPLES, seed=1).numpy()
            return {"samples.png": (sheet(drawn, 16, scale), f"{SAMPLES} samples, not chosen")}
        case "audio":
            drawn = sample(family, transform, _RECORDINGS, seed=1).numpy()
            picture = waves(prepared.splits.fit.x[:_RECORDINGS], drawn, dataset.rate_hz)
            caption = f"{_RECORDINGS} recordings of the data, and as many samples, not chosen"
            heard = as_wav(drawn, dataset.rate_hz)
            return {"samples.png": (picture, caption), "samples.wav": (heard, "the same samples to listen to")}
        case "text":
            return {}
    drawn = sample(family, transform, _ROWS, seed=1).numpy()
    histogram = marginals(prepared.splits.fit.x, drawn, dataset.columns)
    caption = f"data against {_ROWS} samples, column by column{told(dataset.columns[:MOST_COLUMNS])}"
    return {"samples.png": (histogram, caption)}
