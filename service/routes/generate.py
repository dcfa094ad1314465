"""POST /generate."""

import secrets

from starlette.requests import Request
from starlette.responses import Response

import bundle
from service.answers import generate as answers
from service.errors import MediaUnsupported, NotAcceptable, RequestInvalid, TooLarge
from service.inference.model import Model
from service.operations.generation import Order, Samples
from service.payloads.array import numbers
from service.routes import bodies
from service.routes.negotiation import CSV, JSON, NPY, PNG, preferred
from service.routes.patience import patiently
from service.routes.services import Services
from service.schemas.generate import GenerateRequest
from service.trace import Trace

_DEFAULT_N = 16
_DRAWN_SEED_BITS = 32  # short enough to be typed again, and exact in every JSON parser


class GenerateEndpoint:
    """Draws samples; the same request draws the same samples."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, request: Request) -> Response:
        """Draws samples from a model."""
        trace: Trace = request.scope["trace"]
        media = preferred(request, (JSON, NPY, PNG, CSV))
        if bodies.media_type(request) != JSON:
            raise MediaUnsupported("expected application/json", supported=[JSON])
        body, size = await bodies.json_body(request, GenerateRequest, self._services.settings)
        return await patiently(request, trace, self._answer(body, size, media, trace))

    async def _answer(self, body: GenerateRequest, size: int, media: str, trace: Trace) -> Response:
        services = self._services
        model = services.registry.choose(body.model, "generate")
        trace.model, trace.version = model.manifest.name, str(model.manifest.version)
        _check(model.manifest, body, media)
        order = self._order(body)
        with services.admission.ticket(services.generation.mflop(model, order.n)):
            with trace.stage("decode"):
                noise_bytes = max(size, order.n * model.manifest.dims * 4)
                arrays = await services.convert(noise_bytes, services.generation.prepare, model, order)
            samples = await services.generation.draw(model, order, arrays, trace)
            with trace.stage("encode"):
                size = samples.values.size * 8
                content = await services.convert(size, _rendered, media, model, samples, order.seed, body)
        return Response(content, media_type=media)

    def _order(self, body: GenerateRequest) -> Order:
        latents = None if body.latents is None else numbers(body.latents, "/latents")
        n = body.n or (_DEFAULT_N if latents is None else len(latents))
        if n > self._services.settings.max_samples:
            limit = self._services.settings.max_samples
            raise TooLarge(f"{n} samples, at most {limit} in one request", max_samples=limit)
        if latents is not None and len(latents) != n:
            raise RequestInvalid(f"expected {n} latents, as many as n, got {len(latents)}", pointer="/latents")
        seed = secrets.randbits(_DRAWN_SEED_BITS) if body.seed is None else body.seed
        return Order(n, seed, body.options(), latents, body.mean)


def _check(manifest: bundle.Manifest, body: GenerateRequest, media: str) -> None:
    if body.condition is not None:
        raise RequestInvalid(f"{manifest.reference} takes no condition", pointer="/condition")
    if body.format == "png" and manifest.input.kind != "image":
        raise RequestInvalid(f"{manifest.reference} makes rows of a table, not images", pointer="/format")
    if media == PNG and manifest.input.kind != "image":
        raise NotAcceptable(f"{manifest.reference} makes rows of a table, not images", offers=[JSON, NPY, CSV])
    if media == CSV and manifest.input.kind != "row":
        raise NotAcceptable(f"{manifest.reference} makes images, not rows of a table", offers=[JSON, NPY, PNG])


def _rendered(media: str, model: Model, samples: Samples, seed: int, body: GenerateRequest) -> bytes:
    if media == NPY:
        return answers.as_npy(samples)
    if media == PNG:
        return answers.as_sheet(samples)
    if media == CSV and model.manifest.input.kind == "row":
        return answers.as_csv(model.manifest.input, samples)
    return answers.as_json(model, samples, seed, body.format)
