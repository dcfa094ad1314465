"""``python -m service``: serve the store, or with ``--check`` only verify it."""

import argparse
import asyncio
import difflib
import gc
import logging
import os
import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal

import typer
import uvicorn
from pydantic import ValidationError

from pofx import bundle
from service.app import create_app, load_store, make_runtime
from service.engine.registry import Registry
from service.observability import configure_logging
from service.pressure import Pressure
from service.protocol import PlainHttp
from service.routes.services import Services
from service.settings import Settings, described
from service.shedding import shedding

_PREFIX = "SERVICE_"
_ALIKE = 0.6  # of a name that may have been meant
_OF_ORCHESTRATORS = re.compile(r"_SERVICE_(HOST|PORT)(_|$)|_PORT(_\d+_(TCP|UDP)\w*)?$|_(TCP|UDP)_(ADDR|PORT|PROTO)$")
_SWITCH_INTERVAL_S = 0.0005  # the device thread waits at most this long for the interpreter, not 5 ms


class Server(uvicorn.Server):
    """On the first signal: not ready, a pause for the balancer to notice, then no new connections, then exit 0."""

    def __init__(self, config: uvicorn.Config, services: Services, pressure: Pressure) -> None:
        super().__init__(config)
        self._services, self._pressure = services, pressure
        self._event_loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Remembers the loop, which the signal handler needs, and watches how late it is."""
        self._event_loop = asyncio.get_running_loop()
        self._pressure.watch(self._event_loop)
        await super().startup(sockets)  # type: ignore[arg-type]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to drain; a second signal ends at once."""
        if self._services.draining or self._event_loop is None:
            self.should_exit = self.force_exit = True
            return
        self._services.draining = True
        self._event_loop.call_soon_threadsafe(self._pause)

    def _pause(self) -> None:
        asyncio.get_running_loop().call_later(self._services.settings.drain_pause_s, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def main(arguments: list[str] | None = None) -> int:
    """The exit status."""
    options = vars(_parse(arguments))
    if options.pop("settings"):
        return _list_settings()
    return start(options.pop("check"), {name: value for name, value in options.items() if value is not None})


def serve_command(
    check: Annotated[bool, typer.Option("--check", help="Verify and self-test every bundle, then exit.")] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    store: Annotated[Path | None, typer.Option(help="Folder with the bundles.")] = None,
    settings: Annotated[bool, typer.Option("--settings", help="List all SERVICE_ variables, then exit.")] = False,
) -> None:
    """Serve the store over HTTP, as ``python -m service``; everything else is set by SERVICE_ variables."""
    if settings:
        raise typer.Exit(_list_settings())
    given = {"host": host, "port": port, "store": store}
    raise typer.Exit(start(check, {name: value for name, value in given.items() if value is not None}))


def start(check: bool, chosen: Mapping[str, Any]) -> int:
    """Serves with settings that were chosen beside those of the environment, or only checks; the exit status."""
    try:
        settings = Settings(**chosen)
    except ValidationError as error:
        print("\n".join(_explained(error, chosen)), file=sys.stderr)  # noqa: T201 - a message for a person
        return 2
    configure_logging(settings.log_format, settings.log_level)
    for warning in _unknown_settings(os.environ):
        logging.getLogger(__name__).warning(warning)
    if not bundle.Store(settings.store).names():
        print(_nothing_to_serve(settings), file=sys.stderr)  # noqa: T201 - a message for a person
        return 1
    return _check(settings) if check else _serve(settings)


def _explained(error: ValidationError, flags: Collection[str]) -> list[str]:
    """One line per setting that is not valid, under the name it was given by: an argument or a variable."""
    lines = []
    for item in error.errors():
        field = str(item["loc"][0])
        name = f"--{field}" if field in flags else f"SERVICE_{field.upper()}"
        wanted = item["msg"].removeprefix("Input should be ").partition(", unable to")[0]
        lines.append(f"{name}: expected {wanted}, got {item['input']!r}")
    return lines


def _list_settings() -> int:
    """Prints every variable with its default and what it may be."""
    for variable, default, values, meaning in described():
        facts = ", ".join(filter(None, (f"default {default}" if default else "", values)))
        print(f"{variable}{f' ({facts})' if facts else ''}\n    {meaning}")  # noqa: T201 - the output of the command
    return 0


def _unknown_settings(environment: Mapping[str, str]) -> list[str]:
    """A line per variable that is no setting, but for those that orchestrators set for a service of any name."""
    known = [name.upper() for name in Settings.model_fields]
    given = (name.removeprefix(_PREFIX) for name in sorted(environment) if name.startswith(_PREFIX))
    strange = [name for name in given if name not in known and not _OF_ORCHESTRATORS.search(f"_{name}")]
    near = {name: difflib.get_close_matches(name, known, 1, _ALIKE) for name in strange}
    return [
        f"{_PREFIX}{name} is no setting, it is ignored" + (f"; did you mean {_PREFIX}{matches[0]}?" if matches else "")
        for name, matches in near.items()
    ]


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m service", description="Serves bundles; settings: SERVICE_*.")
    parser.add_argument("--settings", action="store_true", help="list all SERVICE_ variables, then exit")
    parser.add_argument("--check", action="store_true", help="verify and self-test every bundle, then exit")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on")
    parser.add_argument("--store", type=Path, help="folder with the bundles")
    return parser.parse_args(arguments)


def _serve(settings: Settings) -> int:
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    app = create_app(settings, at_once=True)
    app.state.services.settle = _settle
    pressure = _pressure(app.state.services)
    config = http_config(app, settings, "on", shedding(pressure))
    server = Server(config, app.state.services, pressure)
    logging.getLogger(__name__).info("serving what is in %s", settings.store)
    try:
        server.run()
    except SystemExit:
        print(_cannot_listen(settings), file=sys.stderr)  # noqa: T201 - a message for a person
        return 1
    return 0 if server.started else 1


def _settle() -> None:
    """Sets aside what is loaded: looking through it again and again would hold requests for tens of milliseconds."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def http_config(
    app: Any, settings: Settings, lifespan: Literal["on", "off"], http: type[PlainHttp] = PlainHttp
) -> uvicorn.Config:
    """How an application is served over HTTP: this one, and what is measured beside it."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.drain_timeout_s,
        http=http,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        lifespan=lifespan,
    )


def _pressure(services: Services) -> Pressure:
    settings, admission = services.settings, services.admission
    return Pressure(settings.max_wait_s, admission.limits.small_s, lambda: admission.bulk, services.metrics.turned_away)


def _cannot_listen(settings: Settings) -> str:
    return f"Cannot listen on {settings.host}:{settings.port}; set SERVICE_PORT or --port, or SERVICE_HOST or --host."


def _check(settings: Settings) -> int:
    registry = Registry()
    load_store(settings, registry, make_runtime(settings))
    rows = [(model.manifest.reference, "ok", ", ".join(model.manifest.capabilities)) for model in registry.all()]
    rows += [(str(item.reference), "refused", item.reason) for item in registry.refused]
    width = max((len(row[0]) for row in rows), default=0)
    for reference, state, text in sorted(rows):
        print(f"{reference:<{width}}  {state:<7}  {text}")  # noqa: T201 - the output of the command
    return 1 if registry.refused else 0


def _nothing_to_serve(settings: Settings) -> str:
    return f"No bundle in {settings.store}. Make one with `pofx fit <recipe>`, or set SERVICE_STORE."


if __name__ == "__main__":
    sys.exit(main())
