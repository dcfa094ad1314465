"""Missing dimensions: the density of what is there is the integral over what is not."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from pofx.kinds.words import MARGINALISING
from tests.training.zoo.cases import CASES, having
from training.export.graphs import computations
from training.export.onnx import OnnxRunner, to_onnx
from training.export.torchscript import TorchScriptRunner, to_torchscript
from training.scoring import Scoring
from training.statistics import Evidence
from training.statistics.choice import choose
from training.transforms import Columns, DataFacts, Standardise
from training.zoo import FAMILIES
from training.zoo.base import FactorisedDensity, Facts, LabelledClosedForm
from training.zoo.gmm import Gmm, GmmOptions

DIMS = 4
MARGINAL = having(FactorisedDensity, where=lambda case: case.fresh().marginalises)


def rows(count=400, seed=0):
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(count, DIMS)) @ random.normal(size=(DIMS, DIMS))
    return torch.from_numpy(mixed + 2 * random.integers(0, 2, (count, 1))).float()


@pytest.fixture(scope="module", params=MARGINAL)
def family(request):
    built = CASES[request.param].fresh()
    x, held = rows(), rows(seed=1)
    if isinstance(built, LabelledClosedForm):
        built.fit_labelled(x, (x[:, 0] > 1).long(), held, (held[:, 0] > 1).long(), 0)
    else:
        built.fit(x, held, 0)
    return built.eval()


def without(x, *columns):
    x = x.clone()
    x[:, list(columns)] = torch.nan
    return x


@pytest.mark.parametrize("column", range(DIMS))
def test_the_marginal_is_the_integral_over_the_missing_column(family, column):
    x = rows(5, seed=2)
    grid = torch.linspace(-40, 40, 16001)
    filled = x.repeat_interleave(len(grid), 0)
    filled[:, column] = grid.repeat(len(x))
    density = family.log_prob(filled).double().exp().reshape(len(x), -1)
    integral = torch.trapezoid(density, grid.double(), dim=1)
    torch.testing.assert_close(family.log_prob(without(x, column)).double(), integral.log(), rtol=0, atol=2e-5)


def test_a_row_of_which_nothing_is_known_has_probability_one(family):
    empty = torch.full((2, DIMS), torch.nan)
    assert family.log_prob(empty).abs().max() < 1e-12


def test_terms_of_missing_columns_are_zero_and_the_others_sum_to_the_marginal(family):
    x = without(rows(7, seed=3), 0, 2)
    terms = family.dim_log_prob(x)
    assert terms[:, [0, 2]].abs().max() < 1e-12
    torch.testing.assert_close(terms.sum(1), family.log_prob(x))


def test_complete_rows_keep_their_bits_beside_rows_with_gaps(family):
    x = rows(6, seed=4)
    mixed = x.clone()
    mixed[::2, 1] = torch.nan
    assert torch.equal(family.dim_log_prob(x)[1::2], family.dim_log_prob(mixed)[1::2])


@pytest.mark.parametrize("seen", [[0], [1, 3], [0, 1, 2], [3]])
def test_one_gaussian_has_the_marginals_of_the_textbook(seen):
    gmm = Gmm(Facts((DIMS,), "real"), GmmOptions(components=(1,), covariances=("full",), restarts=1))
    gmm.fit(rows(), rows(seed=1), 0)
    x = rows(9, seed=5)
    covariance = (gmm.cholesky @ gmm.cholesky.transpose(1, 2))[0].numpy()
    law = multivariate_normal(gmm.means[0].numpy()[seen], covariance[np.ix_(seen, seen)])
    gone = [column for column in range(DIMS) if column not in seen]
    found = gmm.log_prob(without(x, *gone)).numpy()
    np.testing.assert_allclose(found, law.logpdf(x.numpy()[:, seen].astype(np.float64)), atol=1e-5)


def test_tails_are_those_given_the_columns_that_are_there():
    gmm = Gmm(Facts((DIMS,), "real"), GmmOptions(components=(2,), covariances=("full",), restarts=1))
    gmm.fit(rows(), rows(seed=1), 0)
    x = rows(6, seed=6)
    order = [1, 3, 0, 2]  # the same model with the columns that are there first
    turned = Gmm(Facts((DIMS,), "real"), gmm.options)
    turned._allocate(2)
    covariances = (gmm.cholesky @ gmm.cholesky.transpose(1, 2))[:, order][:, :, order]
    turned.log_weights.data, turned.means.data = gmm.log_weights.data, gmm.means.data[:, order]
    turned.cholesky.data = torch.linalg.cholesky(covariances)
    turned.whitening.data = torch.linalg.inv(turned.cholesky.data)
    found, expected = gmm.dim_log_tail(without(x, 0, 2)), turned.dim_log_tail(x[:, order])
    torch.testing.assert_close(found[:, [1, 3]], expected[:, :2], rtol=1e-4, atol=1e-5)
    assert found[:, [0, 2]].abs().max() < 1e-6


def test_images_are_never_incomplete():
    assert not Gmm(Facts((1, 2, 2), "real"), GmmOptions()).marginalises


def scoring(family, transform_type):
    """The score graph with its statistics, for raw rows in other units and places."""
    raw = (3 * rows() + 100).numpy()
    transform = transform_type(DataFacts("row", (DIMS,)), transform_type.Options())
    transform.fit(raw)
    plain = Scoring(family, transform).eval()
    held = torch.from_numpy(raw[:100])
    held[::5, 1] = torch.nan
    statistics = choose(transform, plain.outputs, 0, "", marginal=True)
    said = dict(zip(plain.names, plain(held), strict=True))
    statistics.fit(transform(held), Evidence.of(transform(held), said, marginal=True))
    return computations(family, transform, statistics.eval())["score"]


@pytest.mark.parametrize("transform", [Standardise, pytest.param(Columns, marks=pytest.mark.full)])
def test_exported_graphs_leave_out_what_the_eager_model_leaves_out(family, transform):
    computation = scoring(family, transform)
    runners = [OnnxRunner(to_onnx(computation, half_weights=False)), TorchScriptRunner(to_torchscript(computation))]
    raw = (3 * rows(12, seed=7) + 100).numpy()
    raw[[0, 1, 1, 4, 5, 5, 5, 5], [1, 0, 3, 2, 0, 1, 2, 3]] = np.nan
    with torch.no_grad():
        expected = [found.numpy() for found in computation.module(torch.from_numpy(raw))]
    names = [output.name for output in computation.outputs]
    for run in runners:
        for name, want, have in zip(names, expected, run(raw), strict=True):
            assert np.isfinite(have).all(), name
            np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-4, err_msg=name)
        alone = run(raw[5:6])
        assert alone[0][0] == 0  # nothing of this row is known
        complete = run(raw[[2]])
        for whole, one in zip(run(raw), complete, strict=True):
            np.testing.assert_allclose(whole[2], one[0], rtol=1e-6)


def test_a_constant_column_may_be_missing():
    transform = Columns(DataFacts("row", (2,)), Columns.Options())
    transform.fit(np.array([[1, 5], [2, 5], [np.nan, 5], [4, np.nan]], np.float32))
    x = transform(torch.tensor([[1, 5], [1, torch.nan]]))
    assert x[0, 1] == 0
    assert torch.isnan(x[1, 1])


@pytest.mark.parametrize("transform_type", [Standardise, Columns])
def test_a_transform_is_fitted_to_what_is_there(transform_type):
    raw = rows(50).numpy()
    gappy, found, expected = (
        raw.copy(),
        *(transform_type(DataFacts("row", (DIMS,)), transform_type.Options()) for _ in range(2)),
    )
    gappy[40:, 2] = np.nan
    found.fit(gappy)
    expected.fit(raw[:40])
    one = torch.from_numpy(raw[:1])
    assert torch.equal(found(one)[:, 2], expected(one)[:, 2])
    assert all(torch.isfinite(value.double()).all() for value in found.state_dict().values())


def test_a_refusal_names_the_families_that_leave_columns_out():
    scoring_columns = {name: kind for name, kind in FAMILIES.items() if issubclass(kind, FactorisedDensity)}
    able = {name for name, kind in scoring_columns.items() if kind.marginalises is not FactorisedDensity.marginalises}
    assert able == set(MARGINALISING)
