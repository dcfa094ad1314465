"""Families that encode and restore without a density: what their codes keep, and what they lose."""

import pytest
import torch

from tests.training.zoo.cases import CASES, having
from training.zoo.base import Facts, Reconstructing
from training.zoo.pca import Pca


@pytest.mark.parametrize("name", having(Reconstructing))
def test_shapes_and_what_is_restored_twice(name):
    model = CASES[name].build()
    x, _ = CASES[name].data(50)
    codes = model.embed(x)
    assert codes.shape == (50, model.embedding_dims)
    restored = model.decode(codes)
    assert restored.shape == x.shape
    assert torch.allclose(model.decode(model.embed(restored)), restored, atol=1e-4)
    assert torch.allclose(model.errors(x), (x - restored).square())


@pytest.mark.parametrize("name", having(Reconstructing))
def test_codes_of_the_items_it_was_fitted_on_are_standardised(name):
    model, (x, _) = CASES[name].build(), CASES[name].data(400)
    codes = model.embed(x).double()
    assert torch.allclose(codes.mean(0), torch.zeros(model.embedding_dims, dtype=torch.float64), atol=1e-4)
    assert torch.allclose(codes.T @ codes / len(x), torch.eye(model.embedding_dims, dtype=torch.float64), atol=1e-3)


@pytest.mark.parametrize("name", having(Reconstructing))
def test_unusual_items_are_restored_worse(name):
    model, (x, _) = CASES[name].build(), CASES[name].data(200, seed=5)
    odd = x + 3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)) * x.std()
    assert model.errors(odd).flatten(1).sum(1).median() > 2 * model.errors(x).flatten(1).sum(1).median()


def fitted(x, **options):
    model = Pca(Facts(tuple(x.shape[1:]), "real"), Pca.Options(**options))
    model.fit(x, x, 0)
    return model.eval()


def test_no_plane_of_that_size_loses_less():
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(300, 6, generator=generator) @ torch.randn(6, 6, generator=generator)
    least = fitted(x, components=2).errors(x).sum()
    for _ in range(50):
        basis = torch.linalg.qr(torch.randn(6, 2, generator=generator))[0]
        centred = x - x.mean(0)
        assert (centred - centred @ basis @ basis.T).square().sum() > least


def test_all_components_restore_everything_and_a_constant_direction_is_none():
    x = torch.randn(200, 3, generator=torch.Generator().manual_seed(3))
    flat = torch.cat([x, x[:, :1], torch.ones(200, 1)], 1)  # three directions in five columns
    model = fitted(flat, explain=1.0)
    assert model.embedding_dims == 3
    assert model.errors(flat).max() < 1e-8


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_as_few_components_as_explain_the_share(share):
    x = torch.randn(500, 8, generator=torch.Generator().manual_seed(4)) * torch.arange(1, 9)
    variances = torch.linalg.eigvalsh(torch.cov(x.T)).flip(0)
    explained = variances.cumsum(0) / variances.sum()
    size = fitted(x, explain=share).embedding_dims
    assert explained[size - 1] >= share
    assert size == 1 or explained[size - 2] < share
