"""Prometheus metrics of one application, in a registry of its own."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service.drift.monitor import Reading
from service.engine.threads import BatchReport
from service.trace import Trace

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
DriftReader = Callable[[], Iterable[tuple[str, int, Reading]]]
"""The state of every watched model, by name and version."""

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
        self._batch_rows = Histogram("pofx_batch_rows", "Rows in a batch.", registry=self.registry, buckets=_ROWS)
        self._batch_seconds = Histogram(
            "pofx_batch_seconds", "Device time of a batch.", registry=self.registry, buckets=_SECONDS
        )
        self._device_seconds = Counter(
            "pofx_device_seconds_total", "Device time, by model.", ("model",), registry=self.registry
        )
        self._pending = Gauge("pofx_pending_mflop", "Admitted, unfinished work in MFLOP.", registry=self.registry)
        self._pending_s = Gauge(
            "pofx_pending_seconds", "Admitted, unfinished work in seconds of device time.", registry=self.registry
        )
        self._queue = Gauge(
            "pofx_queue", "Requests that wait for the device, by class.", ("class",), registry=self.registry
        )
        self._models = Gauge("pofx_models", "Bundles in the store, by state.", ("state",), registry=self.registry)
        self._drift = _DriftCollector()
        self.registry.register(self._drift)
        # finding a child by its labels takes a lock and a copy; a request would do it six times
        self._request_child = lru_cache(4096)(self._requests.labels)
        self._stage_child = lru_cache(4096)(self._stages.labels)

    def watch_pending(
        self, mflop: Callable[[], float], seconds: Callable[[], float], queue: Callable[[], tuple[int, int]]
    ) -> None:
        """Reads pending work, and how many small and bulk requests wait, when the metrics are collected."""
        self._pending.set_function(mflop)
        self._pending_s.set_function(seconds)
        self._queue.labels("small").set_function(lambda: queue()[0])
        self._queue.labels("bulk").set_function(lambda: queue()[1])

    def watch_drift(self, read: DriftReader) -> None:
        """Reads the drift of every model when the metrics are collected."""
        self._drift.read = read

    def models(self, loaded: int, refused: int) -> None:
        """Sets how many bundles are served and how many were refused."""
        self._models.labels("loaded").set(loaded)
        self._models.labels("refused").set(refused)

    def batch(self, report: BatchReport) -> None:
        """Counts one batch; called in the threads of the device."""
        self._device_seconds.labels(report.model).inc(report.seconds)
        self._batch_rows.observe(report.rows)
        self._batch_seconds.observe(report.seconds)

    def request(self, endpoint: str, trace: Trace, status: int, seconds: float) -> None:
        """Counts one request."""
        self._request_child(endpoint, trace.model, trace.version, str(status)).observe(seconds)
        for stage, duration in trace.seconds.items():
            self._stage_child(stage, trace.model, trace.version).observe(duration)
        if trace.rejected:
            self._rejected.labels(trace.rejected).inc()

    def turned_away(self, endpoint: str) -> None:
        """Counts a request that was refused before it was read."""
        self._rejected.labels("overloaded").inc()
        self._request_child(endpoint, "", "", "429").observe(0.0)

    def text(self) -> bytes:
        """The exposition in Prometheus' text format."""
        return generate_latest(self.registry)


_DRIFT: tuple[tuple[str, str, Callable[[Reading], float]], ...] = (
    ("items", "Scored items that counted for drift, since the start or the last reset.", lambda state: state.items),
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


class _DriftCollector(Collector):
    """One gauge per number of a reading; asks for the readings once per collection."""

    def __init__(self) -> None:
        self.read: DriftReader = list

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges of every watched model."""
        readings = list(self.read())
        for name, documentation, value in _DRIFT:
            family = GaugeMetricFamily(f"pofx_drift_{name}", documentation, labels=("model", "version"))
            for model, version, reading in readings:
                family.add_metric((model, str(version)), float(value(reading)))
            yield family
