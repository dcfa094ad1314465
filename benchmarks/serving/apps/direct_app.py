"""ONNX Runtime called directly, without any server: prints images per second in batches of a given size."""

import json
import sys
import time

import graph
import numpy as np

batch, seconds = int(sys.argv[1]), float(sys.argv[2])
score_session = graph.session()
pixels = np.zeros((batch, 28, 28, 1), np.uint8)
graph.log_prob(score_session, pixels)
calls, started = 0, time.perf_counter()
while (elapsed := time.perf_counter() - started) < seconds:
    graph.log_prob(score_session, pixels)
    calls += 1
print(json.dumps({"images_per_s": calls * batch / elapsed}))
