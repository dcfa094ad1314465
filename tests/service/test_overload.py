"""Under pressure: the same refusal for bulk and single, deadlines hold, and work of gone clients is dropped."""

import asyncio
import threading

import httpx

from service.app import create_app
from service.engine import threads
from service.engine.prices import Price

ITEM = {"array": [0.0, 0.0, 0.0]}


class Gate:
    """Holds the device until it is opened, and counts the rows that reach it."""

    def __init__(self, monkeypatch):
        self.open, self.rows = threading.Event(), 0
        execute = threads._execute

        def gated(batch):
            self.open.wait(20)
            self.rows += sum(piece.rows for piece in batch)
            execute(batch)

        monkeypatch.setattr(threads, "_execute", gated)


def serve(app, scenario):
    async def run():
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http,
        ):
            return await asyncio.wait_for(scenario(http), 30)

    return asyncio.run(run())


def score(http, items):
    return http.post("/score", json={"model": "tiny-table", "inputs": [ITEM] * items})


def priced(app, row_s):
    """Makes the service think that a row of the tiny table takes so long, and that nobody else uses the machine."""
    services = app.state.services
    services.admission.pace = lambda: 1.0
    graph = services.registry.find("tiny-table").graphs["score"]
    services.registry.prices._known[graph] = Price(1e-6, row_s)


def test_bulk_and_single_are_refused_alike_when_all_is_promised(settings, monkeypatch):
    gate = Gate(monkeypatch)
    app = create_app(settings(deadline_s=12, parallel_runs=1))

    async def scenario(http):
        priced(app, 1.0)
        held = [asyncio.create_task(score(http, 1)) for _ in range(9)]
        while app.state.services.admission.requests < 9:
            await asyncio.sleep(0)
        refused = [await score(http, 2), await score(http, 1)]
        too_large = await score(http, 12)
        gate.open.set()
        return await asyncio.gather(*held), refused, too_large

    held, refused, too_large = serve(app, scenario)
    assert {answer.status_code for answer in held} == {200}
    assert {answer.status_code for answer in refused} == {429}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert (too_large.status_code, too_large.json()["max_n"]) == (413, 9)
    assert app.state.services.admission.pending_s == 0


def test_a_deadline_is_answered_even_while_the_device_is_stuck(settings, monkeypatch):
    gate = Gate(monkeypatch)
    app = create_app(settings(deadline_s=0.05, parallel_runs=1))

    async def scenario(http):
        answers = await asyncio.gather(*(score(http, 1) for _ in range(3)))
        gate.open.set()
        return answers

    assert {answer.status_code for answer in serve(app, scenario)} == {504}
    assert app.state.services.admission.pending_s == 0


def test_rows_of_clients_that_left_do_not_reach_the_device(settings, monkeypatch):
    gate = Gate(monkeypatch)
    app = create_app(settings(parallel_runs=1))

    async def leave(device):
        left = asyncio.Event()
        messages = [{"type": "http.request", "body": b'{"model":"tiny-table","inputs":[{"array":[0,0,0]}]}'}]

        async def receive():
            if messages:
                return messages.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        sent = []

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/score", "headers": [], "query_string": b""}
        task = asyncio.create_task(app(scope, receive, send))
        return task, left, sent

    async def scenario(http):
        device = app.state.services.device
        first = asyncio.create_task(score(http, 1))
        while not device.busy_s:
            await asyncio.sleep(0)
        gone = [await leave(device) for _ in range(5)]
        stays = asyncio.create_task(score(http, 1))
        while len(device._policy) < 6:
            await asyncio.sleep(0)
        for _, left, _ in gone:
            left.set()
        await asyncio.gather(*(task for task, _, _ in gone))
        gate.open.set()
        return await asyncio.gather(first, stays), [sent[0]["status"] for _, _, sent in gone]

    answers, statuses = serve(app, scenario)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert statuses == [499] * 5
    assert gate.rows == 2
    assert app.state.services.admission.pending_s == 0
