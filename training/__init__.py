"""Offline: data → family → fit → evaluate → calibrate → export → bundle."""

import os

# Read when onnxruntime is imported; its published wheels report usage otherwise.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
