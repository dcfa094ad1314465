"""What is WaveNet's own: how far it sees, its queues, its labels."""

import pytest
import torch

from training.export.graphs import computations
from training.transforms import DataFacts, Mulaw
from training.zoo.base import Facts, Known
from training.zoo.parts.conditionals import draw_categorical
from training.zoo.wavenet import Wavenet

TIME, LEVELS = 40, 7


def _net(classes: int = 2, **options) -> Wavenet:
    """Weights far from their initial values."""
    shape = {"stacks": 2, "layers": 3, "channels": 4, "skip": 6, **options}
    net = Wavenet(Facts((TIME,), "levels", LEVELS, classes=classes), Wavenet.Options(**shape))
    generator = torch.Generator().manual_seed(0)
    for parameter in net.parameters():
        parameter.data = 0.6 * torch.randn(parameter.shape, generator=generator)
    return net.eval().requires_grad_(False)


def _naive(net: Wavenet, u: torch.Tensor, degrees: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
    """Samples by a pass over everything for every position."""
    x = torch.zeros_like(u)
    for position in range(TIME):
        logits = net.logits(x, label=label)
        x[:, position] = draw_categorical(logits, u, degrees)[:, position]
    return x


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("options", [{}, {"classes": 0}, {"stacks": 1, "layers": 1}, {"stacks": 3, "layers": 6}])
def test_queues_draw_what_a_pass_over_everything_for_every_sample_draws(options, dtype):
    net, batch = _net(**options), 16
    u = torch.rand(batch, TIME, generator=torch.Generator().manual_seed(1))
    degrees = torch.linspace(0.3, 2.0, batch)
    label = torch.arange(batch) % (net.classes + 1) if net.classes else None
    fast, _ = net.generate(u, temperature=degrees, label=label)
    assert torch.equal(fast, _naive(net.to(dtype), u.to(dtype), degrees.to(dtype), label).float())


def test_a_layer_sees_its_dilation_further_and_nothing_else():
    net = _net(stacks=1, layers=3)  # sees 1 + 1 + 2 + 4 samples back
    x = torch.randint(0, LEVELS, (50, TIME), generator=torch.Generator().manual_seed(2)).float()
    changed = x.clone()
    changed[:, 10] = (changed[:, 10] + 3) % LEVELS
    moved = (net.logits(changed) - net.logits(x)).abs().amax((0, 2)) > 0
    assert moved.nonzero().flatten().tolist() == list(range(11, 11 + 8))


def test_known_samples_are_kept_and_the_rest_is_drawn_after_them():
    net = _net()
    u = torch.rand(8, TIME, generator=torch.Generator().manual_seed(3))
    first, _ = net.generate(u, temperature=torch.ones(8))
    mask = (torch.arange(TIME) < 15).expand(8, -1)
    kept, _ = net.generate(u, temperature=torch.ones(8), known=Known(first, mask))
    assert torch.equal(kept, first)
    other = torch.where(mask, (first + 1) % LEVELS, 0)
    continued, _ = net.generate(u, temperature=torch.ones(8), known=Known(other, mask))
    assert torch.equal(continued[mask], other[mask])
    assert (continued[~mask] != first[~mask]).any()


def test_a_withheld_label_is_the_unknown_one():
    net = _net(label_dropout=1.0)
    x = torch.randint(0, LEVELS, (6, TIME), generator=torch.Generator().manual_seed(4)).float()
    label = torch.zeros(6, dtype=torch.int64)
    assert torch.equal(net.loss(x, label=label), net.loss(x))
    told = _net(label_dropout=0.0)
    assert not torch.equal(told.loss(x, label=label), told.loss(x))
    torch.testing.assert_close(told.loss(x, label=label), -told.dim_log_prob(x, label=label).sum(1).mean())


def test_dropout_is_for_fitting_only():
    net = _net(dropout=0.5)
    x = torch.randint(0, LEVELS, (6, TIME), generator=torch.Generator().manual_seed(5)).float()
    assert torch.equal(net.log_prob(x), net.log_prob(x))
    net.train()
    assert not torch.equal(net.log_prob(x), net.log_prob(x))


def test_only_a_net_fitted_with_labels_is_told_one():
    transform = Mulaw(DataFacts("audio", (TIME,)), Mulaw.Options(count=16))
    for classes, conditions in ((0, ["known", "mask"]), (2, ["label", "known", "mask"])):
        net = Wavenet(Facts((TIME,), "levels", 16, classes=classes), Wavenet.Options(layers=2, channels=4)).eval()
        inputs = computations(net, transform)["generate"].inputs
        assert [item.name for item in inputs if item.role not in ("state", "position")] == [
            "u",
            "temperature",
            *conditions,
        ]
