"""Sampling by fixed-point iteration: propose all positions at once from the current state and the same noise, until the
proposal changes nothing. For an autoregressive model that state is exactly the ancestral sample (Song et al. 2021,
"Accelerating feedforward computation via parallel nonlinear equation solving"; Wiggers & Hoogeboom 2020, "Predictive
sampling with forecasting autoregressive models"), and at least one more position is final after every pass.
"""

from collections.abc import Awaitable, Callable

import numpy as np
from numpy.typing import NDArray

from service.errors import GraphFailed
from service.inference.graph import Array, Arrays

Propose = Callable[[Array, Arrays], Awaitable[Array]]
"""From the state and the constant inputs of some rows to their next state; one pass.

Values that are known are kept by a start that has them and a pass that puts them back.
"""


async def iterate(propose: Propose, state: Array, constant: Arrays, max_passes: int) -> tuple[Array, NDArray[np.int64]]:
    """The fixed points, and the passes each row took, shape (batch,). Rows that are done take no further part."""
    state = state.copy()
    passes = np.zeros(len(state), np.int64)
    active = np.arange(len(state))
    for number in range(1, max_passes + 2):  # the last pass only confirms
        proposal = await propose(state[active], {name: array[active] for name, array in constant.items()})
        changed = (proposal != state[active]).reshape(len(active), -1).any(axis=1)
        state[active] = proposal
        passes[active] = number
        active = active[changed]
        if not len(active):
            return state, passes
    raise GraphFailed(f"{len(active)} samples did not converge within {max_passes} passes")
