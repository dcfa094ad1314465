"""Ray Serve: a deployment of one replica with ``serve.batch``, as its page on dynamic batching has it."""

import graph
import numpy as np
import ray
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=512, ray_actor_options={"num_cpus": 1})
class Score:
    """Log-densities of a batch."""

    def __init__(self) -> None:
        self.session = graph.session()

    @serve.batch(max_batch_size=graph.MAX_BATCH, batch_wait_timeout_s=0.002)
    async def score(self, items: list[np.ndarray]) -> list[float]:
        """The log-density of each item."""
        return graph.log_prob(self.session, np.stack(items))

    async def __call__(self, request: Request) -> dict[str, list[float]]:
        """The answer to one request."""
        body = await request.json()
        return {"log_prob": [await self.score(graph.decode(body["inputs"][0]))]}


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": graph.PORT, "access_log": False})
    serve.run(Score.bind(), route_prefix="/score", blocking=True)
