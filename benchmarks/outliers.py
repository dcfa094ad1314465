"""How well each statistic of the MNIST models tells digits from other pictures: AUROC, 0.5 for a coin.

Normal are images of the official test split that no model saw; strange are pictures of the same size of other kinds.
Nothing is fitted here, but which statistics exist and which of them join in ``combined`` was chosen while looking at
such figures, of these kinds of pictures and of this split: other pictures may well be harder. Letters are rendered from
the fonts that come with matplotlib, emoji need ``data/emoji-google-32.zip``; without it they are left out.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.metrics import roc_auc_score

from benchmarks.bundles import golden, open_bundle, session
from benchmarks.table import Row
from pofx import bundle
from training.data import mnist

NORMAL, STRANGE, _BATCH = 2000, 600, 200
_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYabdefghkmnrtw"  # without those that look like digits
_EMOJI = Path("data/emoji-google-32.zip")
_SIDE = 28


def measure(store: Path) -> list[Row]:
    """One row per model, statistic and kind of strange picture."""
    test = mnist.load(Path("data/mnist")).test.x[..., 0]
    order = np.random.default_rng(1).permutation(len(test))
    normal, others = test[order[:NORMAL]], strange(test[order[NORMAL : NORMAL + STRANGE]])
    names = [name for name in bundle.Store(store).names() if _scores_digits(open_bundle(store, name).manifest)]
    return [row for name in names for row in _rows(open_bundle(store, name), normal, others)]


def strange(digits: np.ndarray) -> dict[str, np.ndarray]:
    """Kinds of pictures that are no digits, uint8 (n, 28, 28) each."""
    random = np.random.default_rng(0)
    count, shuffled = len(digits), random.permutation(_SIDE * _SIDE)
    kinds = {
        "letters": _letters(count, random),
        "rotated by 90°": np.rot90(digits, 1, (1, 2)),
        "inverted": 255 - digits,
        "constant": np.broadcast_to(random.integers(0, 256, (count, 1, 1), np.uint8), digits.shape),
        "noise": random.integers(0, 256, digits.shape, np.uint8),
        "pixels shuffled": digits.reshape(count, -1)[:, shuffled].reshape(digits.shape),
    }
    return {"emoji in grey": _emoji(count), **kinds} if _EMOJI.exists() else kinds


def _scores_digits(manifest: bundle.Manifest) -> bool:
    digits = manifest.input.shape == (_SIDE, _SIDE, 1) and manifest.name.startswith("mnist-")
    return digits and manifest.score is not None


def _rows(opened: bundle.Bundle, normal: np.ndarray, others: dict[str, np.ndarray]) -> Iterator[Row]:
    usual = _statistics(opened, normal)
    for kind, pictures in others.items():
        for name, values in _statistics(opened, pictures).items():
            truth = np.repeat([0, 1], [len(usual[name]), len(values)])
            auroc = float(roc_auc_score(truth, np.concatenate([usual[name], values])))
            yield Row(f"{opened.manifest.reference}, {kind}: {name}", (auroc,), "AUROC")


def _statistics(opened: bundle.Bundle, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Every statistic, high values being strange, (n,) each."""
    score = opened.manifest.score
    graph, signs = session(opened, score.graph, 1), {item.name: item.tail for item in score.statistics}
    fixed = {item.name: golden(opened)[f"score.in.{item.name}"] for item in graph.get_inputs() if item.name != "image"}
    parts = [
        graph.run(list(signs), {"image": pictures[start : start + _BATCH, ..., None], **fixed})
        for start in range(0, len(pictures), _BATCH)
    ]
    found = dict(zip(signs, map(np.concatenate, zip(*parts, strict=True)), strict=True))
    return {name: -values if signs[name] == "low" else values for name, values in found.items()}


def _letters(count: int, random: np.random.Generator) -> np.ndarray:
    """White letters on black, centred, in upright and slanted fonts."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    fonts = sorted(path for path in folder.glob("DejaVu*.ttf") if "Display" not in path.name)
    return np.stack([_letter(random, str(fonts[random.integers(len(fonts))])) for _ in range(count)])


def _letter(random: np.random.Generator, font: str) -> np.ndarray:
    image, face = Image.new("L", (_SIDE, _SIDE)), ImageFont.truetype(font, int(random.integers(20, 26)))
    character = _LETTERS[random.integers(len(_LETTERS))]
    left, top, right, bottom = face.getbbox(character)
    corner = ((_SIDE - right - left) / 2, (_SIDE - bottom - top) / 2)
    ImageDraw.Draw(image).text(corner, character, fill=255, font=face)
    return np.asarray(image)


def _emoji(count: int) -> np.ndarray:
    """Emoji on white, in grey."""
    with zipfile.ZipFile(_EMOJI) as archive:
        files = sorted(name for name in archive.namelist() if name.endswith(".png"))[:count]
        return np.stack([_grey(archive.read(name)) for name in files])


def _grey(data: bytes) -> np.ndarray:
    picture = Image.open(io.BytesIO(data)).convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return np.asarray(white.convert("L").resize((_SIDE, _SIDE)))
