"""CARD.md: five lines that a person reads, pictures, then tables, known failures and the recipe."""

from collections.abc import Sequence

from pofx import bundle
from pofx.rules.excess import marked
from pofx.rules.promises import at_least, smallest_alpha
from pofx.rules.texts import texts_of
from training.data import Dataset
from training.evaluate.measurement import Measurement
from training.evaluate.sampling import sample
from training.missing import marginalises
from training.prepare import Prepared
from training.publish.lead import Told, lead
from training.publish.pictures import SAMPLES, Pictures
from training.run import FitReport
from training.zoo.base import DirectSampler, FixedPointSampler

_FALSE_ALARMS = "false_alarm_rate"

_MARGINALISED = (
    "A row to score may miss values: its log-density is that of the columns that are there. Its p-values are exact "
    "among calibration rows that miss the same columns; exact if values are missing whatever they would have been, "
    "among those from which the columns were taken away (`masked`); and not promised otherwise. "
    "`/models` lists the patterns under `gaps`."
)
_EXCHANGEABLE = (
    "p-values hold for items exchangeable with the calibration split. Data from another source needs calibration of "
    "its own."
)
_FAILURES = {
    "exact": (
        "A likelihood is not a verdict: simpler inputs than any training item (a blank image, say) can get a *higher* "
        "log-density than real ones, and then count as normal by `verdict=log_prob`.",
        _EXCHANGEABLE,
    ),
    "lower_bound": (
        "The score is an estimate of a lower bound of the log-density, by one draw of noise that is fixed for all "
        "items: right on average over draws, while a single value may exceed the log-density. Bounds of different "
        "models cannot be compared unless both are tight.",
        _EXCHANGEABLE,
    ),
    "implicit": (
        "Class shares show missing classes, not missing kinds within a class; look at many samples before relying on "
        "variety.",
    ),
    "representation": (
        "There is no density and no sampler. Verdicts rest on what the code does not restore and on how far out the "
        "code is: an odd item that the code restores well counts as normal.",
        _EXCHANGEABLE,
    ),
}


def card(
    prepared: Prepared,
    report: FitReport,
    measurements: Sequence[Measurement],
    drawn: Pictures,
    body: bundle.ManifestBody,
) -> str:
    """The card as Markdown."""
    rates = [item for item in measurements if item.name.startswith(_FALSE_ALARMS)]
    others = [item for item in measurements if item not in rates]
    parts = [
        f"# {prepared.name}",
        *(["**A rehearsal on a sliver of the data: not a model to rely on.**"] if prepared.smoke else []),
        lead(_told(prepared, measurements, body)),
        *[_shown(name, caption) for name, caption in drawn.captions.items()],
        *_texts(prepared),
        "## Data",
        _data(prepared),
        *_categories(prepared.dataset),
        *([f"{prepared.missing}."] if prepared.missing is not None else []),
        *([_MARGINALISED] if marginalises(prepared.family, prepared.transform) else []),
        "## Numbers",
        _table(others) if others else "None: the model has no density to measure.",
        _fit(prepared, report),
        "## Known failures",
        "\n".join(f"- {line}" for line in _FAILURES[body.kind]),
        *(["## False alarms", _table(rates), *_within_labels(body.score)] if rates else []),
        "## Recipe",
        f"```toml\n{prepared.recipe.text.strip()}\n```",
    ]
    return marked("\n\n".join(parts), body.score) + "\n"


def _within_labels(score: bundle.Score | None) -> list[str]:
    """What can be promised within labels; nothing where there are none."""
    counts = [] if score is None else [label.n for label in score.calibration.labels]
    if not counts:
        return []
    found = smallest_alpha(min(counts), len(counts))
    return [
        f"With `label`, rates hold within it. With probability 0.95 for the calibration items at hand: within one "
        f"(`promise=pac`) from alpha {at_least(found['pac'])}, within all {len(counts)} at once (`promise=pac_all`) "
        f"from {at_least(found['pac_all'])}."
    ]


def _told(prepared: Prepared, measurements: Sequence[Measurement], body: bundle.ManifestBody) -> Told:
    family, recipe = type(prepared.family), prepared.recipe
    in_two_colours = body.input.kind == "image" and prepared.transform.levels == 2
    return Told(
        body, family.title, family.paper, measurements, recipe.evaluate.published, recipe.data.normal, in_two_colours
    )


def _texts(prepared: Prepared) -> list[str]:
    """Samples of a model of texts, as a part of the card; nothing for other data and models."""
    family, alphabet = prepared.family, prepared.dataset.alphabet
    if alphabet is None or not isinstance(family, DirectSampler | FixedPointSampler):
        return []
    lines = "\n".join(map(repr, texts_of(sample(family, prepared.transform, SAMPLES, seed=1).numpy(), alphabet)))
    return [f"{SAMPLES} samples, not chosen:", f"```text\n{lines}\n```"]


def _fit(prepared: Prepared, report: FitReport) -> str:
    epochs = f", {report.epochs} epochs" if report.epochs else ""
    chosen = "".join(f" {name.replace('_', ' ')}: {_short(value)}." for name, value in report.chosen.items())
    return f"Fitted in {report.seconds:.0f} s{epochs}, seed {prepared.recipe.seed}.{chosen}"


def _shown(name: str, caption: str) -> str:
    """A picture, or a link to what is not one."""
    if not name.endswith(".png"):
        return f"[{name}]({name}): {caption}."
    return f"![{caption}]({name})\n\n*{caption}*"


def _data(prepared: Prepared) -> str:
    sizes = ", ".join(f"{size} {name}" for name, size in prepared.splits.sizes().items() if size)
    normal = prepared.recipe.data.normal
    one_class = f" Only {', '.join(normal)} counts as normal; everything else is an anomaly." if normal else ""
    return (
        f"{prepared.dataset.source}; licence: {prepared.dataset.licence}. Items: {sizes}.{one_class} "
        f"Fingerprint: `{prepared.data[:16]}`."
    )


def _categories(dataset: Dataset) -> list[str]:
    """The categories of every column that has some, the most frequent first, and which columns were left out."""
    named = [(dataset.columns[place], names) for place, names in enumerate(dataset.categories) if names]
    lines = [f"- `{column}`: {', '.join(f'`{name}`' for name in names)}" for column, names in named]
    listed = ["Columns of categories, the most frequent first:\n\n" + "\n".join(lines)] if lines else []
    return listed + [f"Left out: {line}." for line in dataset.left_out]


def _table(measurements: Sequence[Measurement]) -> str:
    rows = [f"| {item.name} | {item.figure} | {item.unit} | {item.split} | {item.protocol} |" for item in measurements]
    return "\n".join(["| what | value | unit | split | protocol |", "|---|---|---|---|---|", *rows])


def _short(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
