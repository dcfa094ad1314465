"""Memory of the service while it is asked for everything that its models can do, in turn and in many sizes."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from benchmarks.bundles import golden, open_bundle
from benchmarks.servers import ask
from pofx import bundle
from pofx.kinds.npy import encode_npy
from pofx.rules.outputs import golden_input

CLIENTS, ITEMS, SAMPLES = 8, (1, 16, 256), (1, 16, 64)


@dataclass(frozen=True)
class Ask:
    """One request: where to, and what."""

    path: str
    body: bytes
    media: str


def requests(store: Path) -> list[Ask]:
    """Every use of every model of a store, small and large."""
    return [asked for name in bundle.Store(store).names() for asked in _of(open_bundle(store, name))]


def send(port: int, asks: list[Ask], seconds: float) -> Counter[int]:
    """How many answers there were, by status, to requests that some clients sent one after another for so long."""
    answered: Counter[int] = Counter()
    until = time.monotonic() + seconds

    def work(first: int) -> None:
        for place in count(7 * first, 2 * first + 1):  # steps of their own, so that all mixtures come about
            if time.monotonic() > until:
                return
            asked = asks[place % len(asks)]
            status, _ = ask(port, asked.path, asked.body, asked.media)
            answered[status] += 1

    clients = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return answered


def resident_mib(process: int, what: str = "VmRSS") -> float:
    """Resident memory of a process, or its peak for ``VmHWM``; Linux only."""
    found = re.search(rf"^{what}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def _of(opened: bundle.Bundle) -> Iterator[Ask]:
    manifest = opened.manifest
    if manifest.generate is not None:
        for n in SAMPLES:
            body = json.dumps({"model": manifest.name, "n": n}).encode()
            yield Ask("/generate", body, "application/json")
    for use, spec in (("score", manifest.score), ("encode", manifest.encode)):
        if spec is not None:
            (data,) = (item.name for item in manifest.graphs[spec.graph].inputs if item.role == "data")
            items = golden(opened)[golden_input(spec.graph, data)]
            for n in ITEMS:
                yield Ask(
                    f"/{use}?model={manifest.name}",
                    encode_npy(np.resize(items, (n, *items.shape[1:]))),
                    "application/x-npy",
                )
