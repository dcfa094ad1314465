"""What labels do to a gated PixelCNN, beside the laws of all families over levels."""

import pytest
import torch

from training.export.graphs import computations
from training.transforms import DataFacts, Levels
from training.zoo.base import Facts
from training.zoo.gated_pixelcnn import GatedPixelCnn

SHAPE = (1, 4, 4)
LABEL = torch.tensor([0, 1, 2, 2])


def _model(classes: int = 3, **options: float) -> GatedPixelCnn:
    torch.manual_seed(0)
    settings = {"layers": 1, "channels": 8, "head": 16} | options
    model = GatedPixelCnn(Facts(SHAPE, "levels", 5, classes=classes), GatedPixelCnn.Options(**settings))
    for name, parameter in model.named_parameters():
        parameter.data += 3 * name.endswith("label.weight") * torch.randn_like(parameter)
    return model.eval().requires_grad_(False)


def _x() -> torch.Tensor:
    return torch.randint(0, 5, (4, *SHAPE), generator=torch.Generator().manual_seed(1)).float()


def _nats(model: GatedPixelCnn, label: torch.Tensor) -> torch.Tensor:
    return -model.dim_log_prob(_x(), label=label).flatten(1).sum(1)


def test_every_label_has_a_density_of_its_own():
    model = _model()
    values = torch.stack([_nats(model, torch.full((4,), label)) for label in range(4)])
    assert (values.std(0) > 0.01).all()
    torch.testing.assert_close(values[3], -model.log_prob(_x()))  # the last is that of an item of any label


@pytest.mark.parametrize(("share", "label"), [(0.0, LABEL), (1.0, torch.full((4,), 3))])
def test_labels_are_hidden_from_all_or_from_none(share, label):
    model = _model(label_dropout=share)
    torch.testing.assert_close(model.loss(_x(), label=LABEL), _nats(model, label).mean())


def test_labels_are_hidden_from_a_share_of_the_items_that_the_seed_decides():
    model, x, label = _model(label_dropout=0.3), _x()[:1].expand(3000, -1, -1, -1), torch.zeros(3000, dtype=torch.int64)
    losses = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        losses.append(float(model.loss(x, label=label)))
    told, hidden = (float(_nats(model, torch.full((4,), value))[0]) for value in (0, 3))
    assert losses[0] == losses[1] != losses[2]
    assert (losses[0] - told) / (hidden - told) == pytest.approx(0.3, abs=0.04)


def test_without_classes_no_graph_takes_a_label():
    transform = Levels(DataFacts("image", (4, 4, 1)), Levels.Options(count=5))
    named = {
        classes: {item.name for item in computations(_model(classes=classes), transform)["propose"].inputs}
        for classes in (0, 3)
    }
    assert named[3] - named[0] == {"label"}
    assert float(_model(classes=0).loss(_x(), label=LABEL)) == float(_model(classes=0).loss(_x()))
