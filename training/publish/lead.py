"""The five lines a card begins with: what the model is, what it can, how good, what is promised, what not to trust."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from pofx import bundle
from pofx.rules.groups import counted
from pofx.rules.promises import at_least, smallest_alpha
from training.evaluate.measurement import Measurement

_ONE_PERCENT = 99  # items that it takes to call anything an anomaly at a rate of 1 %
_FEW = 100  # items whose share says little
_PLURALS = {"image": "images", "row": "rows", "audio": "recordings", "text": "texts"}
_PLACES = {"image": "pixels", "row": "columns", "audio": "samples", "text": "characters"}
_BEST = ("nll", "iwae_", "elbo", "explained_variance", "class_share_tv")


@dataclass(frozen=True)
class Told:
    """What the lines are made of: the manifest, and what only training knows.

    ``published`` is the best figure known from elsewhere; ``normal`` are the labels a one-class model was fitted on;
    ``in_two_colours`` says that a score thresholds grey levels.
    """

    body: bundle.ManifestBody
    title: str
    paper: str
    measurements: Sequence[Measurement]
    published: str
    normal: tuple[str, ...] = ()
    in_two_colours: bool = False

    @property
    def items(self) -> str:
        """What items are called."""
        return _PLURALS[self.body.input.kind]

    @property
    def deciding(self) -> str | None:
        """The statistic that gives the verdict unless another is asked for."""
        return None if self.body.score is None else self.body.score.statistics[0].name


def lead(told: Told) -> str:
    """The five lines, as a Markdown list."""
    lines = {
        "What": _what(told),
        "Can": _can(told),
        "How good": _how_good(told),
        "A verdict promises": _promise(told),
        "Do not trust it": _distrust(told),
    }
    return "\n".join(f"- **{name}**{'' if name.startswith('Do') else ':'} {line}" for name, line in lines.items())


def _what(told: Told) -> str:
    article = "An" if told.title[0] in "AEIO" or told.title in ("RNN", "RNADE", "FVSBN") else "A"
    origin, count = told.body.provenance, told.body.provenance.data.splits["fit"]
    normal = f" with label {' or '.join(told.normal)}" if told.normal else ""
    source = origin.data.source if "(" in origin.data.source else PurePath(origin.data.source).name
    return (
        f"{_subject(told.body.summary)} {article} {told.title} ({told.paper.split(', arXiv')[0]}), fitted on {count:,} "
        f"{told.items} of {source}{normal} {_duration(origin.training_seconds)}."
    )


def _subject(summary: str) -> str:
    """What the data are, or the question that the model answers; what it can is told apart."""
    subject, colon, rest = summary.partition(":")
    kept = summary if colon and rest.rstrip().endswith("?") else subject
    return kept if kept.endswith(("?", ".", "!")) else f"{kept}."


def _duration(seconds: float) -> str:
    if seconds < 1:
        return "in less than a second"
    for unit, length in (("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= 2 * length or length == 1:
            count = round(seconds / length)
            return f"in {count} {unit}{'s' if count != 1 else ''}"
    return "at once"


def _can(told: Told) -> str:
    body = told.body
    parts = [part for part in (_generates(body), _scores(body), _encodes(body)) if part]
    missing = [] if body.score else ["It cannot score: it has no density"]
    return ". ".join(["; ".join(parts), *missing]) + "."


def _generates(body: bundle.ManifestBody) -> str | None:
    if body.generate is None:
        return None
    how = {"fixed_point": "by fixed point", "direct": "in one pass", "sequential": "step by step"}[body.generate.method]
    exact = "exact samples, " if body.kind == "exact" else ""
    told = [f"{exact}{'from latents' if body.generate.latents else how}"]
    if body.generate.labels:
        told.append(f"of one of {len(body.generate.labels)} labels")
    if body.generate.completion is not None:
        told.append(f"with known {_PLACES[body.input.kind]} kept")
    return f"generate ({', '.join(told)})"


def _scores(body: bundle.ManifestBody) -> str | None:
    if body.score is None:
        return None
    gaps = f"; gaps are {body.input.missing}" if body.input.kind == "row" else ""
    match body.score.density:
        case None:
            return f"score (by statistics, without a density{gaps})"
        case bundle.Density(kind="exact", over=over):
            return f"score (exact log-density of {over}{gaps})"
        case bundle.Density(over=over):
            return f"score (an estimate of a lower bound of the log-density of {over}, not the density{gaps})"


def _encodes(body: bundle.ManifestBody) -> str | None:
    if body.encode is None:
        return None
    numbers = "1 number" if body.encode.dims == 1 else f"{body.encode.dims} numbers"
    return f"encode ({numbers}: {body.encode.description})"


def _how_good(told: Told) -> str:
    known = f"Published: {told.published or 'none known'}."
    best = _best(told)
    if best is None:
        return f"not measured: it has no density, and the data no labels. {known}"
    count = told.body.provenance.data.splits.get("test", 0)
    if best.name == "auroc":
        return (
            f"AUROC {best.figure} of `{best.statistic}`, {count:,} normal {told.items} against {best.anomalies:,}. "
            f"{known}"
        )
    if best.name == "class_share_tv":
        return (
            f"class shares of samples are {best.figure} (total variation; 0 is best) from those of real {told.items}. "
            f"{known}"
        )
    if best.name == "explained_variance":
        return f"{best.figure} of the variance of {count:,} test {told.items} is in {best.protocol}. {known}"
    most = "at most " if _is_bound(best) else ""
    protocol = best.protocol.split(", seed")[0]
    return f"{most}{best.figure} {best.unit} on {count:,} test {told.items} ({protocol}). {known}"


def _best(told: Told) -> Measurement | None:
    """The one number that says most: separation from anomalies if there are any, else a likelihood, else shares."""
    aurocs = (item for item in told.measurements if item.name == "auroc" and item.statistic == told.deciding)
    if (auroc := next(aurocs, None)) is not None:
        return auroc
    per_dim = told.body.input.kind in ("audio", "text")
    for prefix in _BEST:
        for item in told.measurements:
            if item.name.startswith(prefix) and item.name.endswith("_bits_per_dim") == (per_dim and prefix == "nll"):
                return item
    return None


def _is_bound(item: Measurement) -> bool:
    return "bound" in item.protocol


def _promise(told: Told) -> str:
    score = told.body.score
    if score is None:
        return "nothing, there is none."
    n = score.calibration.n
    smallest = at_least(smallest_alpha(n)["marginal"])
    few = "" if n >= _ONE_PERCENT else f"; **{n} calibration {told.items} are few**"
    counts, groups = [label.n for label in score.calibration.labels], score.calibration.groups
    items = f"{n:,} {told.items}" if groups is None else counted(score.calibration)
    labels = f", also within a label ({min(counts):,} to {max(counts):,} each)" if counts else ""
    return (
        f"at most a share alpha of normal {told.items} are alarms, on average over calibration sets, for alpha from "
        f"{smallest} ({items}){labels}{few}.{_measured(told)}"
    )


def _measured(told: Told) -> str:
    """The realised rate at 1 %, or at the smallest rate that was measured above it."""
    rates = {
        float(item.name.rpartition("_")[2]): item
        for item in told.measurements
        if item.name.startswith("false_alarm_rate_") and item.statistic == told.deciding and item.split == "held out"
    }
    shown = [alpha for alpha in sorted(rates) if alpha >= 0.01]
    if not shown:
        return ""
    rate = rates[shown[0]]
    held_out = told.body.score.calibration.held_out
    count = 0 if held_out is None else held_out.items
    assert rate.band is not None  # noqa: S101 - every false-alarm rate has one
    low, high = rate.band
    judged = "; **more alarms than promised**" if rate.value > high else ""
    few = "; so few show little" if count < _FEW else ""
    return (
        f" Measured at {shown[0]:g}: a share {rate.value:.2g} of {count:,} held-out {told.items}, band {low:.2g} to "
        f"{high:.2g}{judged}{few}."
    )


def _distrust(told: Told) -> str:
    score = told.body.score
    density = None if score is None else score.density
    rules = (
        (True, f"for {told.items} from another source{' (calibrate again)' if score else ''}"),
        (told.in_two_colours, "for faint grey strokes, which thresholding hides"),
        (score is not None and score.calibration.n < _ONE_PERCENT, "with an alpha of 1 %, which it refuses"),
        (density is not None and density.kind == "lower_bound", "to compare its nats with those of other bounds"),
        (density is None and told.body.generate is not None, "for the right mix of classes, or for variety within one"),
        (told.body.decode is not None, "for odd items that the code restores well"),
        (score is not None, "to find every anomaly: how many are found is not promised"),
    )
    return "; ".join([words for holds, words in rules if holds][:3]) + "."
