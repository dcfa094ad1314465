"""The bundles that `make serve` answers with: intact, self-tested, honest about what they can do."""

import math
import re
from pathlib import Path

import pytest
from scipy.stats import betabinom

import bundle
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
    assert {"CARD.md", "samples.png"} <= set(opened.manifest.files)


SCORING = [name for name, (kind, _) in SHIPPED.items() if kind != "implicit"]


def _held_out_rates(name: str) -> list[bundle.Metric]:
    metrics = bundle.read(STORE.locate(bundle.Reference.parse(name))).manifest.metrics
    return [item for item in metrics if item.name.startswith("false_alarm_rate") and item.split == "held out"]


@pytest.mark.parametrize("name", SCORING)
def test_realised_false_alarm_rates_are_recorded_and_plausible(name):
    rates = _held_out_rates(name)
    alphas = [0.01, 0.05, 0.1]
    n = bundle.read(STORE.locate(bundle.Reference.parse(name))).manifest.score.calibration.n
    assert [float(metric.name.rpartition("_")[2]) for metric in rates] == [a for a in alphas if a * (n + 1) >= 1]
    for metric in rates:
        alpha = float(metric.name.rpartition("_")[2])
        n, items = map(int, re.search(r"n=(\d+) calibration items, (\d+) items", metric.protocol).groups())
        k = math.floor(alpha * (n + 1))
        law = betabinom(items, k, n + 1 - k)  # of the number of alarms, calibration and held-out items exchangeable
        assert law.ppf(0.0005) <= round(metric.value * items) <= law.ppf(0.9995)


def test_few_of_the_rates_miss_the_band_that_one_in_ten_misses_by_chance():
    outside = 0
    for metric in (metric for name in SCORING for metric in _held_out_rates(name)):
        low, high = map(float, metric.protocol.rpartition("band ")[2].split("-"))
        outside += not low <= metric.value <= high
    assert outside <= len(SCORING)  # a third of them: the three rates of a bundle rise and fall together


def test_every_shipped_bundle_is_served():
    import asyncio

    async def loaded() -> tuple[list[str], list[object]]:
        app = create_app(Settings(store=STORE.root))
        async with app.router.lifespan_context(app):
            registry = app.state.services.registry
            return [model.manifest.name for model in registry.latest()], registry.refused

    names, refused = asyncio.run(loaded())
    assert set(SHIPPED) <= set(names)
    assert not {item.name for item in refused} & set(SHIPPED)
