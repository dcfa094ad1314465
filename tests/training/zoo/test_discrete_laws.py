"""Laws of autoregressive families over levels 0..V−1, at sizes where every x can be listed.

A new family adds its cases to CASES; everything below runs over all of them.
"""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from training.evaluate.sampling import fixed_point, label_of, sequential
from training.zoo import FAMILIES
from training.zoo.autoregressive.conditionals.discrete import DiscreteConditionals, draw_categorical
from training.zoo.base import CompletingSampler, FixedPointSampler, Known, LabelConditioned

GATED = {"layers": 1, "channels": 4, "head": 6, "first_kernel": 3}
PP = {"channels": 4, "blocks": 1, "components": 2}
# name: (family, event_shape, options)
CASES: dict[str, tuple[str, tuple[int, ...], dict[str, Any]]] = {
    "pixelcnn": ("pixelcnn", (1, 3, 3), {"blocks": 1, "channels": 4, "head": 6, "kernel": 3}),
    "pixelcnn-wide": ("pixelcnn", (1, 2, 4), {"blocks": 2, "channels": 3, "head": 6, "kernel": 7}),
    "pixelcnn-grey": ("pixelcnn", (1, 2, 3), {"blocks": 1, "channels": 4, "head": 6, "kernel": 5, "levels": 4}),
    "pixelcnn-rgb": ("pixelcnn", (3, 1, 2), {"blocks": 2, "channels": 4, "head": 6, "kernel": 3, "levels": 3}),
    "attention": ("attention", (1, 2, 3), {"blocks": 2, "width": 8, "heads": 2}),
    "attention-grey": ("attention", (1, 2, 2), {"blocks": 1, "width": 8, "heads": 2, "levels": 3}),
    "attention-rgb": ("attention", (3, 1, 2), {"blocks": 1, "width": 8, "heads": 1}),
    "attention-text": ("attention", (5,), {"blocks": 2, "width": 8, "heads": 2, "levels": 3}),
    "attention-passes": ("attention", (1, 2, 2), {"blocks": 1, "width": 8, "heads": 2, "sampler": "fixed_point"}),
    "attention-rows": ("attention", (1, 3, 3), {"blocks": 2, "width": 8, "heads": 2, "unit": "row", "head": 7}),
    "attention-rows-grey": (
        "attention",
        (1, 2, 2),
        {"blocks": 1, "width": 8, "heads": 2, "unit": "row", "head": 7, "levels": 3},
    ),
    "rnn": ("rnn", (1, 3, 3), {"hidden": 8}),
    "rnn-deep": ("rnn", (1, 2, 3), {"hidden": 8, "layers": 2, "cell": "gru", "window": 2}),
    "rnn-rgb": ("rnn", (3, 2, 1), {"hidden": 8, "cell": "gru", "window": 0}),
    "rnn-text": ("rnn", (5,), {"hidden": 8, "levels": 3, "embedding": 2}),
    "rnn-rows": ("rnn", (1, 3, 3), {"hidden": 8, "unit": "row", "head": 7, "window": 2}),
    "rnn-rows-grey": ("rnn", (1, 2, 2), {"hidden": 8, "unit": "row", "head": 7, "levels": 3, "cell": "gru"}),
    "rnn-rows-rgb": ("rnn", (3, 2, 1), {"hidden": 8, "unit": "row", "head": 7}),
    "gated": ("gated_pixelcnn", (1, 3, 3), {**GATED, "layers": 2}),
    "gated-wide": ("gated_pixelcnn", (1, 2, 4), {**GATED, "first_kernel": 5, "kernel": 5}),
    "gated-labels": ("gated_pixelcnn", (1, 2, 3), {**GATED, "classes": 3, "label_dropout": 0.3, "dropout": 0.2}),
    "gated-grey-labels": ("gated_pixelcnn", (1, 2, 2), {**GATED, "levels": 5, "classes": 2}),
    "gated-rgb-labels": ("gated_pixelcnn", (3, 2, 1), {**GATED, "levels": 3, "classes": 2}),
    "gated-rgb-binary": ("gated_pixelcnn", (3, 2, 2), GATED),
    "pp": ("pixelcnn_pp", (1, 2, 3), {**PP, "scales": 1}),
    "pp-two-scales": ("pixelcnn_pp", (1, 2, 4), {**PP, "scales": 2, "dropout": 0.3}),
    "pp-grey": ("pixelcnn_pp", (1, 2, 2), {**PP, "scales": 2, "levels": 5}),
    "pp-two-colours": ("pixelcnn_pp", (2, 2, 2), {**PP, "scales": 1, "levels": 3}),
    "pp-rgb-binary": ("pixelcnn_pp", (3, 2, 2), {**PP, "scales": 1}),
    "wavenet": ("wavenet", (5,), {"levels": 3, "stacks": 1, "layers": 2, "channels": 4, "skip": 6}),
    "wavenet-labels": (
        "wavenet",
        (6,),
        {"levels": 3, "stacks": 2, "layers": 2, "channels": 4, "skip": 6, "classes": 2, "dropout": 0.1},
    ),
    "row-lstm": ("row_lstm", (1, 3, 3), {"layers": 1, "hidden": 3, "head": 8}),
    "row-lstm-wide": ("row_lstm", (1, 2, 4), {"layers": 2, "hidden": 3, "head": 8, "kernel": 5, "residual": False}),
    "row-lstm-grey": ("row_lstm", (1, 2, 2), {"layers": 2, "hidden": 3, "head": 8, "levels": 3, "skip": False}),
    "row-lstm-rgb": ("row_lstm", (3, 2, 1), {"layers": 1, "hidden": 2, "head": 8}),
    "diagonal-bilstm": ("diagonal_bilstm", (1, 3, 3), {"layers": 1, "hidden": 3, "head": 8}),
    "diagonal-bilstm-wide": ("diagonal_bilstm", (1, 2, 4), {"layers": 1, "hidden": 3, "head": 8, "residual": False}),
    "diagonal-bilstm-grey": (
        "diagonal_bilstm",
        (1, 2, 2),
        {"layers": 2, "hidden": 3, "head": 8, "levels": 3, "skip": False},
    ),
    "diagonal-bilstm-rgb": ("diagonal_bilstm", (3, 2, 1), {"layers": 1, "hidden": 2, "head": 8}),
}
# Cases without a blind spot: every conditional depends on every earlier dimension.
SEES_EVERYTHING = {
    "diagonal-bilstm",
    "diagonal-bilstm-grey",
    "diagonal-bilstm-wide",
    "gated",
    "gated-wide",
    "pixelcnn-wide",
    "pp",
    "pp-grey",
    "pp-two-scales",
    "row-lstm",
    "row-lstm-wide",
    "wavenet-labels",
    *(name for name in CASES if name.startswith(("attention", "rnn"))),
}
# Cases whose temperature multiplies scales, so that a cold sample is less varied but not always more likely.
MIXTURES = {"pp-grey", "pp-two-colours"}
COUNT = 40_000  # samples of the chi-square test


def case(name: str, scale: float = 0.7) -> torch.nn.Module:
    """A family with weights far from their initial values, so that no law holds by the smallness of everything."""
    family, shape, options = CASES[name]
    torch.manual_seed(0)
    model = FAMILIES[family](shape, FAMILIES[family].Options(**options))
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        fan_in = max(1, parameter[0].numel()) if parameter.dim() > 1 else 1
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data = scale * noise * (2.0 / fan_in**0.5 if parameter.dim() > 1 else 1.0)
    return model.eval().requires_grad_(False)


def everything(model: torch.nn.Module) -> torch.Tensor:
    """Every x there is, (V^dims, *event_shape), the last dimension changing fastest."""
    values = map(float, range(model.options.levels))
    return torch.tensor(list(itertools.product(list(values), repeat=model.dims))).reshape(-1, *model.event_shape)


def labels(model: torch.nn.Module) -> list[dict[str, int]]:
    """Every label that can be told, the unknown one last; one empty choice for a family that takes none."""
    return [{"label": k} for k in range(model.classes + 1)] if isinstance(model, LabelConditioned) else [{}]


def told(choice: dict[str, int], count: int) -> dict[str, torch.Tensor]:
    """The keyword with one label for all rows."""
    return {key: torch.full((count,), value) for key, value in choice.items()}


def numbers(model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What every conditional is made of, (batch, dims, numbers): logits, or the parameters of mixtures."""
    if isinstance(model, DiscreteConditionals):
        return model.logits(x)
    conditionals = model.conditionals(x)
    tensors = [item for item in vars(conditionals).values() if isinstance(item, torch.Tensor)]
    size = (len(x), model.event_shape[0], -1, *model.event_shape[1:])
    tensors = [item.expand(-1, size[1], *item.shape[2:]).reshape(size) for item in tensors]
    return torch.cat(tensors, 2).movedim(2, -1).flatten(1, 3)


def differentiable(model: torch.nn.Module, x: torch.Tensor) -> bool:
    """Whether x enters as numbers; what enters as an embedding has no gradient."""
    return numbers(model, (x + 0.0).requires_grad_()).requires_grad


def slopes(model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """How much each output depends on each dimension, by its gradient, (dims, dims)."""
    x = (x + 0.0).requires_grad_()
    logits = [numbers(model, x)[:, d].square().sum() for d in range(model.dims)]
    rows = [torch.autograd.grad(value, x, allow_unused=True)[0] if value.requires_grad else None for value in logits]
    dense = [torch.zeros_like(x) if row is None else row for row in rows]
    return torch.stack([row.flatten(1) for row in dense]).abs().amax(1)


def changes(model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """How much each output depends on each dimension, by changing it to the next level, (dims, dims)."""
    columns = []
    for dimension in range(model.dims):
        changed = x.flatten(1).clone()
        changed[:, dimension] = (changed[:, dimension] + 1) % model.options.levels
        logits = []
        for item in (x, changed.reshape(x.shape)):
            torch.manual_seed(0)  # the same dropout
            logits.append(numbers(model, item))
        columns.append((logits[1] - logits[0]).abs().amax((0, 2)))
    return torch.stack(columns, 1)


def noise_of(model: torch.nn.Module, count: int, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [item.draw(count, generator) for item in model.noise]


def draw(model: torch.nn.Module, count: int, seed: int, known: Known | None = None, **told: torch.Tensor):
    """Samples by the family's own sampler at temperature 1, (count, *event_shape)."""
    noise, ones = noise_of(model, count, seed), torch.ones(count)
    told = told or label_of(model, count)
    if model.sampler == "fixed_point":
        return fixed_point(model, *noise, temperature=ones, known=known, **told)[0]
    return model.generate(*noise, temperature=ones, known=known, **told)[0]


def assert_chi_square(observed: np.ndarray, expected: np.ndarray) -> None:
    """Cells with fewer than five expected counts are pooled."""
    rare = expected < 5
    observed = np.append(observed[~rare], observed[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    if expected[-1] < 5:
        observed, expected = observed[:-1], expected[:-1]
    assert len(expected) > 3
    assert chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-3


def index_of(x: torch.Tensor, levels: int) -> torch.Tensor:
    """The place of every x in ``everything``."""
    flat = x.flatten(1)
    return (flat @ (float(levels) ** torch.arange(flat.shape[1] - 1, -1, -1))).long()


@pytest.mark.parametrize("name", CASES)
def test_probabilities_sum_to_one_whatever_the_label(name):
    model = case(name)
    x = everything(model)
    for choice in labels(model):
        log_prob = model.dim_log_prob(x, **told(choice, len(x))).flatten(1).sum(1).double()
        assert float(torch.logsumexp(log_prob, 0)) == pytest.approx(0, abs=2e-5)
        assert float(log_prob.exp().max()) < 0.999


@pytest.mark.parametrize("name", CASES)
def test_terms_have_the_shape_of_x_and_sum_to_the_log_density(name):
    model = case(name)
    x = everything(model)[:50]
    terms = model.dim_log_prob(x)
    assert terms.shape == x.shape
    torch.testing.assert_close(terms.flatten(1).sum(1), model.log_prob(x))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("mode", ["train", "eval", "compact"])
def test_an_output_depends_on_earlier_dimensions_only(name, mode):
    model = case(name).train(mode == "train")
    if mode == "compact":
        model.compact()
    x = everything(model)[:: max(1, model.options.levels**model.dims // 32)]
    dependence = (slopes(model, x) if differentiable(model, x) else changes(model, x))[model.order][:, model.order]
    assert torch.equal(dependence.triu(), torch.zeros(model.dims, model.dims))
    assert (dependence[1:].amax(1) > 0).all()
    if name in SEES_EVERYTHING:
        assert (dependence[torch.tril_indices(model.dims, model.dims, -1).unbind()] > 0).all()


@pytest.mark.parametrize("name", CASES)
def test_a_change_of_the_future_changes_nothing_before_it(name):
    model = case(name)
    x = everything(model)[:: max(1, model.options.levels**model.dims // 16)]
    expected = numbers(model, x)
    for place in range(model.dims):
        changed = x.flatten(1).clone()
        future = model.order[place:]
        changed[:, future] = model.options.levels - 1 - changed[:, future]
        logits = numbers(model, changed.reshape(x.shape))
        now = model.order[: place + 1]
        torch.testing.assert_close(logits[:, now], expected[:, now], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_samples_follow_the_density_of_their_label(name):
    model = case(name)
    x = everything(model)
    choices = labels(model)
    for choice in choices if len(choices) == 1 else (choices[0], choices[-1]):
        expected = model.dim_log_prob(x, **told(choice, len(x))).flatten(1).sum(1).double().exp() * COUNT
        drawn = draw(model, COUNT, 7, **told(choice, COUNT))
        observed = torch.bincount(index_of(drawn, model.options.levels), minlength=len(x)).double()
        assert_chi_square(observed.numpy(), expected.numpy())


@pytest.mark.parametrize("name", CASES)
def test_the_fast_sample_is_the_sample_of_one_pass_per_dimension(name):
    model, count = case(name).double(), 64
    noise = [array.double() for array in noise_of(model, count, 1)]
    degrees = torch.linspace(0.3, 2.0, count, dtype=torch.float64)
    label = label_of(model, count)
    if model.sampler == "fixed_point":
        fast, passes = fixed_point(model, *noise, temperature=degrees, **label)
        slow = sequential(model, *noise, temperature=degrees, order=model.order, **label)
        assert passes <= model.dims + 1
    else:
        fast, _ = model.generate(*noise, temperature=degrees, **label)
        slow = torch.zeros(count, *model.event_shape, dtype=torch.float64)
        for place in model.order:
            drawn = draw_categorical(model.logits(slow, **label), noise[0], degrees)
            slow.flatten(1)[:, place] = drawn[:, place]
    assert torch.equal(fast.double(), slow)


@pytest.mark.parametrize("name", CASES)
def test_what_is_known_stays_and_the_rest_follows_its_conditional(name):
    model = case(name)
    assert isinstance(model, FixedPointSampler | CompletingSampler)
    x = everything(model)
    first = model.order[: max(1, model.dims // 2)]
    mask = torch.zeros(model.dims, dtype=torch.bool)
    mask[first] = True
    known = draw(model, 1, 3)
    rows = Known(
        known.expand(COUNT, *model.event_shape), mask.reshape(model.event_shape).expand(COUNT, *model.event_shape)
    )
    drawn = draw(model, COUNT, 5, known=rows)
    assert torch.equal(drawn.flatten(1)[:, first], known.flatten(1)[:, first].expand(COUNT, -1))
    agrees = (x.flatten(1)[:, first] == known.flatten(1)[:, first]).all(1)
    joint = torch.where(agrees, model.log_prob(x).double().exp(), 0)
    observed = torch.bincount(index_of(drawn, model.options.levels), minlength=len(x)).double()
    assert_chi_square(observed.numpy(), (joint / joint.sum() * COUNT).numpy())


@pytest.mark.parametrize("name", CASES)
def test_gradient_reaches_every_parameter(name):
    model = case(name).train().requires_grad_(True)
    torch.manual_seed(0)
    x = everything(model)[torch.randint(model.options.levels**model.dims, (16,))]
    label = torch.arange(16) % model.classes if isinstance(model, LabelConditioned) and model.classes else None
    for _ in range(4):  # a label is sometimes hidden, and then its embedding gets no gradient
        model.loss(x, **({} if label is None else {"label": label})).backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


@pytest.mark.parametrize("name", CASES)
def test_an_item_does_not_depend_on_its_batch_mates(name):
    model = case(name)
    x = everything(model)
    first, others = x[5:6], [x[:9], x[len(x) // 2 : len(x) // 2 + 9]]
    scores = [model.log_prob(torch.cat([first, other]))[0] for other in others]
    torch.testing.assert_close(scores[0], scores[1], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(CASES.keys() - MIXTURES))
def test_a_cold_sample_is_more_likely_than_a_warm_one(name):
    model, count = case(name), 400
    noise, label = noise_of(model, count, 2), label_of(model, count)
    means = []
    for temperature in (0.2, 1.0):
        degrees = torch.full((count,), temperature)
        if model.sampler == "fixed_point":
            drawn, _ = fixed_point(model, *noise, temperature=degrees, **label)
        else:
            drawn, _ = model.generate(*noise, temperature=degrees, **label)
        means.append(float(model.log_prob(drawn).mean()))
    assert means[0] > means[1] + 0.1 * math.log(2)
