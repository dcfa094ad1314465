"""The service's own HTTP stack and nothing behind it: reads a body and says how long it was."""

import os
from typing import Any

import uvicorn

from service.__main__ import http_config
from service.settings import Settings


async def echo(_: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers every request when its whole body is there."""
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b'{"bytes": %d}' % length
    fields = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    settings = Settings(host="127.0.0.1", port=int(os.environ["SERVING_PORT"]))
    uvicorn.Server(http_config(echo, settings, lifespan="off")).run()
