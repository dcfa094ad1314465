"""POST /encode."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from pofx.graphs.loaded import LoadedModel
from pofx.kinds.decoded import Decoded, Payload
from pofx.kinds.media import CSV, JSON, NPY, PARQUET
from pofx.kinds.parquet_if_there import library
from pofx.rules.arrays import Array
from pofx.use import encode
from service.answers import encode as answers
from service.routes import bodies
from service.routes.json_rows import json_rows
from service.routes.negotiation import preferred
from service.routes.notes import notes_header
from service.routes.patience import patiently
from service.routes.services import Services
from service.schemas.encode import EncodeOptions, EncodeRequest
from service.trace import Trace


class EncodeEndpoint:
    """Turns items into vectors."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, request: Request) -> Response:
        """Describes each item by a vector."""
        trace: Trace = request.scope["trace"]
        media = preferred(request, (JSON, NPY, CSV, PARQUET))
        options, items = await self._read(request)
        bodies.check_count(items, self._services.settings)
        return await patiently(request, trace, self._answer(options, items, media, trace))

    async def _read(self, request: Request) -> tuple[EncodeOptions, Payload]:
        settings = self._services.settings
        if bodies.media_type(request) == JSON:
            return await json_rows(request, EncodeRequest, EncodeOptions, settings)
        options = bodies.query(request, EncodeOptions)
        return options, await bodies.payload(request, settings, options.extra)

    async def _answer(self, options: EncodeOptions, items: Payload, media: str, trace: Trace) -> Response:
        services = self._services
        model = services.choose(options.model, "encode", trace)
        plan = encode.plan(model)
        if media == PARQUET:
            await asyncio.to_thread(library)
        with services.admit(plan, items.count, trace) as ticket:
            with trace.stage("decode"):
                decoded = await services.decode(items, model.manifest.input, options.errors)
            embeddings = await services.run(plan.begin(decoded), ticket, trace)
            with trace.stage("encode"):
                size = answers.size(embeddings) + items.size
                content = await services.convert(size, _rendered, media, model, decoded, embeddings)
        return Response(content, headers=notes_header(media, answers.notes(decoded)), media_type=media)


def _rendered(media: str, model: LoadedModel, decoded: Decoded, embeddings: Array) -> bytes:
    if media == NPY:
        return answers.as_npy(embeddings)
    if media == CSV:
        return answers.as_csv(decoded, embeddings)
    if media == PARQUET:
        return answers.as_parquet(decoded, embeddings)
    return answers.as_json(model, embeddings, decoded)
