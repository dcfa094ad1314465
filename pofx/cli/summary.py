"""What a person reads at the end of scoring."""

import math
from typing import Any

from rich.console import Console
from rich.table import Table

from pofx.cli.outcome import Outcome
from pofx.cli.tally import Found
from pofx.cli.worst import WorstItem
from pofx.rules.lord import Stream
from pofx.use.reasons import reasons


def print_summary(console: Console, outcome: Outcome) -> None:
    """Prints counts, the threshold and what it promises, notes, and the worst items."""
    for line in lines_of(outcome):
        console.print(line, highlight=False, markup=False)
    if outcome.worst:
        console.print(_worst(outcome))


def lines_of(outcome: Outcome) -> list[str]:
    """Everything but the table."""
    tally, rule = outcome.tally, outcome.plan.rule
    share = tally.anomalies / max(tally.scored, 1)
    lines = [
        f"{tally.scored:,} items scored with {outcome.manifest.reference} in {outcome.seconds:.1f} s, "
        f"{tally.items / outcome.seconds:,.0f} per second",
        f"{tally.anomalies:,} anomalies, {share:.2%}: p-value of {rule.statistic} at most {outcome.threshold:.4g}",
        f"promise ({rule.promise}): {outcome.promise}",
    ]
    if outcome.found is not None:
        lines.append(discovered(outcome.found))
    if outcome.stream is not None:
        lines.append(of_stream(outcome.stream))
    return [*lines, *(f"note: {note}" for note in outcome.notes)]


def discovered(found: Found) -> str:
    """What the procedure for the false discovery rate found."""
    if found.threshold is None:
        return f"no discoveries among {found.tests:,} {found.tested}"
    what = "discoveries" if found.groups is None else f"groups of {found.tests:,} are discoveries"
    bound = f"at most {found.fdr * 100:.3g} % of them false on average"
    return f"{found.count:,} {what}, {bound}: p-value at most {found.threshold:.4g}"


def of_stream(now: Stream) -> str:
    """What a stream over several files has come to."""
    bound = f"at most {now.fdr * 100:.3g} % of them false on average"
    return (
        f"{now.discoveries:,} discoveries among the {now.tests:,} tests of the stream so far, {bound}; without another "
        f"one, something can be discovered for {now.left:,} more"
    )


def _worst(outcome: Outcome) -> Table:
    """The worst items; what would not fit in 80 columns is folded."""
    table = Table(title="the worst items", title_justify="left")
    table.add_column("item", overflow="fold")
    table.add_column("p-value", justify="right", no_wrap=True)
    table.add_column(outcome.statistic.name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    why = _reasons(outcome)
    if why:
        table.add_column(f"where ({outcome.measure})", overflow="fold")
    for place, item in enumerate(outcome.worst):
        table.add_row(item.title, *_numbers(outcome, item), *why[place : place + 1])
    return table


def _numbers(outcome: Outcome, item: WorstItem) -> tuple[str, str, str]:
    value = item.found[f"{outcome.statistic.name}_value"]
    return number(item.found["p_value"]), number(value), "anomaly" if item.found["anomaly"] else "normal"


def _reasons(outcome: Outcome) -> list[str]:
    """A phrase for each of the worst items; nothing where the model cannot say."""
    if outcome.surprise is None:
        return []
    found: list[str] = reasons(outcome.manifest.input, outcome.items, outcome.surprise).tolist()
    return [item.reason or words for item, words in zip(outcome.worst, found, strict=True)]


def number(value: Any) -> str:
    """A number in four digits."""
    return "-" if value is None or (isinstance(value, float) and math.isnan(value)) else f"{value:.4g}"
