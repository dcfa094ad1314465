"""POST /generate."""

import secrets

from starlette.requests import Request
from starlette.responses import Response

import bundle
from service.answers import generate as answers
from service.errors import MediaUnsupported, RequestInvalid, TooLarge
from service.inference.graph import Array
from service.inference.model import Model
from service.operations import conditions
from service.operations.generation import Generation, Order, Samples
from service.payloads.array import numbers
from service.payloads.condition import decode_known
from service.payloads.kinds import PLURAL
from service.payloads.place import Place
from service.payloads.text import has_lines
from service.routes import bodies
from service.routes.negotiation import CSV, JSON, NPY, PNG, TEXT, WAV, preferred
from service.routes.patience import patiently
from service.routes.services import Services
from service.schemas.condition import Condition
from service.schemas.generate import GenerateRequest
from service.trace import Trace

_DEFAULT_N = 16
_DRAWN_SEED_BITS = 32  # short enough to be typed again, and exact in every JSON parser
_OFFERS = {"image": (PNG,), "row": (CSV,), "audio": (WAV, PNG), "text": (TEXT,)}


class GenerateEndpoint:
    """Draws samples; the same request draws the same samples."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, request: Request) -> Response:
        """Draws samples from a model."""
        if bodies.media_type(request) != JSON:
            raise MediaUnsupported("expected application/json", supported=[JSON])
        body, size = await bodies.json_body(request, GenerateRequest, self._services.settings)
        trace: Trace = request.scope["trace"]
        return await patiently(request, trace, self._answer(request, body, size, trace))

    async def _answer(self, request: Request, body: GenerateRequest, size: int, trace: Trace) -> Response:
        services = self._services
        model = services.registry.choose(body.model, "generate")
        trace.model, trace.version = model.manifest.name, str(model.manifest.version)
        media = _media(request, model.manifest)
        self._check(model, body)
        n = self._count(body)
        with services.admission.ticket(services.generation.mflop(model, n)):
            with trace.stage("decode"):
                size = max(size, n * model.manifest.dims * 4)
                order, arrays, notes = await services.convert(size, _prepared, services.generation, model, body, n)
            samples = await services.generation.draw(model, order, arrays, trace)
            with trace.stage("encode"):
                size = samples.values.size * 8
                content = await services.convert(size, _rendered, media, model, samples, order.seed, body, notes)
        return Response(content, media_type=media)

    def _check(self, model: Model, body: GenerateRequest) -> None:
        manifest = model.manifest
        if body.condition is not None:
            conditions.check(model, body.condition, self._services.registry.latest())
        if body.format == "png" and manifest.input.kind != "image":
            detail = f"{manifest.reference} makes {PLURAL[manifest.input.kind]}, not images"
            raise RequestInvalid(detail, pointer="/format")

    def _count(self, body: GenerateRequest) -> int:
        """How many samples: n, or as many as there are latents or labels, which must agree."""
        labels = body.condition.label if body.condition is not None else None
        listed = {"latents": body.latents, "condition/label": labels if isinstance(labels, list) else None}
        counts = {pointer: len(values) for pointer, values in listed.items() if values is not None}
        n = body.n or next(iter(counts.values()), _DEFAULT_N)
        if n > self._services.settings.max_samples:
            limit = self._services.settings.max_samples
            raise TooLarge(f"{n} samples, at most {limit} in one request", max_samples=limit)
        for pointer, count in counts.items():
            if count != n:
                raise RequestInvalid(f"expected {n} of {pointer}, one per sample, got {count}", pointer=f"/{pointer}")
        return n


def _media(request: Request, manifest: bundle.Manifest) -> str:
    """The form of the answer: JSON, npy, or one of those that the model's kind of data has."""
    spec = manifest.input
    lines = spec.kind != "text" or not has_lines(spec)
    offers = (JSON, NPY, *(_OFFERS[spec.kind] if lines else ()))
    return preferred(request, offers, f"{manifest.reference} makes {PLURAL[spec.kind]}; they")


def _prepared(
    generation: Generation, model: Model, body: GenerateRequest, n: int
) -> tuple[Order, dict[str, Array], tuple[str, ...]]:
    """What to draw, all arrays for it, and what was changed in what was sent."""
    condition = body.condition or Condition()
    known, notes = decode_known(condition, model.manifest.input)
    latents = None if body.latents is None else numbers(body.latents, Place("latents", "/latents"))
    seed = secrets.randbits(_DRAWN_SEED_BITS) if body.seed is None else body.seed
    order = Order(n, seed, body.options(), latents, body.mean, condition.label, known)
    return order, generation.prepare(model, order), notes


def _rendered(
    media: str, model: Model, samples: Samples, seed: int, body: GenerateRequest, notes: tuple[str, ...]
) -> bytes:
    spec = model.manifest.input
    if media == NPY:
        return answers.as_npy(samples)
    if media == PNG:
        return answers.as_sheet(spec, samples)
    if media == CSV and spec.kind == "row":
        return answers.as_csv(spec, samples)
    if media == WAV and spec.kind == "audio":
        return answers.as_wav(spec, samples)
    if media == TEXT and spec.kind == "text":
        return answers.as_lines(spec, samples)
    return answers.as_json(model, samples, seed, body.format, notes)
