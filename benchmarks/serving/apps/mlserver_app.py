"""MLServer: a custom runtime with adaptive batching, in the server's own process; a model for each payload."""

import asyncio

import graph
import numpy as np
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse


class Numbers(MLModel):
    """Log-densities of pixels, uint8 (batch, 28, 28, 1)."""

    async def load(self) -> bool:
        """Loads the graph."""
        self.session = graph.session()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """An output with a row for each item."""
        values = np.asarray(graph.log_prob(self.session, self.pixels(payload)), np.float32)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("log_prob", values[:, None])])

    def pixels(self, payload: InferenceRequest) -> np.ndarray:
        """The first input as an array."""
        return NumpyCodec.decode_input(payload.inputs[0])


class Png(Numbers):
    """Log-densities of PNG files in base64."""

    def pixels(self, payload: InferenceRequest) -> np.ndarray:
        """The first input, each file decoded."""
        return np.stack([graph.from_png(text) for text in StringCodec.decode_input(payload.inputs[0])])


async def serve() -> None:
    """Serves both models."""
    batching = {"max_batch_size": graph.MAX_BATCH, "max_batch_time": 0.002}
    settings = Settings(
        host="127.0.0.1",
        http_port=graph.PORT,
        grpc_port=graph.PORT + 1,
        metrics_port=graph.PORT + 2,
        parallel_workers=0,
        debug=False,
        metrics_endpoint=None,
        use_structured_logging=False,
    )
    models = [
        ModelSettings(name=name, implementation=kind, parameters=ModelParameters(version="v1"), **batching)
        for name, kind in (("numbers", Numbers), ("png", Png))
    ]
    await MLServer(settings).start(models)


if __name__ == "__main__":
    asyncio.run(serve())
