"""Which form of an answer a client gets (RFC 9110, section 12.5.1)."""

import pytest
from starlette.requests import Request

from pofx.kinds.media import JSON, NPY, PNG
from service.errors import NotAcceptable
from service.routes.negotiation import preferred


def choose(accept):
    headers = [] if accept is None else [(b"accept", accept.encode())]
    return preferred(Request({"type": "http", "headers": headers}), (JSON, NPY, PNG))


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/x-npy", NPY),
        ("image/png, */*;q=0.8", PNG),
        ("image/*", PNG),
        ("application/json;q=0.5, application/x-npy", NPY),
        ("text/html, */*;q=0.1", JSON),
        ("application/json;q=0, */*", NPY),
        ("IMAGE/PNG", PNG),
    ],
)
def test_the_preferred_offer_wins(accept, expected):
    assert choose(accept) == expected


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/png;q=x", ""])
def test_nothing_acceptable_is_an_error(accept):
    with pytest.raises(NotAcceptable):
        choose(accept)
