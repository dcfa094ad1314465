"""Keys guard everything but the probes, and bodies are limited whether or not they say their size."""

import asyncio

import httpx
import pytest

from service.app import create_app
from service.gates import OPEN_PATHS, is_open

SCRIPT = "/docs/static/swagger-ui-bundle.js"


@pytest.fixture(scope="module")
def guarded(settings):
    return create_app(settings(api_keys="one,two", max_body_bytes=1000))


def ask(app, *requests):
    async def run():
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http,
        ):
            return [await http.request(method, path, **options) for method, path, options in requests]

    # an application's lifespan runs once, so every call gets its own
    return asyncio.run(run())


def paths(app):
    routes = {getattr(route, "path", "") for route in app.routes} | set(app.openapi()["paths"])
    return sorted(path.replace("{name}", "tiny-made") for path in routes if path)


def test_every_route_but_the_probes_needs_a_key(settings):
    app = create_app(settings(api_keys="one,two"))
    guarded_paths = [path for path in paths(app) if not is_open(path) and path != "/docs/static"]
    assert {"/score", "/generate", "/encode", "/calibrate", "/metrics", "/models"} <= set(guarded_paths)
    methods = ("GET", "POST", "PUT", "OPTIONS", "HEAD")
    requests = [(method, path, {}) for path in [*guarded_paths, "/no/such/path"] for method in methods]
    for answer in ask(app, *requests):
        assert answer.status_code == 401, answer.request.url
        assert answer.headers["www-authenticate"] == "Bearer"


def test_keys_open_and_wrong_keys_do_not(settings):
    app = create_app(settings(api_keys="one,two"))
    good = [{"Authorization": "Bearer two"}, {"Authorization": "bearer one"}, {"X-API-Key": "one"}]
    bad = [
        {"Authorization": "Bearer three"},
        {"Authorization": "Basic one"},
        {"X-API-Key": ""},
        {"X-API-Key": "one,two"},
    ]
    answers = ask(app, *[("GET", "/models", {"headers": headers}) for headers in good + bad])
    assert [answer.status_code for answer in answers] == [200] * 3 + [401] * 4
    probes = ask(create_app(settings(api_keys="one")), *[("GET", path, {}) for path in sorted(OPEN_PATHS)])
    assert [answer.status_code for answer in probes] == [200] * len(OPEN_PATHS)


def test_the_page_asks_for_the_keys_that_are_needed(settings):
    """A person can open it, enter a key, and call what needs one; what is open asks for none."""
    schemes = {"ApiKey": "X-API-Key", "OperatorKey": "X-Operator-Key"}
    for keys, expected in (("one", [{"ApiKey": []}, {"Bearer": []}]), ("", [{}])):
        app = create_app(settings(api_keys=keys))
        page, script, document = ask(app, *[("GET", path, {}) for path in ("/docs", SCRIPT, "/openapi.json")])
        assert (page.status_code, script.status_code) == (200, 200)
        declared, paths_of = document.json()["components"]["securitySchemes"], document.json()["paths"]
        assert {name: declared[name]["name"] for name in schemes} == schemes
        assert paths_of["/score"]["post"]["security"] == paths_of["/models"]["get"]["security"] == expected
        assert paths_of["/health/ready"]["get"]["security"] == []
        assert all("OperatorKey" in keys for keys in paths_of["/calibrate"]["post"]["security"])


def test_keys_do_not_show_in_settings(settings):
    assert "hunter" not in repr(settings(api_keys="hunter"))


async def chunks(count):
    for _ in range(count):
        yield b"x" * 100


@pytest.mark.parametrize("path", ["/score?model=tiny-made", "/generate", "/encode"])
@pytest.mark.parametrize("kind", ["application/json", "application/x-npy", "multipart/form-data; boundary=x"])
def test_a_large_body_is_refused_with_or_without_a_length(settings, path, kind):
    app = create_app(settings(max_body_bytes=1000))
    headers = {"Content-Type": kind}
    declared, chunked = ask(
        app,
        ("POST", path, {"content": b"x" * 1001, "headers": headers}),
        ("POST", path, {"content": chunks(50), "headers": headers}),
    )
    assert declared.status_code == 413
    assert declared.json()["max_body_bytes"] == 1000
    assert chunked.status_code in (413, 415, 422)  # 415 and 422 where it is refused before it is too long
    assert chunked.status_code == 413 or kind != "application/json"
