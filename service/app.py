"""The only place where the parts are put together; nothing is created at import."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from pofx import bundle
from pofx.graphs.cores import usable_cores
from pofx.graphs.graph import Device
from pofx.graphs.loading import Runtime, runtime_of
from pofx.graphs.memory import give_back
from service import problems
from service.drift.monitor import Rules
from service.drift.watches import Watches
from service.engine.admission import Admission
from service.engine.pace import device_clock
from service.engine.registry import Registry
from service.engine.threads import DeviceThreads
from service.engine.work import Limits
from service.gates import ApiKeys, BodyLimit
from service.metrics import Metrics
from service.observability import Observability
from service.online.streams import Streams
from service.routes import docs, drift, health, models, online_fdr, openapi
from service.routes.calibrate import CalibrateEndpoint
from service.routes.direct import DirectRoute, Endpoint, Shortcut
from service.routes.encode import EncodeEndpoint
from service.routes.generate import GenerateEndpoint
from service.routes.score import ScoreEndpoint
from service.routes.services import Services
from service.settings import Settings
from service.unpacking import HeadAsGet, Prefix, Unpacked

GIVE_BACK_S = 30.0


def create_app(settings: Settings, registry: Registry | None = None, *, at_once: bool = False) -> FastAPI:
    """The application; it loads the store before it has started, unless a filled registry is given.

    ``at_once``: it has started at once, and serves each model as soon as that is loaded.
    """
    services = _services(settings, registry or Registry(starting=at_once))
    app = openapi.DescribedApp(
        title="pofx",
        version=version("pofx"),
        description="Samples, calibrated anomaly scores and latent codes from generative models.",
        lifespan=_lifespan(services, load=registry is None and not at_once),
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    app.needs_key = bool(settings.api_keys)
    problems.install(app)
    endpoints: dict[str, Endpoint] = {
        "/generate": GenerateEndpoint(services),
        "/score": ScoreEndpoint(services),
        "/encode": EncodeEndpoint(services),
        "/calibrate": CalibrateEndpoint(services),
    }
    _add_routes(app, services, endpoints)
    _add_gates(app, services, endpoints)
    return app


def load_store(settings: Settings, registry: Registry, runtime: Runtime) -> bool:
    """Fills a registry from the store of the settings with what is new there; whether anything was."""
    return registry.load_store(bundle.Store(settings.store), runtime)


def make_runtime(settings: Settings) -> Runtime:
    """Where and how graphs run; a call runs on the lane that made it, and the lanes share out the rows."""
    return runtime_of(
        _device(settings),
        prefer=settings.runtime,
        allow_torchscript=settings.allow_torchscript,
        parallel_runs=1,
        memory_mib=settings.model_memory_mib,
    )


def _device(settings: Settings) -> Device:
    return Device(settings.device, settings.intra_op_threads, settings.cuda_memory_mib)


def _services(settings: Settings, registry: Registry) -> Services:
    metrics = Metrics()
    limits = Limits(settings.step_s, settings.max_batch_rows, 2 * settings.step_s)
    lanes = settings.parallel_runs or (usable_cores() if settings.device == "cpu" else 1)
    device = DeviceThreads(limits, lanes, metrics.batch, device_clock(_device(settings)), registry.prices.pace)
    admission = Admission(limits, lanes, registry.prices.pace)
    metrics.watch_models(
        {
            "loaded": lambda: len(registry.all()),
            "loading": lambda: len(registry.stock.loading),
            "refused": lambda: len(registry.refused),
        }
    )
    metrics.watch_pending(lambda: admission.pending_s, device.waiting)
    executor = ThreadPoolExecutor(settings.decode_threads, "convert")
    watches = _watches(settings, executor)
    if watches is not None:
        metrics.watch_drift(watches.read)
    streams = Streams()
    metrics.watch_streams(streams.read)
    return Services(settings, registry, device, admission, metrics, executor, watches, streams)


def _watches(settings: Settings, executor: Executor) -> Watches | None:
    return Watches(Rules(settings.drift_window, settings.drift_false_alarm), executor) if settings.drift else None


def _lifespan(services: Services, *, load: bool) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        services.load_new = partial(load_store, services.settings, services.registry, make_runtime(services.settings))
        if load:
            services.load_new()
        services.device.start(asyncio.get_running_loop())
        tasks = [asyncio.create_task(_watch_store(services)), asyncio.create_task(_keep_memory_low())]
        yield
        services.draining = True
        services.registry.stop()
        for task in tasks:
            task.cancel()
        services.device.close(services.settings.drain_timeout_s)
        services.executor.shutdown()

    return lifespan


async def _watch_store(services: Services) -> None:
    """Serves what the store holds, and bundles that appear while the service runs."""
    if services.registry.starting:
        await services.look_for_bundles()
    while services.settings.rescan_s:
        await asyncio.sleep(services.settings.rescan_s)
        await services.look_for_bundles()


async def _keep_memory_low() -> None:
    """Gives back again and again what only some large requests needed."""
    while True:
        await asyncio.sleep(GIVE_BACK_S)
        await asyncio.to_thread(give_back)


def _add_routes(app: FastAPI, services: Services, endpoints: dict[str, Endpoint]) -> None:
    for path, endpoint in endpoints.items():
        answers, extra = openapi.DIRECT[path]
        app.router.add_api_route(
            path,
            endpoint,
            methods=["POST"],
            name=path[1:],
            description=inspect.getdoc(type(endpoint).__call__) or "",
            tags=["models"],
            status_code=next(iter(answers)),  # that of success comes first
            responses={**openapi.WORK_PROBLEMS, **answers},
            openapi_extra=extra,
            route_class_override=DirectRoute,
        )
    app.include_router(models.router(services.registry))
    app.include_router(drift.router(services))
    app.include_router(online_fdr.router(services))
    app.include_router(health.router(services))
    docs.install(app)


def _add_gates(app: openapi.DescribedApp, services: Services, endpoints: dict[str, Endpoint]) -> None:
    """The last one added is the outermost."""
    settings = services.settings
    app.add_gate(Shortcut, endpoints=endpoints)
    app.add_gate(Unpacked, max_bytes=settings.max_body_bytes)
    app.add_gate(BodyLimit, max_bytes=settings.max_body_bytes)
    app.add_gate(ApiKeys, keys=[key.get_secret_value() for key in settings.api_keys])
    app.add_gate(
        Observability,
        metrics=services.metrics,
        deadline_s=settings.deadline_s,
        log_share=settings.access_log_share,
        draining=lambda: services.draining,
    )
    app.add_gate(HeadAsGet)
    if settings.root_path:
        app.add_gate(Prefix, prefix=settings.root_path)
    if settings.cors_origins:
        _allow_pages(app, settings.cors_origins)


def _allow_pages(app: openapi.DescribedApp, origins: tuple[str, ...]) -> None:
    """Lets pages from these origins call the service, and read what it says in headers."""
    shown = ["X-Notes", "X-Request-Id", "Server-Timing", "Retry-After"]
    app.add_gate(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"], expose_headers=shown)
