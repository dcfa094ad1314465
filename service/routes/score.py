"""POST /score."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from pofx.graphs.loaded import LoadedModel
from pofx.kinds.decoded import Payload
from pofx.kinds.media import CSV, JSON, NPY, PARQUET, PNG
from pofx.kinds.parquet_if_there import library
from pofx.use import score
from pofx.use.online_fdr import OnlineFdr
from pofx.use.scores import Scores
from service.answers import score as answers
from service.errors import NotAcceptable
from service.routes import bodies
from service.routes.json_rows import json_rows
from service.routes.negotiation import preferred
from service.routes.notes import notes_header
from service.routes.online_fdr import caller
from service.routes.patience import patiently
from service.routes.services import Services
from service.schemas.score import ScoreOptions, ScoreRequest
from service.trace import Trace


class ScoreEndpoint:
    """Scores items: statistics, p-values, verdict, log-probability or an estimate of its bound, and where it is odd."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, request: Request) -> Response:
        """Scores items against a model of normal data."""
        trace: Trace = request.scope["trace"]
        media = preferred(request, (JSON, NPY, CSV, PNG, PARQUET))
        options, items = await self._read(request)
        bodies.check_count(items, self._services.settings)
        return await patiently(request, trace, self._answer(options, items, media, caller(request), trace))

    async def _read(self, request: Request) -> tuple[ScoreOptions, Payload]:
        settings = self._services.settings
        if bodies.media_type(request) == JSON:
            return await json_rows(request, ScoreRequest, ScoreOptions, settings)
        options = bodies.query(request, ScoreOptions)
        return options, await bodies.payload(request, settings, options.extra)

    async def _answer(self, options: ScoreOptions, items: Payload, media: str, whose: bytes, trace: Trace) -> Response:
        services = self._services
        model = services.choose(options.model, "score", trace)
        plan = score.plan(model, options.asked(services.settings.alpha))
        _check_media(model, options, media)
        stream = self._stream(model, options, whose)
        if media == PARQUET:
            await asyncio.to_thread(library)
        with services.admit(plan, items.count, trace) as ticket:
            with trace.stage("decode"):
                decoded = options.groups.of(await services.decode(items, model.manifest.input, options.errors))
            scores = await services.run(plan.begin(decoded), ticket, trace)
            if stream is not None:
                scores = stream.decide(scores)
            with trace.stage("encode"):
                size = answers.size(scores) + items.size
                content = await services.convert(size, _rendered, media, model, scores)
        if options.watch and services.drift is not None:
            services.drift.note(model, scores)
        return Response(content, headers=notes_header(media, (*decoded.notes, *scores.notes)), media_type=media)

    def _stream(self, model: LoadedModel, options: ScoreOptions, whose: bytes) -> OnlineFdr | None:
        """The caller's stream of discoveries, if it asked for one; requests are decided as their scores are ready."""
        if options.control != "online" or options.fdr is None:
            return None
        return self._services.streams.of(model, whose, options.fdr, options.verdict)


def _check_media(model: LoadedModel, options: ScoreOptions, media: str) -> None:
    if media == PNG and not (options.explain and model.manifest.input.kind in ("image", "audio")):
        detail = "a picture answers only explain=true, for a model of images or recordings"
        raise NotAcceptable(detail, offers=[JSON, NPY, CSV, PARQUET])


def _rendered(media: str, model: LoadedModel, scores: Scores) -> bytes:
    spec = model.manifest.input
    if media == NPY:
        return answers.as_npy(spec, scores)
    if media == CSV:
        return answers.as_csv(spec, scores)
    if media == PARQUET:
        return answers.as_parquet(spec, scores)
    if media == PNG:
        return answers.as_sheet(model.manifest, scores)
    return answers.as_json(model, scores)
