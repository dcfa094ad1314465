"""What the manifests of a store say about its bundles, read as plain JSON: pages can be written without a library."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_RATE = re.compile(
    r"conformal p of (?P<statistic>\w+) <= (?P<alpha>[\d.]+), n=(?P<n>\d+) calibration items, (?P<items>\d+) items; "
    r"5-95 % band (?P<low>[\d.]+)-(?P<high>[\d.]+)"
)
_AUROC = re.compile(r".+; (?P<statistic>\w+); (?P<anomalies>\d+) anomalies")
_SHARES = re.compile(
    r"(?P<samples>\d+) samples .+; (?P<missing>\d+ of \d+) classes never generated; real against real: (?P<real>[\d.]+)"
)


@dataclass(frozen=True)
class Metric:
    """One measured number, its standard error where it has one, and how it was measured."""

    name: str
    value: float
    standard_error: float | None
    split: str
    protocol: str


@dataclass(frozen=True)
class Shipped:
    """The latest version of a bundle: what was measured, and what it cost."""

    name: str
    version: int
    family: str
    metrics: tuple[Metric, ...]
    splits: Mapping[str, int]
    training_s: float
    size_bytes: int

    def metric(self, name: str) -> Metric | None:
        """The measured number of that name, or nothing."""
        return next((metric for metric in self.metrics if metric.name == name), None)


@dataclass(frozen=True)
class Rate:
    """A realised false-alarm rate of one statistic, and the band it lies in nine times in ten."""

    statistic: str
    alpha: float
    n: int
    items: int
    value: float
    low: float
    high: float

    @property
    def inside(self) -> bool:
        """Whether the rate lies in its band, both to four digits."""
        return self.low <= round(self.value, 4) <= self.high


@dataclass(frozen=True)
class Detection:
    """How well one statistic tells normal items from anomalies: an AUROC."""

    statistic: str
    anomalies: int
    auroc: float


@dataclass(frozen=True)
class ClassShares:
    """Total variation between the classes of samples and of real items, and that of real items among themselves."""

    samples: int
    distance: float
    real_against_real: float
    never_generated: str


def shipped(store: Path) -> list[Shipped]:
    """The latest version of every bundle, by name."""
    latest: dict[str, Path] = {}
    for path in sorted(store.glob("*/*/manifest.json"), key=lambda path: int(path.parent.name)):
        latest[path.parent.parent.name] = path
    return [_shipped(latest[name].read_bytes()) for name in sorted(latest)]


def _shipped(text: bytes) -> Shipped:
    manifest = json.loads(text)
    provenance = manifest["provenance"]
    fields = ("name", "value", "standard_error", "split", "protocol")
    return Shipped(
        name=manifest["name"],
        version=manifest["version"],
        family=manifest["family"],
        metrics=tuple(Metric(**{field: metric[field] for field in fields}) for metric in manifest["metrics"]),
        splits=provenance["data"]["splits"],
        training_s=provenance["training_seconds"],
        size_bytes=len(text) + sum(file["size"] for file in manifest["files"].values()),
    )


def rates(bundle: Shipped, split: str) -> list[Rate]:
    """The false-alarm rates on a split, of every statistic and alpha."""
    return [
        _rate(metric)
        for metric in bundle.metrics
        if metric.name.startswith("false_alarm_rate_") and metric.split == split
    ]


def _rate(metric: Metric) -> Rate:
    found = _read(_RATE, metric)
    counts = {name: int(found[name]) for name in ("n", "items")}
    numbers = {name: float(found[name]) for name in ("alpha", "low", "high")}
    return Rate(statistic=found["statistic"], value=metric.value, **counts, **numbers)


def detections(bundle: Shipped) -> list[Detection]:
    """The AUROC of every statistic, where the bundle was measured against anomalies."""
    found = [(metric.value, _read(_AUROC, metric)) for metric in bundle.metrics if metric.name == "auroc"]
    return [Detection(match["statistic"], int(match["anomalies"]), value) for value, match in found]


def class_shares(bundle: Shipped) -> ClassShares | None:
    """How the classes of samples compare with those of real items, where that was measured."""
    metric = bundle.metric("class_share_tv")
    if metric is None:
        return None
    found = _read(_SHARES, metric)
    return ClassShares(int(found["samples"]), metric.value, float(found["real"]), found["missing"])


def _read(pattern: re.Pattern[str], metric: Metric) -> re.Match[str]:
    found = pattern.match(metric.protocol)
    if found is None:
        raise ValueError(f"{metric.name}: expected a protocol like {pattern.pattern!r}, got {metric.protocol!r}")
    return found
