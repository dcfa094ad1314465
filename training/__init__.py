"""Offline: data → family → fit → evaluate → calibrate → export → bundle."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when onnxruntime is imported; its wheels report usage otherwise
