"""CARD.md: what a model is, what it was trained on, its measured numbers, its known failures, and pictures."""

from dataclasses import dataclass
from pathlib import Path

from pofx.rules.texts import texts_of
from training.data.dataset import Dataset
from training.evaluate.measurement import Measurement
from training.evaluate.pictures import interpolation, loss_curves, marginals, sheet
from training.evaluate.recordings import as_wav, waves
from training.evaluate.sampling import sample
from training.fit import FitReport
from training.missing import marginalises
from training.prepare import Experiment
from training.zoo.base import DirectSampler, FixedPointSampler

_SAMPLES = 64
_ROWS = 2000
_RECORDINGS = 5

_MARGINALISED = (
    "A row to score may miss values: its log-density is that of the columns that are there. Its p-values are exact if "
    "rows of the calibration split miss values in the same way, and approximate otherwise."
)

FAILURES = {
    "exact": (
        "A likelihood is not a verdict: simpler inputs than any training item (a blank image, say) can get a *higher* "
        "log-density than real ones, and then counts as normal. The p-value promises a false-alarm rate, and nothing "
        "about how many anomalies are found.",
        "p-values hold for items exchangeable with the calibration split. Data from another source needs calibration "
        "of its own.",
    ),
    "lower_bound": (
        "The score is a lower bound of the log-density, never the density itself; bounds of different models cannot be "
        "compared unless both are tight.",
        "p-values hold for items exchangeable with the calibration split. Data from another source needs calibration "
        "of its own.",
    ),
    "implicit": (
        "There is no density: the model cannot score, and the service refuses to.",
        "Class shares (above) show missing classes, not missing kinds within a class; look at many samples before "
        "relying on variety.",
    ),
    "representation": ("There is no density and no sampler.",),
}


@dataclass(frozen=True)
class Pictures:
    """Pictures and recordings of a card, with a caption each."""

    files: dict[str, bytes]
    captions: dict[str, str]


def pictures(experiment: Experiment, metrics: list[Path]) -> Pictures:
    """Samples, interpolation and loss curves, as far as the model has them."""
    family, transform = experiment.family, experiment.transform
    found: dict[str, tuple[bytes | None, str]] = {}
    if isinstance(family, DirectSampler | FixedPointSampler):
        found |= _samples(experiment)
    found["interpolation.png"] = (interpolation(family, transform), "walks between pairs of latents")
    found["loss.png"] = (loss_curves(metrics), "loss per epoch")
    present = {name: data for name, (data, _) in found.items() if data is not None}
    return Pictures(present, {name: found[name][1] for name in present})


def _texts(experiment: Experiment) -> list[str]:
    """Samples of a model of texts, as a part of the card; nothing for other data and models."""
    family, alphabet = experiment.family, experiment.dataset.alphabet
    if alphabet is None or not isinstance(family, DirectSampler | FixedPointSampler):
        return []
    lines = "\n".join(map(repr, texts_of(sample(family, experiment.transform, _SAMPLES, seed=1).numpy(), alphabet)))
    return [f"{_SAMPLES} samples, not chosen:", f"```text\n{lines}\n```"]


def _samples(experiment: Experiment) -> dict[str, tuple[bytes, str]]:
    """Samples in the form of the data, and their caption, by the name of the file."""
    family, transform, dataset = experiment.family, experiment.transform, experiment.dataset
    match dataset.kind:
        case "image":
            scale = max(1, 56 // transform.raw_shape[0])
            drawn = sample(family, transform, _SAMPLES, seed=1).numpy()
            return {"samples.png": (sheet(drawn, 16, scale), f"{_SAMPLES} samples, not chosen")}
        case "audio":
            drawn = sample(family, transform, _RECORDINGS, seed=1).numpy()
            picture = waves(experiment.splits.fit.x[:_RECORDINGS], drawn, dataset.rate_hz)
            caption = f"{_RECORDINGS} recordings of the data, and as many samples, not chosen"
            heard = as_wav(drawn, dataset.rate_hz)
            return {"samples.png": (picture, caption), "samples.wav": (heard, "the same samples to listen to")}
        case "text":
            return {}
    drawn = sample(family, transform, _ROWS, seed=1).numpy()
    histogram = marginals(experiment.splits.fit.x, drawn, dataset.columns)
    return {"samples.png": (histogram, f"data against {_ROWS} samples, column by column")}


def card(
    experiment: Experiment,
    report: FitReport,
    measurements: list[Measurement],
    drawn: Pictures,
    capabilities: tuple[str, ...],
) -> str:
    """The card as Markdown."""
    recipe, family = experiment.recipe, experiment.family
    parts = [f"# {experiment.name}", recipe.summary]
    if experiment.smoke:
        parts.append("**A rehearsal on a sliver of the data: not a model to rely on.**")
    parts += [
        f"Family: {type(family).title} ({type(family).paper}). Can: {', '.join(capabilities)}.",
        *[_shown(name, caption) for name, caption in drawn.captions.items()],
        *_texts(experiment),
        "## Data",
        _data(experiment),
        *_categories(experiment.dataset),
        *([f"{experiment.missing}."] if experiment.missing is not None else []),
        *([_MARGINALISED] if marginalises(family, experiment.transform) else []),
        "## Numbers",
        _table(measurements) if measurements else "None: the model has no density to measure.",
        f"Fitted in {report.seconds:.0f} s"
        + (f", {report.epochs} epochs" if report.epochs else "")
        + f", seed {recipe.seed}."
        + "".join(f" {name.replace('_', ' ')}: {_short(value)}." for name, value in report.chosen.items()),
        "## Known failures",
        "\n".join(f"- {line}" for line in FAILURES[_kind(experiment)]),
        "## Recipe",
        f"```toml\n{recipe.text.strip()}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _shown(name: str, caption: str) -> str:
    """A picture, or a link to what is not one."""
    if not name.endswith(".png"):
        return f"[{name}]({name}): {caption}."
    return f"![{caption}]({name})\n\n*{caption}*"


def _kind(experiment: Experiment) -> str:
    kind = type(experiment.family).kind
    return "lower_bound" if kind == "exact" and experiment.transform.bound else kind


def _data(experiment: Experiment) -> str:
    sizes = ", ".join(f"{size} {name}" for name, size in experiment.splits.sizes().items() if size)
    normal = experiment.recipe.data.normal
    one_class = f" Only {', '.join(normal)} counts as normal; everything else is an anomaly." if normal else ""
    return (
        f"{experiment.dataset.source}; licence: {experiment.dataset.licence}. Items: {sizes}.{one_class} "
        f"Fingerprint of the splits: `{experiment.splits.fingerprint()[:16]}`."
    )


def _categories(dataset: Dataset) -> list[str]:
    """The categories of every column that has some, the most frequent first, and which columns were left out."""
    named = [(dataset.columns[place], names) for place, names in enumerate(dataset.categories) if names]
    lines = [f"- `{column}`: {', '.join(f'`{name}`' for name in names)}" for column, names in named]
    listed = ["Columns of categories, the most frequent first:\n\n" + "\n".join(lines)] if lines else []
    return listed + [f"Left out: {line}." for line in dataset.left_out]


def _table(measurements: list[Measurement]) -> str:
    rows = [f"| {item.name} | {item.figure} | {item.unit} | {item.split} | {item.protocol} |" for item in measurements]
    return "\n".join(["| what | value | unit | split | protocol |", "|---|---|---|---|---|", *rows])


def _short(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
