"""The service on the tiny store."""

import asyncio
import threading

import httpx
import pytest

from service.app import create_app
from service.settings import Settings


class Client:
    """Talks to an application that runs in an event loop of its own thread, lifespan included."""

    def __init__(self, app):
        self.app, self.loop = app, asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self):
        self.thread.start()
        self.lifespan = self.app.router.lifespan_context(self.app)
        self.run(self.lifespan.__aenter__())
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False), base_url="http://test"
        )
        return self

    def __exit__(self, *_):
        self.run(self.http.aclose())
        self.run(self.lifespan.__aexit__(None, None, None))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def get(self, path, **options):
        return self.run(self.http.get(path, **options))

    def post(self, path, **options):
        return self.run(self.http.post(path, **options))

    def together(self, requests):
        """The answers to many posts that are in flight at the same time; each is (path, options)."""

        async def gather():
            return await asyncio.gather(*(self.http.post(path, **options) for path, options in requests))

        return self.run(gather())


@pytest.fixture(scope="session")
def settings(store):
    """Makes settings over the tiny store."""
    return lambda **chosen: Settings(**{"store": store.root, "access_log_share": 0.0, **chosen})


@pytest.fixture(scope="session")
def app(settings):
    return create_app(settings())


@pytest.fixture(scope="session")
def client(app):
    with Client(app) as found:
        yield found


@pytest.fixture
def serve(settings):
    """Serves the tiny store in an application of one's own, with further settings."""
    return lambda **chosen: Client(create_app(settings(**chosen)))
