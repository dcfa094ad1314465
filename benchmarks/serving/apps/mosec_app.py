"""Mosec: its front end in Rust, one Python worker that gets whole batches, as its page on dynamic batching has it."""

import sys

import graph
import mosec
import numpy as np


class Score(mosec.Worker):
    """Log-densities of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.session = graph.session()

    def forward(self, data: list[dict]) -> list[dict[str, list[float]]]:
        """An answer for each request; the payload of this benchmark has one item."""
        pixels = np.stack([graph.decode(request["inputs"][0]) for request in data])
        return [{"log_prob": [value]} for value in graph.log_prob(self.session, pixels)]


if __name__ == "__main__":
    sys.argv += ["--address", "127.0.0.1", "--port", str(graph.PORT), "--log-level", "warning"]
    server = mosec.Server()
    server.append_worker(Score, num=1, max_batch_size=graph.MAX_BATCH, max_wait_time=2, route="/score")
    server.run()
