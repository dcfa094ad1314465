"""Recurrent layers over pictures against an LSTM that goes from pixel to pixel, and what a pixel sees through them."""

import pytest
import torch
from torch import Tensor

from training.zoo import FAMILIES
from training.zoo.base import Facts
from training.zoo.diagonal_bilstm import skew, unskew
from training.zoo.parts.pixel_rnn import GATES

ROWS, COLUMNS, INPUTS, HIDDEN = 4, 5, 6, 3


def layer(name: str, **options: object) -> torch.nn.Module:
    """A recurrent layer with weights of every size, from INPUTS to HIDDEN channels."""
    torch.manual_seed(0)
    family = FAMILIES[name](
        Facts((1, ROWS, COLUMNS), "binary", 2), FAMILIES[name].Options(layers=1, hidden=HIDDEN, **options)
    )
    recurrence = family.layers[0].recurrence
    for parameter in recurrence.parameters():
        parameter.data = torch.randn_like(parameter)
    return recurrence.requires_grad_(False)


def picture(batch: int = 2) -> Tensor:
    return torch.randn(batch, ROWS, COLUMNS, INPUTS, generator=torch.Generator().manual_seed(1))


def at(states: dict[tuple[int, int], Tensor], row: int, column: int) -> Tensor:
    """The state of a pixel, (batch, HIDDEN); zero outside the picture."""
    return states.get((row, column), torch.zeros(2, HIDDEN))


def cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """h and c of one LSTM cell, written out; gates (batch, 4 · HIDDEN)."""
    output, forget, entry, content = gates.split(HIDDEN, 1)
    c = forget.sigmoid() * c + entry.sigmoid() * content.tanh()
    return output.sigmoid() * c.tanh(), c


def picture_of(states: dict[tuple[int, int], Tensor]) -> Tensor:
    return torch.stack([torch.stack([states[r, q] for q in range(COLUMNS)], 1) for r in range(ROWS)], 1)


@pytest.mark.parametrize("kernel", [3, 5])
def test_a_row_lstm_is_an_lstm_cell_per_pixel(kernel):
    rows, x, reach = layer("row_lstm", kernel=kernel), picture(), kernel // 2
    h, c = {}, {}
    for row in range(ROWS):
        for column in range(COLUMNS):
            seen = [x[:, row, q] if q >= 0 else torch.zeros(2, INPUTS) for q in range(column - reach, column + 1)]
            above = [at(h, row - 1, q) for q in range(column - reach, column + reach + 1)]
            gates = rows.inputs.layer(torch.cat(seen, 1)) + torch.cat(above, 1) @ rows.states.weight[0]
            h[row, column], c[row, column] = cell(gates, at(c, row - 1, column))
    torch.testing.assert_close(rows(x), picture_of(h))


def test_a_diagonal_bilstm_is_an_lstm_cell_per_pixel_and_direction():
    diagonals, x = layer("diagonal_bilstm"), picture()
    gates = diagonals.inputs.layer(x).unflatten(3, (2, GATES * HIDDEN))  # (batch, rows, columns, direction, gates)
    left, right = (
        _from_corner(gates[..., direction, :], diagonals.states.weight[direction], side)
        for direction, side in ((0, -1), (1, 1))
    )
    added = {(r, q): left[r, q] + at(right, r - 1, q) for r in range(ROWS) for q in range(COLUMNS)}
    torch.testing.assert_close(diagonals(x), picture_of(added))


def _from_corner(inputs: Tensor, weight: Tensor, side: int) -> dict[tuple[int, int], Tensor]:
    """The state of every pixel from those above it and on one side of it."""
    h, c = {}, {}
    for row in range(ROWS):
        for column in range(COLUMNS) if side < 0 else reversed(range(COLUMNS)):
            neighbours = torch.cat([at(h, row - 1, column), at(h, row, column + side)], 1)
            gates = inputs[:, row, column] + neighbours @ weight
            h[row, column], c[row, column] = cell(gates, at(c, row, column + side))
    return h


def seen_from(recurrence: torch.nn.Module, row: int, column: int) -> Tensor:
    """Which pixels of the input the state of a pixel depends on, bool, (rows, columns)."""
    x = picture().requires_grad_()
    gradient = torch.autograd.grad(recurrence(x)[:, row, column].sum(), x)[0]
    return gradient.abs().amax((0, 3)) > 0


@pytest.mark.parametrize("column", range(COLUMNS))
def test_a_row_lstm_sees_a_triangle_above_and_what_is_left(column):
    columns = torch.arange(COLUMNS)
    # each row above widens the view by one pixel, and the input adds one on the left
    wide = [(columns >= column - up - 1) & (columns <= column + up) for up in (2, 1, 0)]
    expected = torch.stack([*wide, torch.zeros(COLUMNS, dtype=torch.bool)])
    assert torch.equal(seen_from(layer("row_lstm"), 2, column), expected)


@pytest.mark.parametrize("column", range(COLUMNS))
def test_a_diagonal_bilstm_sees_all_pixels_up_to_its_own(column):
    expected = (torch.arange(ROWS * COLUMNS) <= 2 * COLUMNS + column).reshape(ROWS, COLUMNS)
    assert torch.equal(seen_from(layer("diagonal_bilstm"), 2, column), expected)


def test_skewing_shifts_every_row_by_one_more_and_is_undone():
    maps = torch.arange(1.0, 7.0).reshape(1, 3, 2, 1)
    expected = torch.tensor([[1.0, 2, 0, 0], [0, 3, 4, 0], [0, 0, 5, 6]])
    assert torch.equal(skew(maps)[0, ..., 0], expected)
    assert torch.equal(unskew(skew(maps), 2), maps)


@pytest.mark.parametrize("name", ["row_lstm", "diagonal_bilstm"])
def test_anything_but_pictures_is_refused(name):
    with pytest.raises(ValueError, match=r"expected pictures.*got \(9,\)"):
        FAMILIES[name](Facts((9,), "binary", 2), FAMILIES[name].Options())
