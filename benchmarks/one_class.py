"""One-class MNIST: a model per digit, fitted on that digit alone; the whole official test split tells it from the rest.

The protocol of L. Ruff et al., "Deep One-Class Classification", ICML 2018, with AUROC per digit and their mean. Half a
minute per digit. The recipe's background model was chosen while looking at such figures; see docs/results/anomalies.md.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.table import Row
from pofx import bundle
from training import recipe as recipes
from training.fit import Hardware, fit
from training.prepare import prepare
from training.run import Run
from training.stages import published

RECIPE = Path("recipes/mnist-one-class.toml")
_KEY = "one-class: fitted on normal items only; "


def measure(_: Path) -> list[Row]:
    """A row per statistic: AUROC of the ten digits, whose median and range the table shows, and the mean as note."""
    found: dict[str, list[float]] = {}
    for digit in range(10):
        for statistic, auroc in _aurocs(digit):
            found.setdefault(statistic, []).append(auroc)
    return [
        Row(f"one digit against nine: {name}", tuple(values), "AUROC", _note(values)) for name, values in found.items()
    ]


def _aurocs(digit: int) -> Iterator[tuple[str, float]]:
    """The AUROC of every statistic by the evaluation that every fit ends with."""
    changes = (f'data.normal=["{digit}"]', f"name=mnist-only-{digit}")
    prepared = prepare(recipes.read(RECIPE, changes))
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit(prepared, Run.of(prepared, Path(folder) / "runs"), Hardware(), resume=False)
        written = published(fitted, bundle.Store(Path(folder) / "store"), lambda _: None).bundle
    for result in written.manifest.metrics:
        if result.name == "auroc":
            yield result.protocol.removeprefix(_KEY).split(";")[0], result.value


def _note(values: list[float]) -> str:
    listed = " ".join(f"{value:.3f}" for value in values)
    return f"mean {sum(values) / len(values):.4f}; digits 0 to 9: {listed}"
