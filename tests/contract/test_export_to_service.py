"""What training exports is what the service answers: the same numbers, over HTTP."""

import asyncio
import io
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch

import bundle
from service.app import create_app
from service.inference.noise import draw, draw_shared
from service.settings import Settings
from training.evaluate.sampling import fixed_point
from training.export import noise as exported_noise
from training.export.bundling import write_bundle
from training.fit import Hardware, Run, fit
from training.prepare import prepare
from training.recipe import parse
from training.zoo.base import DirectSampler, Encoder, FactorisedDensity

RECIPE = """
name = "tiny"
summary = "for tests"
[data]
source = "{source}"
{normal}
[transform]
name = "{transform}"
[family]
name = "{family}"
{options}
[fit]
epochs = 2
ema = 0.5
[export]
weights = "float16"
"""
KINDS = {
    "bernoulli": ("digits", "binarise", ""),
    "made": ("digits", "binarise", "hidden = [64]"),
    "made-rows": ("breast-cancer", "standardise", 'hidden = [8]\ncomponents = 2\norders = ["raster", "reversed"]'),
    "vae": ("digits", "binarise", "hidden = [16]\nlatent = 3\nscore_samples = 8"),
    "dcgan": ("digits", "signed_unit", "latent = 4\nchannels = 4"),
    "gmm": ("breast-cancer", "standardise", 'components = [2]\ncovariances = ["full"]\nrestarts = 1'),
}


@pytest.fixture(scope="module", params=KINDS)
def shipped(request, tmp_path_factory):
    """An experiment and the store with its bundle."""
    source, transform, options = KINDS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    normal = 'normal = ["benign"]' if source == "breast-cancer" else ""
    text = RECIPE.format(
        source=source, transform=transform, family=request.param.partition("-")[0], options=options, normal=normal
    )
    experiment = prepare(parse(text), smoke=source == "digits")
    run = Run.of(experiment, folder / "runs")
    report = fit(experiment, run, Hardware("cpu", "1"), resume=False)
    store = bundle.Store(folder / "models")
    written = write_bundle(experiment, report, run, store, lambda _: None)
    return experiment, store.root, written.manifest


def _npy(array: np.ndarray) -> dict[str, object]:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return {"content": buffer.getvalue(), "headers": {"content-type": "application/x-npy"}}


def test_scores_are_those_of_the_eager_model(shipped, post):
    experiment, store, manifest = shipped
    raw = experiment.splits.test.x[:20]
    mapped = isinstance(experiment.family, FactorisedDensity)
    answer = post(store, "/score", params={"model": manifest.name, "alpha": 0.1, "explain": mapped}, **_npy(raw))
    if manifest.score is None:
        assert answer.status_code == 409
        return
    assert answer.status_code == 200, answer.text
    body = answer.json()
    with torch.no_grad():
        x = experiment.transform(torch.from_numpy(raw))
        shared = [torch.from_numpy(draw_shared(item, 0)) for item in manifest.graphs["score"].inputs[1:]]
        expected = experiment.family.log_prob(x, *shared) + experiment.transform.log_det.sum()
    got = [result["log_prob"] for result in body["results"]]
    np.testing.assert_allclose(got, expected.numpy(), rtol=1e-4, atol=1e-3)
    assert body["kind"] == manifest.kind
    if mapped and manifest.input.kind == "image":
        for result in body["results"]:
            assert np.sum(result["map"]["values"]) == pytest.approx(-result["log_prob"], rel=1e-4)


def test_p_values_of_the_calibration_split_are_its_ranks(shipped, post):
    experiment, store, manifest = shipped
    if manifest.score is None:
        return
    raw = experiment.splits.calibration.x
    answer = post(store, "/score", params={"alpha": 0.1}, **_npy(raw))
    assert answer.status_code == 200, answer.text
    p = np.array([result["p_value"] for result in answer.json()["results"]])
    scores = np.load(store / "tiny-smoke" / "1" / "calibration.npz") if manifest.provenance.smoke else None
    n = manifest.score.calibration.n
    assert n == len(raw)
    assert p.min() >= 2 / (n + 1) - 1e-9  # an item of the calibration set counts itself
    if scores is not None and len(np.unique(scores["log_prob"])) == n:
        np.testing.assert_allclose(np.sort(p), np.arange(2, n + 2) / (n + 1))


def test_samples_are_those_of_the_eager_model_for_the_same_noise(shipped, post):
    experiment, store, manifest = shipped
    answer = post(store, "/generate", json={"n": 6, "seed": 11}, headers={"accept": "application/x-npy"})
    samples = np.load(io.BytesIO(answer.content))
    noise = [
        torch.from_numpy(draw(item, 11, range(6)))
        for item in manifest.graphs[manifest.generate.graph].inputs
        if item.role == "noise"
    ]
    with torch.no_grad():
        if isinstance(experiment.family, DirectSampler):
            x, _ = experiment.family.generate(*noise, temperature=torch.ones(6))
        else:
            x, _ = fixed_point(experiment.family, *noise, temperature=torch.ones(6))
        expected = experiment.transform.inverse(x).numpy()
    if samples.dtype == np.uint8:
        assert np.abs(samples.astype(int) - expected.astype(int)).max() <= (1 if manifest.kind == "implicit" else 0)
    else:
        np.testing.assert_allclose(samples, expected, rtol=1e-5)


def test_embeddings_are_those_of_the_eager_model(shipped, post):
    experiment, store, manifest = shipped
    raw = experiment.splits.test.x[:7]
    answer = post(store, "/encode", params={"model": manifest.name}, **_npy(raw))
    if manifest.encode is None:
        assert answer.status_code == 409
        return
    assert isinstance(experiment.family, Encoder)
    with torch.no_grad():
        expected = experiment.family.embed(experiment.transform(torch.from_numpy(raw)))
    np.testing.assert_allclose(answer.json()["embeddings"], expected.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("seed", [0, 7, 2**40])
def test_both_sides_draw_the_same_shared_noise(distribution, seed):
    noise = bundle.NoiseInput(name="eps", dtype="float32", shape=(4, 3), distribution=distribution)
    np.testing.assert_array_equal(exported_noise.draw_shared(noise, seed), draw_shared(noise, seed))


def test_a_running_service_serves_a_bundle_that_is_fitted_meanwhile(tmp_path):
    store = bundle.Store(tmp_path / "models")
    text = RECIPE.format(source="digits", transform="binarise", family="bernoulli", options="", normal="")

    async def watched() -> httpx.Response:
        app = create_app(Settings(store=store.root, rescan_s=0.01))
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://t") as client,
        ):
            assert (await client.post("/generate", json={"model": "tiny-smoke"})).status_code == 404
            await asyncio.to_thread(_fit_smoke, text, store, tmp_path)
            async with asyncio.timeout(20):
                while not (await client.get("/models")).json()["models"]:
                    await asyncio.sleep(0.01)
            return await client.post("/generate", json={"model": "tiny-smoke"})

    assert asyncio.run(watched()).status_code == 200


def _fit_smoke(text: str, store: bundle.Store, folder: Path) -> None:
    experiment = prepare(parse(text), smoke=True)
    run = Run.of(experiment, folder / "runs")
    write_bundle(experiment, fit(experiment, run, Hardware("cpu", "1"), resume=False), run, store, lambda _: None)
