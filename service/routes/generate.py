"""POST /generate."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pofx import bundle
from pofx.errors import MediaUnsupported, RequestInvalid
from pofx.graphs.loaded import LoadedModel
from pofx.kinds.media import CSV, JSON, NPY, PNG, TEXT, WAV
from pofx.kinds.text import has_lines
from pofx.kinds.words import PLURAL
from pofx.use import generate
from pofx.use.generate import Samples
from pofx.use.steps import Steps
from service.answers import generate as answers
from service.answers import progress
from service.engine.admission import Ticket
from service.routes import bodies
from service.routes.events import EVENTS, Events, EventStream
from service.routes.negotiation import preferred
from service.routes.patience import patiently
from service.routes.query import with_query
from service.routes.services import Services
from service.schemas.generate import GenerateOptions, GenerateRequest
from service.trace import Trace

_TELL_EVERY_S = 0.25
_OFFERS = {"image": (PNG,), "row": (CSV,), "audio": (WAV, PNG), "text": (TEXT,)}


class GenerateEndpoint:
    """Draws samples; the same request draws the same samples."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, request: Request) -> Response:
        """Draws samples from a model.

        With `Accept: text/event-stream` the answer is a stream of events: `progress` with what is drawn so far, then
        `answer` with the JSON of the usual answer, or `error` with a problem document.
        """
        if bodies.media_type(request) != JSON:
            raise MediaUnsupported("expected application/json", supported=[JSON])
        said, size = await bodies.json_body(request, GenerateRequest, self._services.settings)
        body = with_query(request, said, GenerateOptions)
        trace: Trace = request.scope["trace"]
        model = self._services.choose(body.model, self._use(body), trace)
        media = _media(request, model.manifest)
        _check_format(model, body)
        if media == EVENTS:
            return EventStream(request, trace, partial(self._answer, model, body, size, JSON, trace))
        content = await patiently(request, trace, self._answer(model, body, size, media, trace))
        return Response(content, media_type=media)

    async def _answer(
        self,
        model: LoadedModel,
        body: GenerateRequest,
        size: int,
        media: str,
        trace: Trace,
        events: Events | None = None,
    ) -> bytes:
        """The body of the answer; where there are events, it is the last of them."""
        services = self._services
        plan = generate.plan(model, body.asked(), services.registry.meant(), services.settings.max_samples)
        with services.admit(plan, plan.n, trace) as ticket:
            with trace.stage("decode"):
                steps = await services.convert(max(size, plan.n * model.manifest.dims * 4), plan.begin)
            drawing = services.run(steps, ticket, trace)
            samples = await (drawing if events is None else self._told(drawing, steps, ticket, model, events))
            with trace.stage("encode"):
                content = await services.convert(samples.values.size * 8, _rendered, media, model, samples, body)
        if events is not None:
            await events.tell("answer", content)
        return content

    async def _told(
        self,
        drawing: Coroutine[Any, Any, Samples],
        steps: Steps[Samples],
        ticket: Ticket,
        model: LoadedModel,
        events: Events,
    ) -> Samples:
        """What is drawn; how far it is is told at the beginning and from time to time."""
        task = asyncio.create_task(drawing)
        spec, share = model.manifest.makes, 0.0
        try:
            while True:
                share, values = max(share, ticket.progress), steps.preview()
                size = 0 if values is None else values[: progress.MOST_SHOWN].size * 8
                told = await self._services.convert(size, progress.as_json, spec, share, values)
                await events.tell("progress", told)
                if (await asyncio.wait({task}, timeout=_TELL_EVERY_S))[0]:
                    return task.result()
        finally:
            task.cancel()

    def _use(self, body: GenerateRequest) -> str:
        """What a model must offer: a decoder is enough where the codes are given."""
        given = body.latents is not None and body.model is not None
        if given and self._services.registry.find(body.model or "").manifest.generate is None:
            return "decode"
        return "generate"


def _check_format(model: LoadedModel, body: GenerateRequest) -> None:
    kind = model.manifest.makes.kind
    if body.format == "png" and kind != "image":
        raise RequestInvalid(f"{model.manifest.reference} makes {PLURAL[kind]}, not images", pointer="/format")


def _media(request: Request, manifest: bundle.Manifest) -> str:
    """The form of the answer: JSON, npy, or one of those that the kind of the samples has."""
    spec = manifest.makes
    lines = spec.kind != "text" or not has_lines(spec)
    offers = (JSON, NPY, *(_OFFERS[spec.kind] if lines else ()), EVENTS)
    return preferred(request, offers, f"{manifest.reference} makes {PLURAL[spec.kind]}; they")


def _rendered(media: str, model: LoadedModel, samples: Samples, body: GenerateRequest) -> bytes:
    spec = samples.spec
    if media == NPY:
        return answers.as_npy(samples)
    if media == PNG:
        return answers.as_sheet(spec, samples.values)
    if media == CSV and spec.kind == "row":
        return answers.as_csv(spec, samples)
    if media == WAV and spec.kind == "audio":
        return answers.as_wav(spec, samples)
    if media == TEXT and spec.kind == "text":
        return answers.as_lines(spec, samples)
    return answers.as_json(model, samples, body.format)
