"""POST /calibrate."""

import asyncio
import datetime

from starlette.requests import Request
from starlette.responses import Response

from pofx import bundle
from pofx.graphs.loaded import LoadedModel
from pofx.kinds.decoded import Decoded, Payload
from pofx.kinds.json_items import JsonItems
from pofx.kinds.json_text import write_json
from pofx.kinds.media import JSON
from pofx.rules.arrays import Array
from pofx.rules.excess import warning
from pofx.rules.overlaps import overlapping
from pofx.rules.promises import smallest_alpha
from pofx.use import calibrate, score
from pofx.use.calibrate import NewCalibration, NormalItems
from pofx.use.gap_calibration import GapCalibration, columns_with_gaps, gap_tables
from pofx.use.score import ScoreAsked, ScorePlan
from service.errors import StoreUnwritable
from service.routes import bodies
from service.routes.negotiation import preferred
from service.routes.operator import check_operator
from service.routes.patience import patiently
from service.routes.query import with_query
from service.routes.services import Services
from service.schemas.calibrate import CalibrateAnswer, CalibrateOptions, CalibrateRequest
from service.schemas.groups import groups_used
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
        calibrate.check_count(items.count)
        model = self._services.choose(options.model, "score", trace)
        new, notes = await patiently(request, trace, self._calibration(model, items, options, trace))
        written = await self._write(model, new)  # no deadline: what was begun is finished
        return Response(write_json(self._answer(written, notes)), 201, media_type=JSON)

    async def _read(self, request: Request) -> tuple[CalibrateOptions, Payload]:
        settings = self._services.settings
        if bodies.media_type(request) == JSON:
            said, size = await bodies.json_body(request, CalibrateRequest, settings)
            body = with_query(request, said, CalibrateOptions)
            return body, JsonItems(body.inputs, size, body.extra)
        options = bodies.query(request, CalibrateOptions)
        return options, await bodies.payload(request, settings, options.extra)

    async def _calibration(
        self, model: LoadedModel, items: Payload, options: CalibrateOptions, trace: Trace
    ) -> tuple[NewCalibration, Notes]:
        """Every statistic of every item; they do not count for drift."""
        services, plan = self._services, score.plan(model, ScoreAsked())
        with services.admit(plan, items.count, trace) as ticket:
            with trace.stage("decode"):
                decoded = options.groups.of(await services.decode(items, model.manifest.input))
                shared = await self._shared(model, decoded)
            calibrate.check_count(len(decoded.array))
            scores = await services.run(plan.begin(decoded), ticket, trace)
        normal = NormalItems.of(scores, options.groups.by, shared)
        normal.check()
        today = datetime.datetime.now(datetime.UTC).date()
        gapped = await self._gapped(plan, decoded.array[normal.kept], trace)
        new = normal.calibration(options.data, today, plan.declared.calibration, gapped)
        return new, (*decoded.notes, *_lost(model))

    async def _shared(self, model: LoadedModel, items: Decoded) -> int:
        """How many recordings overlap with another one where nothing says which belong together."""
        if items.groups or model.manifest.input.kind != "audio":
            return 0
        return await self._services.convert(items.array.nbytes, overlapping, items.array)

    async def _gapped(self, plan: ScorePlan, rows: Array, trace: Trace) -> GapCalibration:
        """The tables of patterns of missing values, for a model of rows that takes gaps."""
        columns = columns_with_gaps(plan.model.manifest.input)
        tables = gap_tables(columns, rows) if columns else None
        if tables is None:
            return GapCalibration()
        with self._services.admit(plan, len(tables.items), trace) as ticket:
            return tables.read((await self._services.run(plan.begin(Decoded(tables.items)), ticket, trace)).statistics)

    async def _write(self, model: LoadedModel, new: NewCalibration) -> bundle.Bundle:
        store = bundle.Store(self._services.settings.store)
        async with self._writing:
            written = await asyncio.to_thread(_written, store, model, new)
            await self._services.look_for_bundles()
        return written

    def _answer(self, written: bundle.Bundle, notes: Notes) -> CalibrateAnswer:
        manifest = written.manifest
        declared = manifest.score
        assert declared is not None  # noqa: S101 - it was calibrated
        smallest, groups = smallest_alpha(declared.calibration.n), declared.calibration.groups
        answer: CalibrateAnswer = {
            "model": manifest.name,
            "version": manifest.version,
            "n": declared.calibration.n,
            "smallest_p_value": smallest["marginal"],
            "smallest_alpha": {"marginal": smallest["marginal"], "pac": smallest["pac"]},
            "statistics": [item.name for item in declared.statistics],
            "served": manifest.version in self._services.registry.models.get(manifest.name, {}),
            "notes": [*filter(None, [warning(declared)]), *notes, *self._not_meant(manifest)],
        }
        if groups is not None:
            answer["groups"] = groups_used(groups)
        return answer

    def _not_meant(self, written: bundle.Manifest) -> Notes:
        promoted = self._services.registry.stock.promoted.get(written.name)
        if promoted in (None, written.version):
            return ()
        return (f"{written.name} goes on to mean version {promoted}, which is promoted",)


def _lost(model: LoadedModel) -> Notes:
    """What the new version can no longer do."""
    declared = model.manifest.score
    if declared is None or not declared.calibration.labels:
        return ()
    return (
        f"{model.manifest.reference} is calibrated per label, the new version is not: the items came without labels; "
        "`pofx calibrate --labels` takes them",
    )


def _written(store: bundle.Store, model: LoadedModel, new: NewCalibration) -> bundle.Bundle:
    """The new version in the store; raises StoreUnwritable with the reason."""
    try:
        return calibrate.write(store, model, new)
    except OSError as error:
        raise StoreUnwritable(
            f"cannot write a new version of {model.manifest.name} to the store: {error.strerror}; "
            "expected a store that this process may write"
        ) from error
    except bundle.BundleError as error:
        raise StoreUnwritable(f"no new version of {model.manifest.name} was written: {error}") from error
