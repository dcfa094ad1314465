"""POST /generate."""

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
from service.answers import generate as answers
from service.routes import bodies
from service.routes.negotiation import preferred
from service.routes.patience import patiently
from service.routes.query import with_query
from service.routes.services import Services
from service.schemas.generate import GenerateOptions, GenerateRequest
from service.trace import Trace

_OFFERS = {"image": (PNG,), "row": (CSV,), "audio": (WAV, PNG), "text": (TEXT,)}


class GenerateEndpoint:
    """Draws samples; the same request draws the same samples."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, request: Request) -> Response:
        """Draws samples from a model."""
        if bodies.media_type(request) != JSON:
            raise MediaUnsupported("expected application/json", supported=[JSON])
        said, size = await bodies.json_body(request, GenerateRequest, self._services.settings)
        body = with_query(request, said, GenerateOptions)
        trace: Trace = request.scope["trace"]
        return await patiently(request, trace, self._answer(request, body, size, trace))

    async def _answer(self, request: Request, body: GenerateRequest, size: int, trace: Trace) -> Response:
        services = self._services
        model = services.choose(body.model, self._use(body), trace)
        media = _media(request, model.manifest)
        _check_format(model, body)
        plan = generate.plan(model, body.asked(), services.registry.meant(), services.settings.max_samples)
        with services.admit(plan, plan.n, trace) as ticket:
            with trace.stage("decode"):
                steps = await services.convert(max(size, plan.n * model.manifest.dims * 4), plan.begin)
            samples = await services.run(steps, ticket, trace)
            with trace.stage("encode"):
                content = await services.convert(samples.values.size * 8, _rendered, media, model, samples, body)
        return Response(content, media_type=media)

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
    offers = (JSON, NPY, *(_OFFERS[spec.kind] if lines else ()))
    return preferred(request, offers, f"{manifest.reference} makes {PLURAL[spec.kind]}; they")


def _rendered(media: str, model: LoadedModel, samples: Samples, body: GenerateRequest) -> bytes:
    spec = samples.spec
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
    return answers.as_json(model, samples, body.format)
