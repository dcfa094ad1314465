"""A stream of discoveries as JSON."""

from pofx.graphs.loaded import LoadedModel
from pofx.kinds.json_text import write_json
from pofx.rules.lord import Stream
from pofx.use.online_fdr import OnlineFdr, note
from pofx.use.score import score_of
from service.schemas.online_fdr import OnlineFdrReport


def as_json(model: LoadedModel, stream: OnlineFdr | None) -> bytes:
    """The answer as text."""
    now = None if stream is None else stream.stream
    report: OnlineFdrReport = {
        "model": model.manifest.name,
        "version": model.manifest.version,
        "fdr": None if now is None else now.fdr,
        "statistic": None if stream is None else stream.statistic,
        "calibration_n": score_of(model).calibration.n,
        "tests": 0 if now is None else now.tests,
        "discoveries": 0 if now is None else now.discoveries,
        "level": None if now is None else now.level,
        "left": None if now is None else now.left,
        "meaning": _meaning(now),
    }
    return write_json(report)


def _meaning(now: Stream | None) -> str:
    if now is None:
        return "No request with control=online has begun a stream for this model and key, or none since the last reset."
    spent = note(now)
    if spent is not None:
        return f"{spent[0].upper()}{spent[1:]}."
    return (
        f"{now.discoveries:,} discoveries in {now.tests:,} tests, of which on average at most a share {now.fdr:g} is "
        f"false. Without another one, items can be discovered for {now.left:,} more tests."
    )
