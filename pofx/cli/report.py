"""One HTML file about a stream of scores, complete in itself: no scripts, no other files, light and dark."""

import datetime
from html import escape
from pathlib import Path

from pofx.cli.outcome import Outcome
from pofx.cli.report_histogram import histogram
from pofx.cli.report_items import item_card
from pofx.cli.report_style import CSS
from pofx.cli.score_table import whole_or_nothing
from pofx.cli.summary import discovered, of_stream
from pofx.kinds.words import PLURAL

FILE = "report.html"


def write_report(outcome: Outcome, folder: Path) -> Path:
    """The file, whole, in a folder that is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    with whole_or_nothing(path) as partial:
        partial.write_text(page(outcome), encoding="utf-8")
    return path


def page(outcome: Outcome) -> str:
    """The file's text."""
    title = f"{outcome.path.name} scored with {outcome.manifest.reference}"
    parts = [_head(outcome), _figures(outcome), _verdict(outcome), _p_values(outcome), _notes(outcome), _worst(outcome)]
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{CSS}</style>\n<main>\n{''.join(parts)}</main>\n{_foot()}</html>\n"
    )


def _head(outcome: Outcome) -> str:
    manifest = outcome.manifest
    return (
        f"<header><h1>{escape(outcome.path.name)}</h1>\n"
        f"<p>{PLURAL[manifest.input.kind]}, scored with <b>{escape(manifest.name)}</b> version {manifest.version}: "
        f"{escape(manifest.summary)}</p></header>\n"
    )


def _figures(outcome: Outcome) -> str:
    tally = outcome.tally
    figures = [
        (f"{tally.scored:,}", "items"),
        *([(f"{tally.left_out:,}", "left out")] if tally.left_out else []),
        (f"{tally.anomalies:,}", "anomalies"),
        (f"{tally.anomalies / max(tally.scored, 1):.2%}", "of all items"),
        (f"{outcome.threshold:.4g}", "threshold"),
    ]
    if outcome.found is not None:
        figures.append((f"{outcome.found.count:,}", f"discoveries at fdr {outcome.found.fdr:g}"))
    figures.append((f"{tally.items / outcome.seconds:,.0f}", "items per second"))
    cells = "".join(f"<div><b>{value}</b><span>{escape(what)}</span></div>" for value, what in figures)
    return f'<section class="figures">{cells}</section>\n'


def _verdict(outcome: Outcome) -> str:
    statistic, rule = outcome.statistic, outcome.plan.rule
    found = "" if outcome.found is None else f"<p>Among all items together: {escape(discovered(outcome.found))}.</p>"
    if outcome.stream is not None:
        found += f"<p>{escape(of_stream(outcome.stream))}.</p>"
    return (
        "<section><h2>The verdict</h2>\n"
        f"<p>An item is an anomaly where the p-value of <b>{escape(statistic.name)}</b> is at most "
        f"<b>{outcome.threshold:.4g}</b>. {escape(_sentence(statistic.description))}</p>\n"
        f"<p>What this promises ({rule.promise}): {escape(outcome.promise)}. "
        f"Calibrated on: {escape(outcome.plan.declared.calibration.data)}.</p>{found}</section>\n"
    )


def _sentence(text: str) -> str:
    """A description as a sentence of its own."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _p_values(outcome: Outcome) -> str:
    return (
        f"<section><h2>p-values of {escape(outcome.statistic.name)}</h2>\n{histogram(outcome)}"
        "<p>Normal items would fill the bars up to the dashed line. The vertical line is the threshold; what lies left "
        "of it is called an anomaly.</p></section>\n"
    )


def _notes(outcome: Outcome) -> str:
    if not outcome.notes:
        return ""
    return (
        f"<section><h2>Notes</h2><ul>{''.join(f'<li>{escape(note)}</li>' for note in outcome.notes)}</ul></section>\n"
    )


def _worst(outcome: Outcome) -> str:
    if not outcome.worst:
        return ""
    cards = "".join(item_card(outcome, place) for place in range(len(outcome.worst)))
    kind = outcome.manifest.input.kind
    return f'<section><h2>The worst items</h2><div class="items {kind}">{cards}</div></section>\n'


def _foot() -> str:
    return f"<footer>written by pofx on {datetime.datetime.now().astimezone():%d %B %Y, %H:%M %Z}</footer>\n"
