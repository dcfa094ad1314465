"""What PixelCNN++ has and other autoregressive families do not: discretised logistics, pictures of several sizes."""

import itertools

import pytest
import torch
from scipy.stats import chisquare

from training.evaluate.sampling import fixed_point
from training.zoo.base import Facts
from training.zoo.pixelcnn_pp import Head, LogisticMixtures, PixelCnnPp


def _one_pixel(levels: int, colours: int = 3) -> tuple[Head, torch.Tensor, torch.Tensor]:
    """A head, what a network might say of one pixel, and all values of that pixel (values, colours, 1, 1)."""
    head = Head(colours, levels, 2)
    y = torch.randn(1, head.outputs, 1, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    values = torch.tensor(list(itertools.product(range(levels), repeat=colours)), dtype=torch.float64)
    return head, y, values[:, :, None, None]


@pytest.mark.parametrize("levels", [2, 4])
def test_colours_drawn_one_by_one_follow_the_density_of_the_pixel(levels):
    head, y, values = _one_pixel(levels)
    every = head(y.expand(len(values), -1, -1, -1), values)
    probability = every.log_prob(values).flatten(1).sum(1).exp()
    assert float(probability.sum()) == pytest.approx(1, abs=1e-12)
    count, generator = 40_000, torch.Generator().manual_seed(3)
    noise = [item.draw(count, generator) for item in head.noise(3)]
    x = torch.zeros(count, 3, 1, 1, dtype=torch.float64)
    for colour in range(3):
        drawn = head(y.expand(count, -1, -1, -1), x).draw(x, *noise, temperature=torch.ones(count))
        x[:, colour] = drawn[:, colour]
    index = (x.flatten(1) @ (float(levels) ** torch.arange(2, -1, -1, dtype=torch.float64))).long()
    observed = torch.bincount(index, minlength=len(values)).double()
    enough = probability * count >= 5
    expected = probability[enough] / probability[enough].sum() * observed[enough].sum()
    assert chisquare(observed[enough].numpy(), expected.numpy()).pvalue > 1e-3


def test_masses_are_differences_of_the_distribution_function_and_the_ends_take_the_rest():
    levels, generator = 6, torch.Generator().manual_seed(0)
    means = torch.randn(5, 1, 1, 1, 1, generator=generator, dtype=torch.float64)
    log_scales = torch.linspace(-2, 2, 5, dtype=torch.float64).reshape(5, 1, 1, 1, 1)
    mixture = LogisticMixtures(torch.zeros_like(means), means, log_scales, levels)
    edges = (torch.arange(levels + 1) - 0.5).double() * 2 / (levels - 1) - 1
    edges[0], edges[-1] = -torch.inf, torch.inf
    ends = torch.sigmoid((edges - means.flatten()[:, None]) / log_scales.flatten()[:, None].exp())
    for level in range(levels):
        mass = mixture.log_prob(torch.full((5, 1, 1, 1), float(level), dtype=torch.float64)).flatten().exp()
        torch.testing.assert_close(mass, ends[:, level + 1] - ends[:, level], atol=1e-9, rtol=1e-7)


@pytest.mark.parametrize("log_scale", [-100.0, -7.0, 0.0, 7.0, 100.0])
@pytest.mark.parametrize("mean", [-50.0, 0.3, 50.0])
def test_masses_and_their_gradients_are_finite_however_far_the_parameters(mean, log_scale):
    head = Head(1, 256, 2)
    y = torch.tensor([0.0, 5.0, mean, mean, log_scale, log_scale]).reshape(1, -1, 1, 1).requires_grad_()
    x = torch.arange(256.0).reshape(256, 1, 1, 1)
    log_prob = head(y.expand(256, -1, -1, -1), x).log_prob(x)
    assert log_prob.isfinite().all()
    assert float(torch.logsumexp(log_prob.detach().flatten().double(), 0)) == pytest.approx(0, abs=1e-4)
    assert torch.autograd.grad(log_prob.sum(), y)[0].isfinite().all()


def test_every_uniform_number_gives_a_level_that_exists():
    head, u = Head(1, 4, 2), torch.tensor([0.0, 1e-8, 0.5, 1 - 2**-24, 1.0])[:, None]
    y = torch.randn(5, head.outputs, 1, 1, generator=torch.Generator().manual_seed(0))
    x = torch.zeros(5, 1, 1, 1)
    drawn = head(y, x).draw(x, u, u, temperature=torch.full((5,), 10.0))
    assert set(drawn.flatten().tolist()) <= {0.0, 1.0, 2.0, 3.0}
    assert (float(drawn[0]), float(drawn[-1])) == (0.0, 3.0)


def _model(event_shape: tuple[int, ...], levels: int = 2, **options: int) -> PixelCnnPp:
    torch.manual_seed(0)
    facts = Facts(event_shape, "levels", levels)
    return PixelCnnPp(facts, PixelCnnPp.Options(channels=4, blocks=2, components=2, **options)).double()


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_coarse_pixels_know_nothing_of_what_comes_after_their_fine_ones(mode):
    model = _model((1, 8, 8), scales=3).train(mode == "train")
    x = torch.rand(2, 1, 8, 8, dtype=torch.float64).round().requires_grad_()
    logits = model.conditionals(x).logits.flatten(1)
    rows = [torch.autograd.grad(logits[:, d].sum(), x, retain_graph=True)[0].flatten(1) for d in range(64)]
    dependence = torch.stack(rows).abs().amax(1)
    assert torch.equal(dependence.triu(), torch.zeros(64, 64, dtype=torch.float64))
    assert (dependence[torch.tril_indices(64, 64, -1).unbind()] > 0).all()


def test_a_cold_sample_is_less_varied():
    model, spreads = _model((1, 4, 4), scales=2, levels=9), []
    noise = [item.draw(300, torch.Generator().manual_seed(0)).double() for item in model.noise]
    for temperature in (0.1, 1.0):
        with torch.no_grad():
            x, _ = fixed_point(model, *noise, temperature=torch.full((300,), temperature, dtype=torch.float64))
        spreads.append(float(x.std(0).mean()))
    assert spreads[0] < 0.5 * spreads[1]


@pytest.mark.parametrize("shape", [(1, 7, 7), (3, 8, 6)])
def test_a_picture_that_cannot_be_halved_is_refused_and_fewer_scales_take_it(shape):
    with pytest.raises(ValueError, match=r"3 scales need a height and width that 4 divides, got .*; use fewer scales"):
        _model(shape, scales=3)
    assert _model(shape, scales=1).log_prob(torch.zeros(2, *shape, dtype=torch.float64)).shape == (2,)
