"""BentoML: a service with a batchable API, as its page on adaptive batching has it; one worker."""

import os
import sys
from typing import Any

import bentoml
import graph
import numpy as np


@bentoml.service(workers=1, traffic={"timeout": 60, "max_concurrency": 512}, metrics={"enabled": False})
class Score:
    """Log-densities of a batch."""

    def __init__(self) -> None:
        self.session = graph.session()

    @bentoml.api(route="/score", batchable=True, max_batch_size=graph.MAX_BATCH, max_latency_ms=10_000)
    def score(self, inputs: list[dict[str, Any]]) -> list[dict[str, float]]:
        """The log-density of every item of every request of the batch."""
        values = graph.log_prob(self.session, np.stack([graph.decode(item) for item in inputs]))
        return [{"log_prob": value} for value in values]


if __name__ == "__main__":
    command = ["serve", "bentoml_app:Score", "--host", "127.0.0.1", "--port", str(graph.PORT)]
    os.execv(sys.executable, [sys.executable, "-m", "bentoml", *command])
