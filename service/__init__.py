"""The online half: loads verified bundles and answers generate, score and encode over HTTP."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when onnxruntime is imported; its wheels report usage otherwise
