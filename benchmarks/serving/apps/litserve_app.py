"""LitServe: a LitAPI with batches, as its page on batching has it; one worker process beside the front end."""

import graph
import litserve
import numpy as np


class Score(litserve.LitAPI):
    """Log-densities of a batch."""

    def setup(self, device: str) -> None:
        """Loads the graph in the worker."""
        self.session = graph.session()

    def decode_request(self, request: dict) -> list[np.ndarray]:
        """The items of a request; the payload of this benchmark has one."""
        return graph.decode(request["inputs"][0])

    def batch(self, inputs: list[np.ndarray]) -> np.ndarray:
        """Requests as one array."""
        return np.stack(inputs)

    def predict(self, x: np.ndarray) -> list[float]:
        """The log-density of each."""
        return graph.log_prob(self.session, x)

    def unbatch(self, output: list[float]) -> list[float]:
        """One for each request."""
        return output

    def encode_response(self, output: float) -> dict[str, list[float]]:
        """The answer to one request."""
        return {"log_prob": [output]}


if __name__ == "__main__":
    api = Score(max_batch_size=graph.MAX_BATCH, batch_timeout=0.002, api_path="/score")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=graph.PORT, generate_client_file=False, log_level="warning", access_log=False)
