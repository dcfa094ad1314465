"""Pictures and recordings of a card: samples, walks between latents, losses."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.evaluate.pictures import interpolation, loss_curves, marginals, sheet
from training.evaluate.recordings import as_wav, waves
from training.evaluate.sampling import sample
from training.prepare import Prepared
from training.zoo.base import DirectSampler, FixedPointSampler, Reconstructing

SAMPLES = 64
_ROWS = 2000
_RECORDINGS = 5
_RESTORED = 32


@dataclass(frozen=True)
class Pictures:
    """Pictures and recordings by file name, with a caption each."""

    files: dict[str, bytes]
    captions: dict[str, str]


def pictures(prepared: Prepared, metrics: list[Path]) -> Pictures:
    """Samples, interpolation and loss curves, as far as the model has them."""
    family, transform = prepared.family, prepared.transform
    found: dict[str, tuple[bytes | None, str]] = {}
    if isinstance(family, DirectSampler | FixedPointSampler):
        found |= _samples(prepared)
    if isinstance(family, Reconstructing) and transform.raw == "image":
        found["restored.png"] = (_restored(prepared), "test items, each above what its code restores")
    found["interpolation.png"] = (interpolation(family, transform), "walks between pairs of latents")
    found["loss.png"] = (loss_curves(metrics), "loss per epoch")
    present = {name: data for name, (data, _) in found.items() if data is not None}
    return Pictures(present, {name: found[name][1] for name in present})


def _restored(prepared: Prepared) -> bytes:
    """PNG of items in rows, each row above what the codes restore."""
    family, transform = prepared.family, prepared.transform
    raw = prepared.splits.test.x[:_RESTORED]
    with torch.no_grad():
        x = transform(torch.from_numpy(raw), *(torch.full(item.shape, 0.5) for item in transform.score_noise))
        restored = transform.nearest(family.decode(family.embed(x))).numpy()
    across = min(16, len(raw))
    rows = [part[start : start + across] for start in range(0, len(raw), across) for part in (raw, restored)]
    return sheet(np.concatenate(rows), across, max(1, 56 // transform.raw_shape[0]))


def _samples(prepared: Prepared) -> dict[str, tuple[bytes, str]]:
    """Samples in the form of the data, and their caption, by the name of the file."""
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
    return {"samples.png": (histogram, f"data against {_ROWS} samples, column by column")}
