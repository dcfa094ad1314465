"""The tables, as Markdown: every set for AUROC, and a summary of everything by method."""

from collections.abc import Callable, Iterable

import numpy as np

from training.compare.records import Record
from training.compare.scores import ranks

SUMMARY: dict[str, Callable[[Record], float]] = {
    "AUROC %": lambda record: 100 * record.quality.auroc,
    "AUPR %": lambda record: 100 * record.quality.aupr,
    "FPR@95 %": lambda record: 100 * record.quality.fpr95,
    "false alarms %": lambda record: 100 * record.quality.false_alarms,
    "fit s": lambda record: record.fit_s,
    "score s": lambda record: record.score_s,
}


def tables(records: list[Record], alpha: float) -> str:
    """Two tables for every protocol."""
    protocols = dict.fromkeys(record.protocol for record in records)
    return "\n\n".join(_section(name, [r for r in records if r.protocol == name], alpha) for name in protocols)


def _section(protocol: str, records: list[Record], alpha: float) -> str:
    sets = list(dict.fromkeys(record.set for record in records))
    methods = _ordered(records, sets)
    seeds = len({record.seed for record in records})
    auroc = grid(records, sets, methods, lambda record: 100 * record.quality.auroc)
    parts = [
        f"## {protocol}",
        f"AUROC in %, mean of {seeds} seeds; the best of a set in bold.",
        _per_set(sets, methods, auroc),
        f"Means over sets; rank by AUROC on each set; false alarms at alpha = {alpha:g}; families chosen: "
        f"{_families(records)}.",
        _summary(records, sets, methods, auroc),
    ]
    return "\n\n".join(parts)


def grid(records: list[Record], sets: list[str], methods: list[str], value: Callable[[Record], float]) -> np.ndarray:
    """A value, mean over seeds; (sets, methods)."""
    found: dict[tuple[str, str], list[float]] = {}
    for record in records:
        found.setdefault((record.set, record.method), []).append(value(record))
    return np.array([[np.mean(found.get((name, method), [np.nan])) for method in methods] for name in sets])


def _ordered(records: list[Record], sets: list[str]) -> list[str]:
    """The methods, best mean AUROC first."""
    methods = list(dict.fromkeys(record.method for record in records))
    means = grid(records, sets, methods, lambda record: record.quality.auroc).mean(0)
    return [methods[place] for place in np.argsort(-means, kind="stable")]


def _per_set(sets: list[str], methods: list[str], auroc: np.ndarray) -> str:
    rows = [[name, *_best_in_bold(values)] for name, values in zip(sets, auroc, strict=True)]
    rows.append(["**mean**", *_best_in_bold(auroc.mean(0))])
    return _markdown(["set", *methods], rows)


def _summary(records: list[Record], sets: list[str], methods: list[str], auroc: np.ndarray) -> str:
    columns = [grid(records, sets, methods, value).mean(0) for value in SUMMARY.values()]
    rank = ranks(auroc).mean(0)
    rows = [
        [method, f"{rank[place]:.2f}", *(f"{column[place]:.2f}" for column in columns)]
        for place, method in enumerate(methods)
    ]
    return _markdown(["method", "mean rank", *SUMMARY], rows)


def _families(records: list[Record]) -> str:
    chosen = list({record.key: record.family for record in records if record.family}.values())
    return ", ".join(f"{name} {chosen.count(name)}" for name in dict.fromkeys(chosen)) or "none"


def _best_in_bold(values: np.ndarray) -> list[str]:
    shown = [f"{value:.1f}" for value in values]
    best = f"{np.nanmax(values):.1f}"
    return [f"**{text}**" if text == best else text for text in shown]


def _markdown(header: list[str], rows: Iterable[list[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]
    return "\n".join(lines)
