"""Noise shared by all rows of a score, drawn from a seed so that the same input always gets the same score.

The rule is part of the contract between exporter and service, and tests/contract holds both to it: NumPy's Philox
generator with key (seed, 0) and counter (0, 0, 0, h), h the first eight bytes, little-endian, of the SHA-256 of the
array's name.
"""

import hashlib

import numpy as np

from bundle import NoiseInput


def draw_shared(noise: NoiseInput, seed: int) -> np.ndarray:
    """The one array that all rows share, float32, of the shape in the manifest."""
    word = int.from_bytes(hashlib.sha256(noise.name.encode()).digest()[:8], "little")
    generator = np.random.Generator(np.random.Philox(key=[seed, 0], counter=[0, 0, 0, word]))
    if noise.distribution == "uniform":
        return generator.random(noise.shape, np.float32)
    return generator.standard_normal(noise.shape, np.float32)
