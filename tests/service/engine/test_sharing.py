"""In a running service: requests that share steps, join and leave between them, get the samples they get alone."""

import asyncio
import threading

import httpx
import numpy as np
import pytest

import pofx
from pofx import bundle
from service.app import create_app
from service.engine import threads
from service.engine.prices import Price
from service.settings import Settings

BULK, SMALL = Price(1.0, 1e-3), Price(1e-6, 1e-6)


@pytest.fixture(scope="module")
def walking(drafts, tmp_path_factory):
    """A store with a sampler in steps, and one with a fixed point."""
    store = bundle.Store(tmp_path_factory.mktemp("sharing"))
    for name in ("walk", "exact_image"):
        drafts[name]().write(store)
    return store


class Spy:
    """Tells the position and the requests of every step; the first one waits until ``gate`` is set."""

    def __init__(self, monkeypatch):
        self.steps, self.gate = [], threading.Event()
        execute = threads._execute

        def spying(batch):
            if not self.steps:
                self.gate.wait(20)
            self.steps.append((batch[0].job.key[2], sorted(piece.job.number for piece in batch)))
            execute(batch)

        monkeypatch.setattr(threads, "_execute", spying)


def served(store, price, scenario, **chosen):
    """What the scenario gives, beside an application with that price for the sampler in steps."""
    app = create_app(Settings(store=store.root, access_log_share=0.0, deadline_s=1000, **chosen))
    transport = httpx.ASGITransport(app)

    async def run():
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://x") as http,
        ):
            registry = app.state.services.registry
            registry.prices._known[registry.find("tiny-walk").graphs["generate"]] = price
            return await asyncio.wait_for(scenario(http, app.state.services.device), 30)

    return asyncio.run(run())


def ask(http, n, seed, model="tiny-walk"):
    body = {"model": model, "n": n, "seed": seed, "format": "array"}
    return asyncio.create_task(http.post("/generate", json=body))


async def until(condition):
    while not condition():
        await asyncio.sleep(0)


async def newcomer(http, device):
    """A request whose first step is held, and one that waits."""
    first = ask(http, 3, 1)
    await until(lambda: device.busy_s)
    second = ask(http, 2, 2)
    await until(lambda: len(device._policy))
    return first, second


def drawn(answer):
    return np.array([sample["array"] for sample in answer.json()["samples"]], np.float32)


def test_a_newcomer_catches_up_shares_the_steps_and_changes_nobodys_sample(walking, monkeypatch):
    spy = Spy(monkeypatch)

    async def scenario(http, device):
        first, second = await newcomer(http, device)
        spy.gate.set()
        return await asyncio.gather(first, second)

    answers = served(walking, BULK, scenario, parallel_runs=1)
    assert spy.steps == [(0, [1]), (0, [2]), (2, [1, 2]), (4, [1, 2]), (6, [1, 2])]
    model = pofx.load("tiny-walk", store=walking.root)
    for answer, (n, seed) in zip(answers, [(3, 1), (2, 2)], strict=True):
        assert np.array_equal(drawn(answer), model.sample(n, seed=seed).values)


def test_who_leaves_between_steps_takes_nothing_from_the_others(walking, monkeypatch):
    spy = Spy(monkeypatch)

    async def scenario(http, device):
        first, second = await newcomer(http, device)
        first.cancel()
        await asyncio.sleep(0)
        spy.gate.set()
        return await second

    answer = served(walking, BULK, scenario, parallel_runs=1)
    assert spy.steps == [(0, [1]), *((position, [2]) for position in (0, 2, 4, 6))]
    expected = pofx.load("tiny-walk", store=walking.root).sample(2, seed=2).values
    assert np.array_equal(drawn(answer), expected)


@pytest.mark.parametrize("price", [BULK, SMALL])
def test_the_same_seed_draws_the_same_bits_in_any_company(walking, monkeypatch, price):
    """On several lanes, in steps that hold a part of a request, beside another sampler, while some leave."""
    spy, random = Spy(monkeypatch), np.random.default_rng(0)
    spy.gate.set()
    asked = [(int(n), seed) for seed, n in enumerate(random.integers(1, 40, 30))]

    async def scenario(http, device):
        kept, others = [], []
        for n, seed in asked:
            kept.append(ask(http, n, seed))
            others += [ask(http, 5, seed), ask(http, 3, seed, "tiny-made")]
            for _ in range(int(random.integers(0, 40))):
                await asyncio.sleep(0)
            others.pop(0).cancel()
        return await asyncio.gather(*kept)

    answers = served(walking, price, scenario, parallel_runs=2, max_batch_rows=16)
    model = pofx.load("tiny-walk", store=walking.root)
    for answer, (n, seed) in zip(answers, asked, strict=True):
        assert np.array_equal(drawn(answer), model.sample(n, seed=seed).values)
    assert any(len(numbers) > 1 for position, numbers in spy.steps if position)
