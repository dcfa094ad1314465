"""What of a sample is known before it is drawn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.rules.arrays import Array


@dataclass(frozen=True)
class Known:
    """``values`` like one item, 0 where nothing is known; ``mask``, uint8, 1 at the positions that are known."""

    values: Array
    mask: NDArray[np.uint8]

    def keep(self, drawn: Array) -> Array:
        """What was drawn, shape (n, …), with the known values put back."""
        mask = self.mask.reshape(self.mask.shape + (1,) * (self.values.ndim - self.mask.ndim))
        return np.where(mask == 1, self.values, drawn)


def positions(spec: bundle.InputSpec) -> tuple[int, ...]:
    """Shape of a mask: an image has one position for all channels of a pixel."""
    return spec.shape[:2] if spec.kind == "image" else spec.shape
