"""Laws of families with one component per label, and their equality with scikit-learn."""

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB

from training.zoo import FAMILIES
from training.zoo.base import Facts

Gda, NaiveBayes = FAMILIES["gda"], FAMILIES["naive_bayes"]
LABELS, DIMS = 3, 4


def _labels(items: int, generator: torch.Generator) -> torch.Tensor:
    return torch.multinomial(torch.tensor([0.5, 0.3, 0.2]), items, replacement=True, generator=generator)


def _real(items: int = 300, dims: int = DIMS) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    label = _labels(items, generator)
    turn = torch.randn(LABELS, dims, dims, generator=generator)
    centre = 2 * torch.randn(LABELS, dims, generator=generator)
    eps = torch.randn(items, dims, generator=generator)
    return centre[label] + (turn[label] @ eps[:, :, None])[:, :, 0], label


def _levels(levels: int, items: int = 300, dims: int = DIMS) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    label = _labels(items, generator)
    tables = torch.rand(LABELS, dims, levels, generator=generator).square()
    x = [torch.multinomial(tables[label, d], 1, generator=generator) for d in range(dims)]
    return torch.cat(x, 1).float(), label


def _facts(levels: int = 0, dims: int = DIMS, classes: int = LABELS) -> Facts:
    return Facts((dims,), "levels" if levels else "real", levels, classes=classes)


def _fitted(family, options, data, levels=0):
    x, label = data
    model = family(_facts(levels, x.shape[1]), family.Options(**options))
    model.fit_labelled(x, label, x, label, seed=0)
    return model.eval()


DISCRETE = {"bernoulli": 2, "categorical": 4}


def _naive_bayes(name: str):
    levels = DISCRETE.get(name, 0)
    data = _levels(levels) if levels else _real()
    options = {"pseudo_counts": (0.3,), "variance_shares": (1e-3,)}
    return _fitted(NaiveBayes, options, data, levels), data


def _gda(form: str, shrinkage: float = 0.1, dims: int = DIMS):
    data = _real(dims=dims)
    return _fitted(Gda, {"covariances": (form,), "shrinkages": (shrinkage,)}, data), data


CASES = {
    "bernoulli": lambda: _naive_bayes("bernoulli"),
    "categorical": lambda: _naive_bayes("categorical"),
    "gaussian": lambda: _naive_bayes("gaussian"),
    "shared": lambda: _gda("shared"),
    "per_label": lambda: _gda("per_label"),
}


def _reference(name: str):
    match name:
        case "bernoulli":
            return BernoulliNB(alpha=0.3, binarize=None)
        case "categorical":
            return CategoricalNB(alpha=0.3, min_categories=4)
        case "gaussian":
            return GaussianNB(var_smoothing=1e-3)
        case "shared":
            return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
    return QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.1)


@pytest.mark.parametrize("name", CASES)
def test_probabilities_of_labels_are_those_of_scikit_learn(name):
    model, (x, label) = CASES[name]()
    reference = _reference(name).fit(x.double().numpy(), label.numpy())
    ours = torch.log_softmax(model.joint(x), 1).numpy()
    np.testing.assert_allclose(ours, reference.predict_log_proba(x.double().numpy()), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(model.embed(x), reference.predict_proba(x.double().numpy()), atol=1e-6)


@pytest.mark.parametrize("name", ["bernoulli", "categorical", "gaussian"])
def test_the_density_is_the_sum_of_the_joint_of_scikit_learn(name):
    model, (x, label) = CASES[name]()
    reference = _reference(name).fit(x.double().numpy(), label.numpy())
    joint = reference.predict_joint_log_proba(x.double().numpy())
    np.testing.assert_allclose(model.joint(x), joint, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(model.log_prob(x), np.logaddexp.reduce(joint, 1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_terms_are_those_of_the_chain_rule(name):
    model, (x, _) = CASES[name]()
    terms = model.dim_log_prob(x)
    torch.testing.assert_close(terms.sum(1).double(), torch.logsumexp(model.joint(x), 1), atol=1e-4, rtol=1e-5)
    changed = x.clone()
    changed[:, -1] = x[:, -1].flip(0)
    torch.testing.assert_close(model.dim_log_prob(changed)[:, :-1], terms[:, :-1])
    assert not torch.equal(model.dim_log_prob(changed)[:, -1], terms[:, -1])


def _all(levels: int) -> torch.Tensor:
    return torch.tensor(list(itertools.product(map(float, range(levels)), repeat=DIMS)))


def _draw(model, count: int, label: torch.Tensor | None) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    noise = [item.draw(count, generator) for item in model.noise]
    return model.generate(*noise, temperature=torch.ones(count), label=label)[0]


@pytest.mark.parametrize("name", DISCRETE)
@pytest.mark.parametrize("label", [0, 2, LABELS, None])
def test_samples_follow_the_density_of_their_label_and_that_of_all_without_one(name, label):
    (model, _), count, levels = CASES[name](), 30_000, DISCRETE[name]
    x = _all(levels)
    assert float(model.log_prob(x).double().exp().sum()) == pytest.approx(1, abs=1e-5)
    drawn = _draw(model, count, None if label is None else torch.full((count,), label))
    place = drawn @ (float(levels) ** torch.arange(DIMS - 1, -1, -1))
    observed = torch.bincount(place.long(), minlength=len(x)).double()
    joint = model.joint(x).exp()
    expected = count * (joint.sum(1) if label in (None, LABELS) else joint[:, label] / joint[:, label].sum())
    rare = expected < 5
    groups = [torch.cat([part[~rare], part[rare].sum()[None]]) for part in (observed, expected)]
    kept = groups[1] > 1
    assert chisquare(groups[0][kept], groups[1][kept] * groups[0][kept].sum() / groups[1][kept].sum()).pvalue > 1e-3


@pytest.mark.parametrize("name", ["gaussian", "shared", "per_label"])
def test_samples_of_a_label_have_its_moments_and_its_label(name):
    model, (x, label) = CASES[name]()
    count = 40_000
    for c in range(LABELS):
        drawn = _draw(model, count, torch.full((count,), c)).double()
        group = x[label == c].double()
        torch.testing.assert_close(drawn.mean(0), group.mean(0), atol=0.05 * float(group.std(0).max()), rtol=0)
    everything = _draw(model, count, torch.full((count,), LABELS)).double()
    torch.testing.assert_close(everything.mean(0), x.double().mean(0), atol=0.1, rtol=0)
    torch.testing.assert_close(everything.std(0), x.double().std(0), atol=0, rtol=0.06)
    told = torch.arange(count) % LABELS
    right = (model.embed(_draw(model, count, told)).argmax(1) == told).double().mean()
    on_data = (model.embed(x).argmax(1) == label).double().mean()
    assert float(right) == pytest.approx(float(on_data), abs=0.1)


@pytest.mark.parametrize("form", ["shared", "per_label"])
def test_the_density_of_the_gaussians_integrates_to_one(form):
    model, _ = _gda(form, dims=2)
    axis = torch.linspace(-20, 20, 801)
    total = sum(
        float(model.log_prob(part).double().exp().sum()) for part in torch.cartesian_prod(axis, axis).split(9**5)
    )
    assert total * 0.05**2 == pytest.approx(1, abs=1e-3)


def test_a_singular_covariance_is_shrunk_until_it_is_not():
    x, label = _real(items=60)
    x = torch.cat([x, x[:, :1]], 1)  # a column twice
    model = Gda(_facts(dims=DIMS + 1), Gda.Options(shrinkages=(0.0, 0.01, 0.1)))
    chosen = model.fit_labelled(x, label, x, label, seed=0)
    assert chosen["shrinkage"] > 0
    assert torch.isfinite(model.log_prob(x)).all()
    with pytest.raises(ValueError, match="singular; expected more items, or a larger shrinkage"):
        Gda(_facts(dims=DIMS + 1), Gda.Options(shrinkages=(0.0,))).fit_labelled(x, label, x, label, seed=0)


@pytest.mark.parametrize("name", CASES)
def test_the_smoothing_is_the_one_with_the_best_validation_likelihood(name):
    levels = DISCRETE.get(name, 0)
    x, label = _levels(levels, items=60) if levels else _real(items=60)
    held_out, other = _levels(levels, items=500) if levels else _real(items=500)
    if name in ("shared", "per_label"):
        family, option, values = Gda, "shrinkages", (0.0, 0.05, 0.3, 0.9)
        fixed = {"covariances": (name,)}
    else:
        family, option = NaiveBayes, "pseudo_counts" if levels else "variance_shares"
        fixed, values = {}, (0.01, 0.3, 1.0, 30.0)

    def fit(candidates):
        model = family(_facts(levels), family.Options(**fixed, **{option: candidates}))
        return model, model.fit_labelled(x, label, held_out, other, seed=0)

    singles = {value: float(fit((value,))[0].log_prob(held_out).mean()) for value in values}
    model, chosen = fit(values)
    assert max(singles, key=singles.__getitem__) in chosen.values()
    assert float(model.log_prob(held_out).mean()) == pytest.approx(max(singles.values()), abs=1e-4)
    assert chosen["model_space_validation_log_prob"] == pytest.approx(max(singles.values()), abs=1e-4)


@pytest.mark.parametrize("family", [Gda, NaiveBayes])
def test_labels_are_needed_and_every_one_must_occur(family):
    with pytest.raises(ValueError, match="expected data with labels, got none"):
        family(_facts(classes=0), family.Options())
    x, label = _real()
    with pytest.raises(ValueError, match="at least 2 items of each of 4 labels to fit, got 0 of label number 3"):
        family(_facts(classes=4), family.Options()).fit_labelled(x, label, x, label, seed=0)
