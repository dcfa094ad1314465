"""The online half: loads verified bundles and answers generate, score and encode over HTTP."""

import os

# Read when onnxruntime is imported; its published wheels report usage otherwise.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
