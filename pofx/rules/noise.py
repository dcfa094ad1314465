"""Noise by seed and sample index: sample i of a seed is the same whoever shares its batch, and however many are drawn.

Philox (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") is a function of key and counter. The key is
(seed, sample index); the last word of the counter is derived from the name of the noise input, so that two inputs of
one graph are independent.
"""

import hashlib

import numpy as np

from pofx import bundle
from pofx.rules.arrays import Array

_MASK = (1 << 64) - 1


def draw(noise: bundle.NoiseInput, seed: int, indices: range) -> Array:
    """Noise for those samples, shape (len(indices), …) without the batch axis of the manifest."""
    shape = tuple(axis for axis in noise.shape[1:] if axis != "batch")
    result = np.empty((len(indices), *shape), noise.dtype)
    for row, index in enumerate(indices):
        result[row] = _one(noise, seed, index, shape)
    return result


def draw_shared(noise: bundle.NoiseInput, seed: int) -> Array:
    """The one array that all rows share: sample 0 of the seed, shape as in the manifest."""
    return _one(noise, seed, 0, tuple(axis for axis in noise.shape if axis != "batch"))


def _one(noise: bundle.NoiseInput, seed: int, index: int, shape: tuple[int, ...]) -> Array:
    name = int.from_bytes(hashlib.sha256(noise.name.encode()).digest()[:8], "little")
    bits = np.random.Philox(key=[seed & _MASK, index], counter=[0, 0, 0, name])
    generator = np.random.Generator(bits)
    single = noise.dtype == "float32"
    if noise.distribution == "uniform":
        return generator.random(shape, np.float32 if single else np.float64).astype(noise.dtype, copy=False)
    return generator.standard_normal(shape, np.float32 if single else np.float64).astype(noise.dtype, copy=False)
