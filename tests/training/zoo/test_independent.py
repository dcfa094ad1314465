"""Independent dimensions: tables are smoothed shares, and every uniform number gives a level that exists."""

import torch

from training.zoo import FAMILIES
from training.zoo.base import Facts, Noise


def _categorical(dims: int, levels: int):
    family = FAMILIES["categorical"]
    model = family(Facts((1, 1, dims), "levels", levels), family.Options(pseudo_counts=(1.0,)))
    x = torch.tensor([[0, 2, 1], [1, 2, 1], [0, 0, 1]]).float()[:, :dims].reshape(3, 1, 1, dims)
    model.fit(x, x, seed=0)
    return model, x


def test_categorical_is_the_smoothed_share_of_each_level():
    model, x = _categorical(2, 3)
    expected = torch.tensor([[3 / 6, 2 / 6, 1 / 6], [2 / 6, 1 / 6, 3 / 6]])
    torch.testing.assert_close(model.log_probabilities.exp(), expected)
    torch.testing.assert_close(model.log_prob(x[:1]), torch.tensor([3 / 6 * 3 / 6]).log())


def test_the_largest_uniform_number_gives_a_level_that_exists():
    model, _ = _categorical(3, 4)
    x, _ = model.generate(torch.ones(1, 3), temperature=torch.tensor([0.01]))
    assert float(x.max()) <= 3


def test_bernoulli_is_the_smoothed_share_of_ones():
    family = FAMILIES["bernoulli"]
    model = family(Facts((1, 1, 2), "binary", 2), family.Options(pseudo_counts=(1.0,)))
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]).reshape(3, 1, 1, 2)
    model.fit(x, x, seed=0)
    torch.testing.assert_close(torch.sigmoid(model.logits), torch.tensor([3 / 5, 1 / 5]))


def test_noise_is_shared_or_per_item_as_declared():
    generator = torch.Generator().manual_seed(0)
    assert Noise("a", "uniform", (3,)).draw(2, generator).shape == (2, 3)
    assert Noise("a", "normal", (5, 3), shared=True).draw(2, generator).shape == (5, 3)
