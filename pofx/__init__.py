"""p of x: opens a bundle, and samples, scores and encodes with it.

>>> import pofx
>>> model = pofx.load("models/mnist-rnn")           # or "mnist-rnn", "mnist-rnn:1" with store="models"
>>> model.score_samples(images)                     # log p(x) in nats, higher is more normal
>>> model.score(images, alpha=0.01).anomaly         # verdicts with a promised false-alarm rate
>>> model.sample(16, seed=1)
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pofx.model import Model, load
    from pofx.use.online_fdr import OnlineFdr

# Read when onnxruntime is imported; its published wheels report usage otherwise.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = ["Model", "OnlineFdr", "load"]


def __getattr__(name: str) -> Any:
    """What is imported when it is first asked for: the contract alone needs no runtime."""
    if name in __all__:
        from pofx import model

        return getattr(model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
