"""HTTP as clients really speak it, over a socket: offers of other protocols, half-closed sides, packed bodies."""

import gzip
import json
import socket
import threading
import zlib

import pytest
import uvicorn

from service.app import create_app
from service.protocol import PlainHttp

BODY = json.dumps({"model": "tiny-table", "inputs": [{"array": [0.1, 0.2, 0.3]}]}).encode()
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"


@pytest.fixture(scope="module")
def port(settings):
    """A real server on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(settings()), http=PlainHttp, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()


def head(extra=b"", body=BODY):
    sized = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
    return b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + sized + extra + b"\r\n"


def answers(port, *pieces, count=1, close_early=False):
    """The parsed bodies of the answers on one connection."""
    found = []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for piece in pieces:
            connection.sendall(piece)
        if close_early:
            connection.shutdown(socket.SHUT_WR)
        stream = connection.makefile("rb")
        for _ in range(count):
            status = stream.readline().split()[1]
            headers = dict(line.split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
            found.append((int(status), json.loads(stream.read(int(headers[b"content-length"])))))
    return found


def chunked(body):
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        (head(H2C) + BODY,),
        (head(H2C), BODY),
        (head(H2C, None).replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"), chunked(BODY)),
        (head(H2C.replace(b"Upgrade: h2c", b"UPGRADE:h2c")) + BODY,),
    ],
)
def test_an_offer_of_another_protocol_is_ignored(port, pieces):
    ((status, answer),) = answers(port, *pieces)
    assert (status, answer["model"]) == (200, "tiny-table")


def test_so_is_the_second_offer_on_a_connection(port):
    found = answers(port, head(H2C) + BODY, head(H2C) + BODY, count=2)
    assert [status for status, _ in found] == [200, 200]


def test_a_body_that_speaks_of_upgrades_is_not_touched(port):
    body = json.dumps({"model": "tiny-text", "inputs": [{"text": "\r\nupgrade: x"}]}).encode()
    ((status, answer),) = answers(port, head(b"", body) + body)
    assert (status, "at most 6 characters, got 12" in answer["detail"]) == (422, True)


def test_a_client_that_closes_its_side_gets_its_answer(port):
    ((status, answer),) = answers(port, head() + BODY, close_early=True)
    assert (status, answer["model"]) == (200, "tiny-table")


def test_packed_bodies_are_unpacked(client):
    for coding, packed in (
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("deflate", zlib.compress(BODY)),
        ("identity", BODY),
    ):
        headers = {"content-type": "application/json", "content-encoding": coding}
        assert client.post("/score", content=packed, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("coding", "body", "status", "words"),
    [
        ("br", BODY, 415, "expected the Content-Encoding gzip or deflate, or none, got 'br'"),
        ("gzip", BODY, 422, "not packed as its Content-Encoding says"),
        ("gzip", gzip.compress(BODY, mtime=0)[:-9], 422, "the packed body is truncated"),
        ("gzip", gzip.compress(bytes(100_000), mtime=0), 413, "the unpacked body is larger than 50000 bytes"),
    ],
)
def test_what_cannot_be_unpacked_is_refused(serve, coding, body, status, words):
    headers = {"content-type": "application/json", "content-encoding": coding}
    with serve(max_body_bytes=50_000) as client:
        answer = client.post("/score", content=body, headers=headers)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/models", "/metrics", "/docs"])
def test_head_is_get_without_the_body(client, path):
    answer = client.run(client.http.head(path))
    assert (answer.status_code, answer.content) == (200, b"")


def test_pages_of_allowed_origins_may_ask(serve):
    ask = {"origin": "https://page.example", "access-control-request-method": "POST"}
    with serve(cors_origins="https://page.example", api_keys="secret") as client:
        allowed = client.run(client.http.options("/score", headers=ask))
        other = client.run(client.http.options("/score", headers={**ask, "origin": "https://other.example"}))
    assert allowed.headers["access-control-allow-origin"] == "https://page.example"
    assert "access-control-allow-origin" not in other.headers


def test_the_service_works_below_a_prefix(serve):
    with serve(root_path="/pofx") as client:
        assert client.get("/pofx/models").status_code == client.get("/models").status_code == 200
        assert client.post("/pofx/score", content=BODY, headers={"content-type": "application/json"}).status_code == 200
        assert client.get("/pofxy").status_code == 404
    page = client.app.openapi_url
    assert page == "/openapi.json"


def test_the_page_names_its_parts_relative_to_itself(client):
    page = client.get("/docs").text
    assert "'openapi.json'" in page
    assert 'src="docs/static/swagger-ui-bundle.js"' in page
