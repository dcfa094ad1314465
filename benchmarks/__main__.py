"""``python -m benchmarks [NAME] …``: prints one Markdown table per measurement.

Every comparison is made in one run, on the same machine, alternating between the sides, and reported as a ratio.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import (
    bulk,
    columns,
    drift,
    fairness,
    frontier,
    groups,
    labels,
    leaves,
    one_class,
    outliers,
    overload,
    promises,
    sampling,
    startup,
    statistics,
    strangers,
    stream,
    vain,
    versions,
)
from benchmarks.serving import measure as serving
from benchmarks.serving import plan
from benchmarks.table import Row, markdown

Measurement = Callable[[Path], list[Row]]

MEASUREMENTS: dict[str, tuple[str, Measurement]] = {
    "sampling": ("64 samples of every autoregressive model against one pass per dimension", sampling.measure),
    "frontier": ("binary MNIST: samples per second beside nats, and docs/images/nats-vs-speed.png", frontier.measure),
    "statistics": ("all statistics of a model against log_prob alone", statistics.measure),
    "outliers": ("MNIST models: AUROC of every statistic against other pictures", outliers.measure),
    "one_class": ("MNIST, one digit against the other nine: AUROC of every statistic", one_class.measure),
    "bulk": ("/score, npy of 1,000 images: this service against ONNX Runtime called directly", bulk.measure),
    "leaves": (
        "visible defects of drawn leaves: the documented recipe for images against image-density",
        leaves.measure,
    ),
    "fairness": ("/score and small samples beside large requests", fairness.measure),
    "overload": ("/score at 70 %, 200 % and then 20 % of capacity", overload.measure),
    "vain": ("work that is not done: too late, or for clients that left", vain.measure),
    "drift": ("items until the drift alarm, clean and with half the images rotated by 90 degrees", drift.measure),
    "labels": ("mnist-rnn: false alarms within every digit at alpha 0.05, marginal and per label", labels.measure),
    "groups": ("windows of recordings, simulated: every window counted, and one a recording", groups.measure),
    "promises": ("simulations: fdr over requests, pac for all labels at once, patterns of gaps", promises.measure),
    "columns": ("breast-cancer-gmm: which columns, over ten seeds", columns.measure),
    "strangers": ("Parquet files of strangers, read in a process of its own", strangers.measure),
    "stream": (
        "pofx score, Parquet of 1,000,000 rows: the command against ONNX Runtime called directly",
        stream.measure,
    ),
    "startup": ("start to ready, memory then and under load, and start to the first score in Python", startup.measure),
}

# Not among those that run unasked: it installs other servers, and takes an hour.
SERVING, SERVING_TITLE = "serving", "/score, one MNIST image: this service beside other model servers"


_BESIDES = {"fairness": fairness, "overload": overload, "vain": vain}


def main() -> None:
    """Runs the measurements that were named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = f"some of: {', '.join(MEASUREMENTS)} (default: all of these); or {SERVING}"
    parser.add_argument("names", nargs="*", metavar="NAME", help=names)
    parser.add_argument("--store", type=Path, default=Path("models"), help="the bundles to measure")
    parser.add_argument(
        "--other",
        type=Path,
        help="another checkout: measures the service there too (versions, fairness, overload, vain)",
    )
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    plan.add_arguments(parser)
    arguments = parser.parse_args()
    usual = _against(arguments.other) if arguments.other else MEASUREMENTS
    asked = {**usual, SERVING: (SERVING_TITLE, partial(serving.measure, plan=plan.chosen(arguments)))}
    unknown = [name for name in arguments.names if name not in asked]
    if unknown:
        parser.error(f"no measurement {unknown[0]!r}; there is: {', '.join(asked)}")
    print(f"{os.cpu_count()} CPU cores, {platform.machine()}, Python {platform.python_version()}")
    results = {}
    for name in arguments.names or usual:
        title, measure = asked[name]
        print(f"\n## {title}\n", flush=True)
        rows = measure(arguments.store)
        results[name] = [row.as_dict() for row in rows]
        print(markdown(rows), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


def _against(other: Path) -> dict[str, tuple[str, Measurement]]:
    return {
        "versions": (f"/score here against {other}", partial(versions.measure, other=other)),
        **{name: (MEASUREMENTS[name][0], partial(found.measure, other=other)) for name, found in _BESIDES.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
