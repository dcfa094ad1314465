"""The bundles that `make serve` answers with: intact, self-tested, honest about what they can do."""

import io
import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import betabinom

from pofx import bundle
from service.app import create_app
from service.settings import Settings

STORE = bundle.Store(Path(__file__).parents[2] / "models")
SHIPPED = {
    "breast-cancer-gmm": ("exact", ("generate", "score", "encode")),
    "digits-bernoulli": ("exact", ("generate", "score")),
    "magic-made": ("exact", ("generate", "score")),
    "mnist-dcgan": ("implicit", ("generate",)),
    "mnist-made": ("exact", ("generate", "score")),
    "mnist-nade": ("exact", ("generate", "score")),
    "mnist-pca": ("representation", ("score", "encode")),
    "mnist-pixelcnn": ("exact", ("generate", "score")),
    "mnist-rnn": ("exact", ("generate", "score")),
    "mnist-vae": ("lower_bound", ("generate", "score", "encode")),
    "words-wavenet": ("exact", ("generate", "score")),
}


def test_the_store_holds_what_the_readme_says():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shipped_as = re.findall(r"\| ((?:`[\w-]+`(?:, )?)+) \|$", readme, re.MULTILINE)  # the last column
    assert set(re.findall(r"[\w-]+", " ".join(shipped_as))) == set(SHIPPED)
    assert set(SHIPPED) <= set(STORE.names())  # a person may have trained more


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_bundle_is_intact_and_says_what_it_is(name):
    opened = bundle.read(STORE.locate(bundle.Reference.parse(name)))
    assert (opened.manifest.kind, opened.manifest.capabilities) == SHIPPED[name]
    assert not opened.manifest.provenance.smoke
    recipe = Path(__file__).parents[2] / "recipes" / f"{name}.toml"
    assert opened.read_bytes("recipe.toml") == recipe.read_bytes()
    picture = "samples.png" if opened.manifest.generate else "restored.png"
    assert {"CARD.md", picture} <= set(opened.manifest.files)


SCORING = [name for name, (kind, _) in SHIPPED.items() if kind != "implicit"]


ALPHAS = [0.001, 0.01, 0.05, 0.1]


def _held_out_rates(name: str) -> dict[str, list[bundle.Metric]]:
    """Realised rates by the statistic whose p-values they are of, as the protocol says."""
    rates: dict[str, list[bundle.Metric]] = {}
    for metric in bundle.read(STORE.locate(bundle.Reference.parse(name))).manifest.metrics:
        if metric.name.startswith("false_alarm_rate") and metric.split == "held out":
            statistic = re.search(r"conformal p of (\w+) <= ", metric.protocol).group(1)
            rates.setdefault(statistic, []).append(metric)
    return rates


def _without_ties(name: str) -> set[str]:
    """The statistics that hardly ever give two calibration items the same value; ties make false alarms rarer."""
    opened = bundle.read(STORE.locate(bundle.Reference.parse(name)))
    with np.load(io.BytesIO(opened.read_bytes("calibration.npz"))) as arrays:
        return {statistic for statistic, values in arrays.items() if len(np.unique(values)) > 0.95 * len(values)}


def _alpha(metric: bundle.Metric) -> float:
    return float(metric.name.rpartition("_")[2])


@pytest.mark.parametrize("name", SCORING)
def test_every_statistic_has_its_realised_false_alarm_rates(name):
    score = bundle.read(STORE.locate(bundle.Reference.parse(name))).manifest.score
    names = [item.name for item in score.statistics]
    alphas = ALPHAS if len(names) > 1 else ALPHAS[1:]  # before there were several, the rates began at 0.01
    supported = [alpha for alpha in alphas if alpha * (score.calibration.n + 1) + 1e-9 >= 1]
    rates = _held_out_rates(name)
    assert {statistic: [_alpha(metric) for metric in found] for statistic, found in rates.items()} == dict.fromkeys(
        names, supported
    )


@pytest.mark.parametrize("name", SCORING)
def test_realised_false_alarm_rates_are_plausible(name):
    distinct = _without_ties(name)
    for statistic, metric in ((key, metric) for key, found in _held_out_rates(name).items() for metric in found):
        alpha = _alpha(metric)
        n, items = map(int, re.search(r"n=(\d+) calibration items, (\d+) items", metric.protocol).groups())
        k = math.floor(alpha * (n + 1) + 1e-9)
        law = betabinom(items, k, n + 1 - k)  # of the number of alarms, calibration and held-out items exchangeable
        alarms = round(metric.value * items)
        assert alarms <= law.ppf(0.9995)
        assert alarms >= law.ppf(0.0005) or statistic not in distinct


def test_few_of_the_rates_miss_the_band_that_one_in_ten_misses_by_chance():
    rates = [metric for name in SCORING for found in _held_out_rates(name).values() for metric in found]
    outside = 0
    for metric in rates:
        low, high = map(float, metric.protocol.rpartition("band ")[2].split("-"))
        outside += not low <= metric.value <= high
    assert outside <= len(rates) / 3  # the rates of a bundle rise and fall together


def test_every_shipped_bundle_is_served():
    import asyncio

    async def loaded() -> tuple[list[str], list[object]]:
        app = create_app(Settings(store=STORE.root))
        async with app.router.lifespan_context(app):
            registry = app.state.services.registry
            return [model.manifest.name for model in registry.meant()], registry.refused

    names, refused = asyncio.run(loaded())
    assert set(SHIPPED) <= set(names)
    assert not {item.name for item in refused} & set(SHIPPED)
