"""The bundles that `make serve` answers with: intact, self-tested, honest about what they can do."""

from pathlib import Path

import pytest

import bundle
from service.app import create_app
from service.settings import Settings

STORE = bundle.Store(Path(__file__).parents[2] / "models")
SHIPPED = {
    "breast-cancer-gmm": ("exact", ("generate", "score", "encode")),
    "digits-bernoulli": ("exact", ("generate", "score")),
    "mnist-dcgan": ("implicit", ("generate",)),
    "mnist-made": ("exact", ("generate", "score")),
    "mnist-vae": ("lower_bound", ("generate", "score", "encode")),
}


def test_the_store_holds_what_the_readme_says():
    assert STORE.names() == sorted(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_bundle_is_intact_and_says_what_it_is(name):
    opened = bundle.read(STORE.locate(bundle.Reference.parse(name)))
    assert (opened.manifest.kind, opened.manifest.capabilities) == SHIPPED[name]
    assert not opened.manifest.provenance.smoke
    recipe = Path(__file__).parents[2] / "recipes" / f"{name}.toml"
    assert opened.read_bytes("recipe.toml") == recipe.read_bytes()
    assert {"CARD.md", "samples.png"} <= set(opened.manifest.files)


@pytest.mark.parametrize("name", [name for name, (kind, _) in SHIPPED.items() if kind != "implicit"])
def test_realised_false_alarm_rates_are_recorded_and_inside_their_band(name):
    opened = bundle.read(STORE.locate(bundle.Reference.parse(name)))
    metrics = opened.manifest.metrics
    rates = [item for item in metrics if item.name.startswith("false_alarm_rate") and item.split == "held out"]
    assert len(rates) == 3
    for metric in rates:
        low, high = map(float, metric.protocol.rpartition("band ")[2].split("-"))
        assert low <= metric.value <= high


def test_every_shipped_bundle_is_served():
    import asyncio

    async def loaded() -> tuple[list[str], list[object]]:
        app = create_app(Settings(store=STORE.root))
        async with app.router.lifespan_context(app):
            registry = app.state.services.registry
            return [model.manifest.name for model in registry.latest()], registry.refused

    names, refused = asyncio.run(loaded())
    assert names == sorted(SHIPPED)
    assert list(refused) == []
