"""Prometheus metrics of one application, in a registry of its own."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service.drift.monitor import Reading
from service.engine.threads import BatchReport
from service.online.streams import Totals
from service.trace import Trace

R = TypeVar("R")

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
DriftReader = Callable[[], Iterable[tuple[str, int, Reading]]]
"""The state of every watched model, by name and version."""
StreamReader = Callable[[], Iterable[tuple[str, int, Totals]]]
"""What the streams of every model have come to, by name and version."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Everything that is counted; requests only by the middleware, batches only by the device's report."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        labels = ("endpoint", "model", "version", "status")
        self._requests = Histogram(
            "pofx_request_seconds", "Time of a request.", labels, registry=self.registry, buckets=_SECONDS
        )
        self._stages = Histogram(
            "pofx_stage_seconds",
            "Time of a request by stage: queue, decode, device, encode.",
            ("stage", "model", "version"),
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._rejected = Counter(
            "pofx_rejected_total",
            "Requests that were refused or failed, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self._overloaded = self._rejected.labels("overloaded")
        self._batch_rows = Histogram("pofx_batch_rows", "Rows in a batch.", registry=self.registry, buckets=_ROWS)
        self._batch_seconds = Histogram(
            "pofx_batch_seconds", "Time that a batch ran.", registry=self.registry, buckets=_SECONDS
        )
        self._device_seconds = Counter(
            "pofx_device_seconds_total", "Device time, by model.", ("model",), registry=self.registry
        )
        self._pending = Gauge(
            "pofx_pending_seconds", "Admitted, unfinished work in seconds of device time.", registry=self.registry
        )
        self._queue = Gauge(
            "pofx_queue", "Requests that wait for the device, by class.", ("class",), registry=self.registry
        )
        self._models = Gauge("pofx_models", "Bundles in the store, by state.", ("state",), registry=self.registry)
        self._drift = _ModelGauges("pofx_drift_", _DRIFT)
        self._streams = _ModelGauges("pofx_online_fdr_", _STREAMS)
        self.registry.register(self._drift)
        self.registry.register(self._streams)
        # finding a child by its labels takes a lock and a copy; a request would do it six times
        self._request_child = lru_cache(4096)(self._requests.labels)
        self._stage_child = lru_cache(4096)(self._stages.labels)
        self._device_child = lru_cache(4096)(self._device_seconds.labels)

    def watch_pending(self, seconds: Callable[[], float], queue: Callable[[], tuple[int, int]]) -> None:
        """Reads pending work, and how many small and bulk requests wait, when the metrics are collected."""
        self._pending.set_function(seconds)
        self._queue.labels("small").set_function(lambda: queue()[0])
        self._queue.labels("bulk").set_function(lambda: queue()[1])

    def watch_drift(self, read: DriftReader) -> None:
        """Reads the drift of every model when the metrics are collected."""
        self._drift.read = read

    def watch_streams(self, read: StreamReader) -> None:
        """Reads the streams of discoveries of every model when the metrics are collected."""
        self._streams.read = read

    def watch_models(self, counts: Mapping[str, Callable[[], int]]) -> None:
        """Reads how many bundles are in a state when the metrics are collected, by the name of the state."""
        for state, count in counts.items():
            self._models.labels(state).set_function(count)

    def batch(self, report: BatchReport) -> None:
        """Counts one batch; called in the threads of the device."""
        self._device_child(report.model).inc(report.device_s)
        self._batch_rows.observe(report.rows)
        self._batch_seconds.observe(report.passed_s)

    def request(self, endpoint: str, trace: Trace, status: int, seconds: float) -> None:
        """Counts one request."""
        self._request_child(endpoint, trace.model, trace.version, str(status)).observe(seconds)
        for stage, duration in trace.seconds.items():
            self._stage_child(stage, trace.model, trace.version).observe(duration)
        if trace.rejected:
            self._rejected.labels(trace.rejected).inc()

    def turned_away(self, endpoint: str) -> None:
        """Counts a request that was refused before it was read."""
        self._overloaded.inc()
        self._request_child(endpoint, "", "", "429").observe(0.0)

    def text(self) -> bytes:
        """The exposition in Prometheus' text format."""
        return generate_latest(self.registry)


_DRIFT: tuple[tuple[str, str, Callable[[Reading], float]], ...] = (
    ("items", "Scored items that counted for drift, since the start or the last reset.", lambda state: state.items),
    (
        "passed_over",
        "Scored items that did not count for drift: their group had, or was not named.",
        lambda state: state.passed_over,
    ),
    (
        "log10_martingale",
        "Evidence of drift: log10 of a fortune that without drift ever reaches 1/a with a chance of at most a.",
        lambda state: state.log10_martingale,
    ),
    (
        "alarm",
        "Whether the evidence has ever reached its threshold: 1 until the next reset.",
        lambda state: state.alarm,
    ),
    (
        "ks",
        "Kolmogorov-Smirnov distance between the latest items and the calibration set, 0 to 1.",
        lambda state: state.ks_distance,
    ),
    ("ks_p_value", "Chance of such a distance or a larger one without drift.", lambda state: state.ks_p_value),
)


_STREAMS: tuple[tuple[str, str, Callable[[Totals], float]], ...] = (
    ("streams", "Streams of discoveries across requests, one for each key that asked.", lambda found: found.streams),
    ("tests", "Items with a p-value in these streams.", lambda found: found.tests),
    ("discoveries", "Discoveries in these streams.", lambda found: found.discoveries),
    ("spent", "Streams that can discover nothing more.", lambda found: found.spent),
)


class _ModelGauges(Collector, Generic[R]):
    """One gauge per number of a reading of every model; asks for the readings once per collection."""

    def __init__(self, prefix: str, gauges: Sequence[tuple[str, str, Callable[[R], float]]]) -> None:
        self._prefix, self._gauges = prefix, gauges
        self.read: Callable[[], Iterable[tuple[str, int, R]]] = list

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges of every model."""
        readings = list(self.read())
        for name, documentation, value in self._gauges:
            family = GaugeMetricFamily(f"{self._prefix}{name}", documentation, labels=("model", "version"))
            for model, version, reading in readings:
                family.add_metric((model, str(version)), float(value(reading)))
            yield family
