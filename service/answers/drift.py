"""The drift of a model as JSON, or its histogram of p-values as a picture."""

from pofx import bundle
from pofx.graphs.loaded import LoadedModel
from pofx.kinds.framed import Axis, framed
from pofx.kinds.image import encode_png
from pofx.kinds.json_text import write_json
from service.answers.bars import bar_chart, row_of, top_of
from service.drift.monitor import Reading
from service.schemas.drift import DriftReport


def as_json(model: LoadedModel, state: Reading) -> bytes:
    """The answer as text."""
    bins = len(state.histogram)
    report: DriftReport = {
        "model": model.manifest.name,
        "version": model.manifest.version,
        "statistic": state.statistic,
        "calibration_n": state.calibration_n,
        "items": state.items,
        "passed_over": state.passed_over,
        "alarm": state.alarm,
        "alarm_item": state.alarm_item,
        "martingale": {
            "log10": state.log10_martingale,
            "log10_threshold": state.log10_threshold,
            "false_alarm": state.false_alarm,
        },
        "window": {
            "size": state.window,
            "items": state.window_items,
            "ks_distance": state.ks_distance,
            "ks_p_value": state.ks_p_value,
        },
        "histogram": {
            "edges": [edge / bins for edge in range(bins + 1)],
            "counts": list(state.histogram),
            "expected": state.window_items / bins,
        },
        "meaning": _meaning(state, model.manifest.score),
    }
    return write_json(report)


def as_picture(model: LoadedModel, state: Reading) -> bytes:
    """A PNG of the histogram, p-values from 0 at the left to 1 at the right, with a line at the expected count."""
    expected = state.window_items / len(state.histogram)
    chart, most = bar_chart(state.histogram, expected), top_of(state.histogram, expected)
    height, width = chart.shape[:2]
    title = (
        f"{model.manifest.reference}: p-values of {state.statistic}\n"
        f"last {state.window_items} items; dashed: {expected:g} in each bar without drift"
    )
    ticks = [(round(share * (width - 1)), f"{share:g}") for share in (0, 0.25, 0.5, 0.75, 1)]
    rows = [(row_of(count, most, height), f"{count:g}") for count in (0, most / 2, most)]
    return encode_png(framed(chart, title, Axis("p-value", ticks), Axis("items in each bar", rows)))


def _meaning(state: Reading, score: bundle.Score | None) -> str:
    groups = None if score is None else score.calibration.groups
    return " ".join(filter(None, (_verdict(state), _passed_over(state, groups))))


def _passed_over(state: Reading, groups: bundle.Groups | None) -> str | None:
    if groups is not None and not groups.told:
        return "The calibration is marked: it does not know what belongs together, so that an alarm means nothing."
    if not state.passed_over:
        return None
    without = "" if groups is None else f", and none without a group (items of this model come in {groups.by})"
    return f"{state.passed_over} items did not count: one of each group does, once{without}."


def _verdict(state: Reading) -> str:
    if not state.items:
        return "No item has been counted yet, or none since the last reset."
    verdict = f"No drift alarm in {state.items} items."
    if state.alarm:
        verdict = (
            f"Drift alarm at item {state.alarm_item} of {state.items}: calibration set and traffic are not alike; "
            f"without drift this happens with a chance of at most {state.false_alarm:g}, ever. {_direction(state)}"
        )
    return (
        f"{verdict} The last {state.window_items} items are {state.ks_distance:.3f} from the calibration set; without "
        f"drift that or more has a chance of {state.ks_p_value:.2g}."
    )


def _direction(state: Reading) -> str:
    """Where the window has most p-values beyond its share."""
    bins = len(state.histogram)
    fullest = max(range(bins), key=lambda place: state.histogram[place])
    return (
        f"Most p-values of the window, {state.histogram[fullest]} where {state.window_items / bins:g} are expected, "
        f"are between {fullest / bins:g} and {(fullest + 1) / bins:g}."
    )
