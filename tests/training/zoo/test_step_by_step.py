"""What runs step by step when it samples is what ran all at once in training: recurrent networks and attention."""

import pytest
import torch
from torch import nn

from training.evaluate.sampling import fixed_point
from training.export.graphs import computations
from training.transforms import Binarise, DataFacts
from training.zoo import FAMILIES
from training.zoo.attention import causal_attention
from training.zoo.base import Facts, Family
from training.zoo.rnn import RnnOptions, neighbours, recurrent, start_state, step


def _attention(shape: tuple[int, ...], **options: object) -> Family:
    torch.manual_seed(0)
    family = FAMILIES["attention"]
    model = family(Facts(shape, "binary", 2), family.Options(width=16, heads=2, blocks=2, **options))
    for parameter in model.parameters():
        parameter.data = torch.randn_like(parameter) / max(1, parameter[0].numel()) ** 0.5
    return model.eval().requires_grad_(False)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("layers", [1, 2])
def test_steps_of_a_recurrent_network_are_the_network(cell, layers):
    torch.manual_seed(0)
    network = recurrent(3, RnnOptions(cell=cell, hidden=5, layers=layers)).double()
    x = torch.randn(4, 6, 3, dtype=torch.float64)
    state, outputs = tuple(x.new_zeros(4, *part.shape) for part in start_state(network)), []
    for moment in range(6):
        output, state = step(network, x[:, moment], state)
        outputs.append(output)
    torch.testing.assert_close(torch.stack(outputs, 1), network(x)[0])


def test_the_forget_gates_of_an_lstm_start_open():
    network = recurrent(3, RnnOptions(cell="lstm", hidden=50, layers=2)).requires_grad_(False)
    assert isinstance(network, nn.LSTM)
    for layer in range(2):
        bias = getattr(network, f"bias_ih_l{layer}") + getattr(network, f"bias_hh_l{layer}")
        assert float(bias[50:100].min()) > 0.5
        assert abs(float(bias[:50].mean())) < 0.1


def test_the_neighbours_of_a_pixel_come_before_it_and_have_its_channel():
    sources = neighbours((3, 4, 5), 2)
    dims = torch.arange(60)
    assert sources.shape == (60, 1 + 2 * 5)
    assert (sources < dims[:, None]).all()
    assert torch.equal(sources[:, 0], dims - 1)
    channels = torch.where(sources[:, 1:] >= 0, sources[:, 1:] % 3, dims[:, None] % 3)
    assert torch.equal(channels, (dims % 3)[:, None].expand_as(channels))
    middle = 2 * 15 + 2 * 3  # the first channel in the middle of the third row: the window is inside the picture
    assert sorted(sources[middle, 1:].tolist()) == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]
    assert (neighbours((5,), 2) == torch.arange(-1, 4)[:, None]).all()


@pytest.mark.parametrize("options", [{"unit": "row", "window": 0}, {"unit": "row"}])
def test_rows_need_images_and_a_row_to_read(options):
    family = FAMILIES["rnn"]
    with pytest.raises(ValueError, match="needs images and a window"):
        family(Facts((1, 3, 3) if "window" in options else (9,), "binary", 2), family.Options(**options))


def test_attention_needs_heads_that_share_its_width():
    family = FAMILIES["attention"]
    with pytest.raises(ValueError, match="3 heads"):
        family(Facts((9,), "binary", 2), family.Options(width=16, heads=3))


@pytest.mark.parametrize("shape", [(1, 6, 6), (2, 3, 3), (23,)])
def test_cached_steps_and_parallel_passes_draw_the_same_sample(shape):
    model = _attention(shape)
    u = torch.rand(128, model.dims, generator=torch.Generator().manual_seed(1))
    degrees = torch.linspace(0.3, 2.0, 128)
    steps, _ = model.generate(u, temperature=degrees)
    passes, _ = fixed_point(model, u, temperature=degrees)
    assert float((steps == passes).float().mean()) >= 0.999  # sums of float32 in another order meet a threshold rarely
    model, u, degrees = model.double(), u.double(), degrees.double()
    assert torch.equal(
        model.generate(u, temperature=degrees)[0], fixed_point(model, u, temperature=degrees)[0].to(u.dtype)
    )


def test_attention_in_blocks_is_attention(monkeypatch):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 2, 21, 4).unbind()
    whole = causal_attention(query, key, value, dropout=0.0)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    torch.testing.assert_close(causal_attention(query, key, value, dropout=0.0), whole, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("sampler", "graph"), [("sequential", "generate"), ("fixed_point", "propose")])
def test_a_bundle_gets_the_sampler_that_its_option_names(sampler, graph):
    model = _attention((1, 2, 2), sampler=sampler)
    assert set(computations(model, Binarise(DataFacts("image", (2, 2, 1)), Binarise.Options()))) == {"score", graph}
