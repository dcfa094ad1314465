"""The inputs of a graph call, apart from the data: options, at their default unless a request sets them."""

import difflib
from collections.abc import Mapping

import numpy as np

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.rules.arrays import Array

_FIELDS = ("model", "n", "seed", "condition", "latents", "mean", "format")  # of every generate request


def option_arrays(graph: bundle.Graph, chosen: Mapping[str, float], rows: int) -> dict[str, Array]:
    """Every option of the graph, shape (rows,); raises RequestInvalid for an unknown name or an illegal value."""
    options = {item.name: item for item in graph.inputs if item.role == "option"}
    for name, value in chosen.items():
        _check_option(options, name, value)
    return {name: np.full(rows, chosen.get(name, item.default), item.dtype) for name, item in options.items()}


def _check_option(options: Mapping[str, bundle.OptionInput], name: str, value: float) -> None:
    if name not in options:
        known = [*options, *_FIELDS]
        near = difflib.get_close_matches(name, known, 1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        raise RequestInvalid(f"no field {name!r}{hint}; this model takes: {', '.join(known)}", pointer=f"/{name}")
    low, high = options[name].minimum, options[name].maximum
    if not low <= value <= high:
        raise RequestInvalid(f"{name}: expected {low:g} to {high:g}, got {value:g}", pointer=f"/{name}")


def data_input(spec: bundle.Graph) -> bundle.DataInput:
    """The input of a graph that takes the items."""
    return next(item for item in spec.inputs if item.role == "data")
