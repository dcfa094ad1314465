"""Laws of families that draw one position after the other: in pieces of any length they draw the same sample."""

import pytest
import torch

from tests.training.zoo.cases import CASES, having
from tests.training.zoo.checks import noise_of
from training.evaluate.sampling import label_of
from training.zoo.base import Known, SequentialSampler, Zeros

COUNT = 24


def sequence_of(model, *, known: bool):
    """That of some rows at different temperatures, and the rows."""
    noise = [array.double() for array in noise_of(model, COUNT, 1)]
    given = {}
    if known:
        generator = torch.Generator().manual_seed(2)
        shape = (COUNT, *model.event_shape)
        mask = torch.rand(shape, generator=generator) < 0.4
        values = torch.rand(shape, generator=generator) * (model.facts.levels or 1)
        given = {"known": Known(values.floor().double() if model.facts.levels else values.double(), mask)}
    degrees = torch.linspace(0.3, 2.0, COUNT, dtype=torch.float64)
    return model.sequence(*noise, temperature=degrees, **given, **label_of(model, COUNT)), noise[0], given.get("known")


def in_pieces(sequence, like, size):
    """The sample in pieces of that size, the last of which may reach beyond the end."""
    state = tuple(
        like.new_zeros(len(like), *part.shape, dtype=part.dtype) if isinstance(part, Zeros) else part
        for part in sequence.start
    )
    drawn = []
    for first in range(0, sequence.positions, size):
        positions = torch.arange(first, first + size).clamp(max=sequence.positions - 1)
        following, new = sequence.advance(state, positions, sequence.at(positions))
        assert [(part.shape, part.dtype) for part in following] == [(part.shape, part.dtype) for part in state]
        state = following
        drawn.append(new.movedim(-1, 0))
    return sequence.read(torch.cat(drawn, 1)[:, : sequence.positions])


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    "name", [name for name in having(SequentialSampler) if CASES[name].fresh().sampler == "sequential"]
)
def test_pieces_of_any_length_make_the_same_sample(name, known):
    model = CASES[name].build().double()
    sequence, like, given = sequence_of(model, known=known)
    whole = in_pieces(sequence, like, sequence.positions)
    assert len(torch.unique(whole, dim=0)) > 1
    for size in (1, 2, 3, sequence.positions + 1):
        assert torch.equal(in_pieces(sequence, like, size), whole)
    assert torch.equal(sequence.whole(like), whole)
    if given is not None:
        assert torch.equal(whole[given.mask].double(), given.x[given.mask])
