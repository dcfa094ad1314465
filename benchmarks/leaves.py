"""Leaves with and without visible defects: the documented example of images, and what `image-density` makes of it.

Leaves are drawn: an outline, veins, light from a side, a little noise; 32 by 32 pixels in grey. Defects are holes,
spots, torn edges and folds. They are drawn before a leaf is turned, blurred, lit and made noisy, unlike those that the
recipe makes up; holes and spots are ellipses like some of those all the same. Of 2,000 leaves without defects, some are
kept aside as ever; of 80 labelled defects half choose, and 320 others judge.
"""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from sklearn.metrics import roc_auc_score

import pofx
from benchmarks.table import Row
from pofx import bundle
from training import recipe as recipes
from training.choose import choose
from training.errors import TooCostly
from training.fit import Fitted, Hardware, fit
from training.prepare import prepare
from training.run import Run
from training.stages import published

SIDE, SCALE = 32, 4
LEAVES, LABELLED, JUDGED, ALPHA = 2000, 80, 320, 0.01
KINDS = ("hole", "spot", "torn", "fold")
DOCUMENTED = """
name = "leaves"
summary = "Outlines of leaves, 32x32."
[data]
source = "images"
path = "{leaves}"
mode = "grey"
size = 32
[transform]
name = "binarise"
[family]
name = "made"
hidden = [1024]
[fit]
epochs = 20
patience = 10
"""


def measure(_: Path) -> list[Row]:
    """What the documented recipe and `image-density` find of the same leaves; no bundle of a store is looked at."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write(place)
        changes = (
            "name=leaves-density",
            "choose.minutes=60",  # so that the same families are compared however busy the machine is
            "data.source=images",
            f'data.path="{(place / "leaves").as_posix()}"',
            "data.size=32",
        )
        documented = recipes.parse(DOCUMENTED.format(leaves=(place / "leaves").as_posix()))
        without = recipes.read(Path("recipes/image-density.toml"), changes)
        given = (*changes, f'data.defects="{(place / "labelled").as_posix()}"', "choose.verdict=best")
        asked = {
            "documented (binarise, made)": documented,
            "image-density": without,
            f"image-density, {LABELLED} labelled defects": recipes.read(Path("recipes/image-density.toml"), given),
        }
        return [row for name, recipe in asked.items() for row in _rows(name, recipe, place)]


def write(folder: Path) -> None:
    """Folders of PNG files: ``leaves``, and ``labelled`` and ``judged`` ones with defects."""
    random = np.random.default_rng(0)
    for name, count, is_odd in (("leaves", LEAVES, False), ("labelled", LABELLED, True), ("judged", JUDGED, True)):
        (folder / name).mkdir()
        for index in range(count):
            kind = KINDS[index % len(KINDS)] if is_odd else None
            drawn(random, kind).save(folder / name / f"{index:04d}{'-' + kind if kind else ''}.png")


def drawn(random: np.random.Generator, kind: str | None = None) -> Image.Image:
    """A leaf, with a defect of that kind, or without."""
    size = SIDE * SCALE
    leaf, ink = Image.new("L", (size, size), 0), int(random.integers(120, 180))
    length, width, teeth = random.uniform(0.36, 0.44) * size, random.uniform(0.18, 0.26) * size, random.integers(5, 9)
    along = np.linspace(0, 1, 40)
    half = width * np.sin(np.pi * along**0.8) * (1 + 0.05 * np.sin(2 * np.pi * teeth * along))
    x = size / 2 + (2 * along - 1) * length
    outline = [*zip(x, size / 2 - half, strict=True), *zip(x[::-1], size / 2 + half[::-1], strict=True)]
    pen = ImageDraw.Draw(leaf)
    pen.polygon(outline, fill=ink)
    pen.line([(x[0] - 0.06 * size, size / 2), (x[-1], size / 2)], fill=ink - 70, width=SCALE)
    for place in range(6, 36, 6):
        for side in (-1, 1):
            tip = (x[place] + 0.08 * size, size / 2 + side * 0.8 * half[min(place + 3, 39)])
            pen.line([(x[place], size / 2), tip], fill=ink - 45, width=max(1, SCALE // 2))
    if kind is not None:
        _harm(pen, kind, random, x, half, ink)
    turned = leaf.rotate(float(random.uniform(-12, 12)), Image.Resampling.BILINEAR)
    small = np.asarray(turned.filter(ImageFilter.BoxBlur(SCALE / 2)).resize((SIDE, SIDE)), np.float64)
    light = 1 + random.uniform(-0.15, 0.15) * np.linspace(-1, 1, SIDE)
    return Image.fromarray((small * light + 20 + random.normal(0, 4, small.shape)).clip(0, 255).astype(np.uint8))


def _harm(
    pen: ImageDraw.ImageDraw, kind: str, random: np.random.Generator, x: np.ndarray, half: np.ndarray, ink: int
) -> None:
    """Draws one defect into the leaf."""
    size, place = SIDE * SCALE, int(random.integers(10, 30))
    middle = (x[place], size / 2 + random.uniform(-0.6, 0.6) * half[place])
    radius = random.uniform(0.05, 0.09) * size
    box = (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius)
    match kind:
        case "hole":
            pen.ellipse(box, fill=0)
        case "spot":
            pen.ellipse(box, fill=ink - 80)
        case "torn":
            side = 1 if random.random() < 0.5 else -1
            edge = size / 2 + side * half[place]
            pen.polygon(
                [
                    (x[place - 5], edge + side * size),
                    (x[place], edge - side * 1.5 * radius),
                    (x[place + 5], edge + side * size),
                ],
                fill=0,
            )
        case "fold":
            pen.line(
                [(x[place] - 2 * radius, middle[1] - radius), (x[place] + 2 * radius, middle[1] + radius)],
                fill=ink + 60,
                width=SCALE,
            )


def _rows(name: str, recipe: recipes.Recipe, place: Path) -> list[Row]:
    fitted: list[Fitted] = []
    for one in recipes.candidates(recipe):
        ready = prepare(one)
        try:
            fitted.append(fit(ready, Run.of(ready, place / "runs"), Hardware("cpu", "1"), resume=False))
        except TooCostly as error:
            print(f"left out: {error}")
    best = choose(fitted, print)
    written = published(best, bundle.Store(place / "store"), print).bundle
    model = pofx.load(written.folder)
    normal = best.prepared.splits.test.x
    odd = np.stack([np.asarray(Image.open(path))[..., None] for path in sorted((place / "judged").glob("*.png"))])
    seconds = sum(item.report.seconds for item in fitted)
    score = model.loaded.manifest.score
    assert score is not None
    rows = [Row(f"{name}: seconds to fit", (seconds,), "s")]
    for item in score.statistics:
        usual, strange = (model.score(part, verdict=item.name, alpha=ALPHA) for part in (normal, odd))
        sign = -1.0 if item.tail == "low" else 1.0
        values = [sign * part.statistics[item.name] for part in (usual, strange)]
        auroc = float(roc_auc_score(np.repeat([0, 1], [len(normal), len(odd)]), np.concatenate(values)))
        decides = " (decides)" if item.name == score.statistics[0].name else ""
        rows.append(Row(f"{name}: {item.name}{decides}, AUROC", (auroc,), ""))
        rows.append(Row(f"{name}: {item.name}{decides}, found at {ALPHA:g}", (float(strange.anomaly.mean()),), "share"))
        rows.append(Row(f"{name}: {item.name}{decides}, false alarms", (float(usual.anomaly.mean()),), "share"))
    return rows
