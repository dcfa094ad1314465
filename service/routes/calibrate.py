"""POST /calibrate."""

import asyncio
import datetime

from starlette.requests import Request
from starlette.responses import Response

import bundle
from service.inference.model import Model
from service.operations import recalibration, scoring, verdict
from service.operations.comparison import with_all
from service.operations.scoring import Scores
from service.operations.verdict import Asked
from service.payloads.items import JsonItems, Payload
from service.payloads.json_text import write_json
from service.routes import bodies
from service.routes.negotiation import JSON, preferred
from service.routes.operator import check_operator
from service.routes.patience import patiently
from service.routes.services import Services
from service.schemas.calibrate import CalibrateAnswer, CalibrateOptions, CalibrateRequest
from service.trace import Trace

Notes = tuple[str, ...]


class CalibrateEndpoint:
    """Writes a new version of a model that is calibrated on the operator's own normal items; see ``__call__``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._writing = asyncio.Lock()

    async def __call__(self, request: Request) -> Response:
        """Calibrates a model on normal items of one's own, without training; the answer names the new version.

        Needs the operator key. The version that was calibrated before stays as it is.
        """
        settings, trace = self._services.settings, request.scope["trace"]
        check_operator(request, settings.operator_key)
        preferred(request, (JSON,))
        options, items = await self._read(request)
        bodies.check_count(items, settings)
        recalibration.check_count(items.count)
        model = self._services.registry.choose(options.model, "score")
        trace.model, trace.version = model.manifest.name, str(model.manifest.version)
        scores, notes = await patiently(request, trace, self._scores(model, items, trace))
        written = await self._write(model, scores, options.data)  # no deadline: what was begun is finished
        return Response(write_json(self._answer(written, notes)), 201, media_type=JSON)

    async def _read(self, request: Request) -> tuple[CalibrateOptions, Payload]:
        settings, options = self._services.settings, bodies.query(request, CalibrateOptions)
        if bodies.media_type(request) == JSON:
            body, size = await bodies.json_body(request, CalibrateRequest, settings)
            said = body.model_fields_set & set(CalibrateOptions.model_fields)
            options = options.model_copy(update={name: getattr(body, name) for name in said})
            return options, JsonItems(body.inputs, size, options.extra)
        return options, await bodies.payload(request, settings, options.extra)

    async def _scores(self, model: Model, items: Payload, trace: Trace) -> tuple[Scores, Notes]:
        """Every statistic of every item; they do not count for drift."""
        services = self._services
        compared = with_all(model)
        rule = verdict.rule(scoring.score_of(model), compared.sizes, Asked(), services.settings.alpha)
        with services.admission.ticket(scoring.mflop(model, items.count)):
            with trace.stage("decode"):
                decoded = await services.convert(items.size, items.decode, model.manifest.input)
            recalibration.check_count(len(decoded.array))
            scores = await scoring.score(model, services.batcher, decoded.array, compared, rule, False, trace)
        recalibration.check_finite(scores)
        return scores, (*decoded.notes, *recalibration.lost(model))

    async def _write(self, model: Model, scores: Scores, data: str) -> bundle.Bundle:
        store, today = bundle.Store(self._services.settings.store), datetime.datetime.now(datetime.UTC).date()
        async with self._writing:
            written = await asyncio.to_thread(recalibration.write, store, model, scores, data, today)
            await self._services.look_for_bundles()
        return written

    def _answer(self, written: bundle.Bundle, notes: Notes) -> CalibrateAnswer:
        manifest = written.manifest
        score = manifest.score
        assert score is not None  # noqa: S101 - it was calibrated
        smallest = bundle.smallest_alpha(score.calibration.n)
        return {
            "model": manifest.name,
            "version": manifest.version,
            "n": score.calibration.n,
            "smallest_p_value": smallest["marginal"],
            "smallest_alpha": {"marginal": smallest["marginal"], "pac": smallest["pac"]},
            "statistics": [item.name for item in score.statistics],
            "served": manifest.version in self._services.registry.models.get(manifest.name, {}),
            "notes": list(notes),
        }
