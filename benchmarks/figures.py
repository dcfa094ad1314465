"""``python -m benchmarks.figures``: writes what the pages say of the shipped bundles anew, from their manifests.

A page has two kinds of place for that. A table stands between ``<!-- bundles:begin NAME -->`` and
``<!-- bundles:end -->``; a single number stands right before ``<!-- BUNDLE NAME -->``, which says what it is:
``80.40<!-- mnist-rnn nll -->``.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.manifests import ClassShares, Metric, Rate, Shipped, class_shares, detections, rates, shipped

_LIKELIHOODS = ("nll", "elbo", "iwae_64")
_ALPHAS = (0.001, 0.01, 0.05)
_SHOWN = ("combined", "log_prob")
_TABLE = re.compile(r"(<!-- bundles:begin (\S+) -->\n).*?(<!-- bundles:end -->)", re.DOTALL)
_NUMBER = re.compile(r"[−\d.,]+(<!-- ([\w-]+ [\w:-]+) -->)")


def main() -> None:
    """Renews every page of the documentation."""
    bundles = shipped(Path("models"))
    for path in sorted(Path("docs").rglob("*.md")):
        path.write_text(renewed(path.read_text(encoding="utf-8"), bundles), encoding="utf-8")


def renewed(page: str, bundles: Sequence[Shipped]) -> str:
    """The page with the tables and numbers of these bundles; an unknown name is a KeyError."""
    by_name, single = tables(bundles), numbers(bundles)
    page = _TABLE.sub(lambda found: f"{found[1]}{by_name[found[2]]}\n{found[3]}", page)
    return _NUMBER.sub(lambda found: single[found[2]] + found[1], page)


def written_by_hand(page: str) -> str:
    """What is left of a page without the places that are generated."""
    return _NUMBER.sub("", _TABLE.sub("", page))


def tables(bundles: Sequence[Shipped]) -> dict[str, str]:
    """Markdown tables by the names that pages use."""
    return {
        "likelihoods": _likelihoods(bundles),
        "class-shares": _class_shares(bundles),
        "detection": _detection(bundles),
        "held-out-rates": _rates(bundles, "held out"),
        "official-test-rates": _rates(bundles, "official test"),
        "costs": _costs(bundles),
    }


def numbers(bundles: Sequence[Shipped]) -> dict[str, str]:
    """Single numbers as text, by ``BUNDLE NAME``; those of the whole store by ``all NAME``."""
    found = {f"{bundle.name} {name}": text for bundle in bundles for name, text in _numbers(bundle).items()}
    for split in ("held out", "official test"):
        every = [rate for bundle in bundles for rate in rates(bundle, split)]
        found[f"all {split.replace(' ', '-')}-rates"] = str(len(every))
        found[f"all {split.replace(' ', '-')}-inside"] = str(sum(rate.inside for rate in every))
    megabytes = sum(bundle.size_bytes for bundle in bundles) / 1e6
    return found | {"all bundles": str(len(bundles)), "all megabytes": f"{megabytes:.1f}"}


def _numbers(bundle: Shipped) -> dict[str, str]:
    measured = {metric.name: _value(metric) for metric in bundle.metrics if metric.standard_error is not None}
    shares = class_shares(bundle)
    return {
        **measured,
        **({"class-shares": f"{shares.distance:.4f}"} if shares else {}),
        **{f"auroc:{item.statistic}": f"{item.auroc:.3f}" for item in detections(bundle)},
        "minutes": f"{bundle.training_s / 60:.0f}",
        "megabytes": _megabytes(bundle),
    }


def _likelihoods(bundles: Sequence[Shipped]) -> str:
    rows = [
        (f"`{bundle.name}`", _with_error(metric), _bits(bundle, name), f"{bundle.splits['test']:,}", metric.protocol)
        for bundle in bundles
        for name in _LIKELIHOODS
        if (metric := bundle.metric(name)) is not None
    ]
    return _markdown(("bundle", "nats per item", "bits/dim", "test items", "protocol"), rows)


def _bits(bundle: Shipped, name: str) -> str:
    metric = bundle.metric(f"{name}_bits_per_dim")
    return _with_error(metric) if metric is not None else ""


def _class_shares(bundles: Sequence[Shipped]) -> str:
    head = ("bundle", "total variation", "real against real", "classes never generated", "samples", "some of them")
    return _markdown(head, [_shares_row(bundle, found) for bundle in bundles if (found := class_shares(bundle))])


def _shares_row(bundle: Shipped, found: ClassShares) -> tuple[str, ...]:
    distances = (f"{found.distance:.4f}", f"{found.real_against_real:.3f}")
    return (f"`{bundle.name}`", *distances, found.never_generated, f"{found.samples:,}", _picture(bundle))


def _picture(bundle: Shipped) -> str:
    return f"![samples of {bundle.name}](../../models/{bundle.name}/{bundle.version}/samples.png)"


def _detection(bundles: Sequence[Shipped]) -> str:
    rows = [
        (f"`{bundle.name}`", item.statistic, f"{item.auroc:.3f}", f"{bundle.splits['test']:,}", f"{item.anomalies:,}")
        for bundle in bundles
        for item in detections(bundle)
    ]
    return _markdown(("bundle", "statistic", "AUROC", "normal items, held out", "anomalies"), rows)


def _rates(bundles: Sequence[Shipped], split: str) -> str:
    rows = []
    for bundle in bundles:
        for statistic in _SHOWN:
            own = {rate.alpha: rate for rate in rates(bundle, split) if rate.statistic == statistic}
            if own:
                counts = next(iter(own.values()))
                cells = [_banded(own[alpha]) if alpha in own else "" for alpha in _ALPHAS]
                rows.append((f"`{bundle.name}`", statistic, f"{counts.n:,}", f"{counts.items:,}", *cells))
    return _markdown(
        ("bundle", "statistic", "calibration n", "items", *(f"alpha {alpha:g}" for alpha in _ALPHAS)), rows
    )


def _banded(rate: Rate) -> str:
    return f"{rate.value:.4f} ({rate.low:.4f}–{rate.high:.4f})"


def _costs(bundles: Sequence[Shipped]) -> str:
    rows = [
        (f"`{bundle.name}`", f"`{bundle.family}`", f"{bundle.splits['fit']:,}", _duration(bundle), _megabytes(bundle))
        for bundle in bundles
    ]
    return _markdown(("bundle", "family", "items fitted on", "time to fit", "MB"), rows)


def _duration(bundle: Shipped) -> str:
    seconds = bundle.training_s
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{max(seconds, 0.1):.1f} s"


def _megabytes(bundle: Shipped) -> str:
    return f"{bundle.size_bytes / 1e6:.2f}"


def _with_error(metric: Metric) -> str:
    return f"{_value(metric)} ± {metric.standard_error:,.{_places(metric)}f}"


def _value(metric: Metric) -> str:
    return f"{metric.value:,.{_places(metric)}f}".replace("-", "−")


def _places(metric: Metric) -> int:
    """Digits behind the point: four for bits, else so many that the standard error shows two that count."""
    if metric.name.endswith("bits_per_dim"):
        return 4
    return max(0, 1 - math.floor(math.log10(metric.standard_error or 1.0)))


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
