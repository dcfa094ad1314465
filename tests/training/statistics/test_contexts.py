"""Symbols in contexts are the item, and no context looks ahead."""

import numpy as np
import pytest
import torch

from training.statistics.contexts import (
    BinaryNeighbours,
    Characters,
    Contexts,
    PredictedPixels,
    PredictedSamples,
    contexts_of,
)
from training.transforms import TRANSFORMS, DataFacts


def _median_edge(left: float, above: float, corner: float) -> float:
    """The middle one of left, above and left + above − corner."""
    return sorted((left, above, left + above - corner))[1]


def _at(picture: np.ndarray, row: int, column: int) -> float:
    """The pixel there, 0 outside the picture."""
    height, width = picture.shape
    return picture[row, column] if 0 <= row < height and 0 <= column < width else 0.0


def _rebuilt_picture(contexts: Contexts, context: np.ndarray, symbol: np.ndarray) -> np.ndarray:
    """The picture from its symbols, in reading order, each predicted from what is already there; (height, width)."""
    picture = np.zeros(symbol.shape)
    for row, column in np.ndindex(*symbol.shape):
        left, above = _at(picture, row, column - 1), _at(picture, row - 1, column)
        corners = _at(picture, row - 1, column - 1), _at(picture, row - 1, column + 1)
        if isinstance(contexts, BinaryNeighbours):
            assert context[row, column] == left + 2 * corners[0] + 4 * above + 8 * corners[1]
            picture[row, column] = symbol[row, column]
        else:
            predicted = _median_edge(left, above, corners[0])
            picture[row, column] = (predicted + symbol[row, column]) % contexts.symbols
    return picture


def _rebuilt_sequence(contexts: Contexts, symbol: np.ndarray) -> np.ndarray:
    """The recording or text from its symbols, (time,)."""
    if isinstance(contexts, Characters):
        return symbol
    return (contexts.symbols // 2 + np.cumsum(symbol)) % contexts.symbols


def _rebuilt(contexts: Contexts, context: np.ndarray, symbol: np.ndarray) -> np.ndarray:
    if symbol.ndim == 1:
        return _rebuilt_sequence(contexts, symbol)
    return np.stack([_rebuilt_picture(contexts, *parts) for parts in zip(context, symbol, strict=True)])


def test_an_item_can_be_rebuilt_from_its_symbols(space):
    x = space.some(20)
    context, symbol = (found.reshape(x.shape).numpy() for found in space.contexts(x))
    for item in range(len(x)):
        assert np.array_equal(_rebuilt(space.contexts, context[item], symbol[item]), x[item].numpy())


def test_no_two_items_have_the_same_symbols(space):
    x = space.every()
    assert len(torch.unique(space.contexts(x)[1], dim=0)) == len(x)


def test_contexts_and_symbols_stay_in_their_ranges(space):
    context, symbol = space.contexts(space.every())
    assert context.min() >= 0
    assert context.max() < space.contexts.contexts
    assert symbol.min() >= 0
    assert symbol.max() == space.contexts.symbols - 1
    assert torch.equal(symbol, symbol.round())


def test_every_dimension_is_counted_once(space):
    x = space.some(9)
    context, symbol = space.contexts(x)
    counts = space.contexts.counts(x)
    assert torch.equal(counts.sum((1, 2)), torch.full((9,), float(space.dims)))
    for found in range(space.contexts.contexts):
        for value in range(space.contexts.symbols):
            expected = ((context == found) & (symbol == value)).sum(1)
            assert torch.equal(counts[:, found, value].long(), expected)


def test_views_of_a_picture_are_all_its_orientations(pictures):
    x = pictures.some(20)
    views = pictures.contexts.views(x)
    height, width = pictures.event_shape[1:]
    orientations = 8 if height == width else 4 if min(height, width) > 1 else 2
    assert len({view.numpy().tobytes() for view in views}) == orientations
    assert {view.shape for view in views} == {x.shape}
    assert all(torch.equal(view.flatten(2).sort().values, x.flatten(2).sort().values) for view in views)


@pytest.mark.parametrize(
    ("name", "options", "raw_shape", "expected"),
    [
        ("binarise", {}, (4, 4, 1), BinaryNeighbours),
        ("levels", {"count": 8}, (4, 4, 1), PredictedPixels),
        ("mulaw", {"count": 16}, (9,), PredictedSamples),
        ("symbols", {}, (9,), Characters),
        ("dequantise", {}, (4, 4, 1), type(None)),
        ("standardise", {}, (5,), type(None)),
    ],
)
def test_discrete_items_have_contexts_and_real_ones_have_none(name, options, raw_shape, expected):
    transform = TRANSFORMS[name](DataFacts(TRANSFORMS[name].raw, raw_shape), TRANSFORMS[name].Options(**options))
    found = contexts_of(transform)
    assert type(found) is expected
    if found is not None:
        assert found.symbols == transform.levels
