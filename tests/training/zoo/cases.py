"""Tiny cases of every family, at sizes where laws can be checked exactly; a law chooses its cases by what they can do.

A new family adds a case here, and every law that applies to it runs over it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from training.zoo import FAMILIES
from training.zoo.base import ClosedForm, Facts, Family, GradientTrained, LabelledClosedForm

binary = partial(Facts, space="binary", levels=2)
real = partial(Facts, space="real")


def levels(shape: tuple[int, ...], count: int, **more: int) -> Facts:
    """Facts of data with that many levels."""
    return Facts(shape, "levels", count, **more)


@dataclass(frozen=True)
class Case:
    """A family, what it is told about its data, and its options.

    ``sees_everything``: every conditional depends on every earlier dimension; a blind spot is no fault of others.
    ``independent``: not every conditional depends on something.
    ``scales``: the temperature multiplies scales, so that a cold sample is less varied but not always more likely.
    """

    family: str
    facts: Facts
    options: dict[str, Any] = field(default_factory=dict)
    sees_everything: bool = False
    independent: bool = False
    scales: bool = False

    @property
    def type(self) -> type[Family]:
        """The class of the family."""
        return FAMILIES[self.family]

    @property
    def is_countable(self) -> bool:
        """Whether every x can be listed."""
        return self.facts.levels > 0 and self.facts.levels ** math.prod(self.facts.event_shape) <= 5000

    def with_shape(self, *shape: int) -> "Case":
        """The same with items of another shape."""
        return replace(self, facts=replace(self.facts, event_shape=shape))

    def fresh(self) -> Family:
        """The family as it is before it is fitted."""
        torch.manual_seed(0)
        return self.type(self.facts, self.type.Options(**self.options))

    def build(self) -> Family:
        """The family fitted in closed form, or with weights far from their initial values, so that no law holds by the
        smallness of everything.
        """
        model = self.fresh()
        match model:
            case ClosedForm():
                model.fit(self.data(400)[0], self.data(100, seed=1)[0], 0)
            case LabelledClosedForm():
                model.fit_labelled(*self.data(400), *self.data(100, seed=1), 0)
            case GradientTrained():
                _scatter(model)
        return model.eval().requires_grad_(False)

    def data(self, items: int, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Made-up items, (items, *event_shape), that depend on their labels, int64 (items,)."""
        generator, facts = torch.Generator().manual_seed(seed), self.facts
        label = torch.arange(items) % max(facts.classes, 1)
        shape = (items, math.prod(facts.event_shape))
        if facts.levels:
            u = torch.rand(shape, generator=generator) ** (2.0 + label[:, None])
            x = _ended((u * facts.levels).floor(), facts.end)
        else:
            mixing = torch.randn(shape[1], shape[1], generator=torch.Generator().manual_seed(9))
            far = 3.0 * torch.randint(0, 2, (items, 1), generator=generator)  # two clusters
            x = torch.randn(shape, generator=generator) @ mixing + far + label[:, None]
        return x.reshape(items, *facts.event_shape), label


def _scatter(model: Family, scale: float = 0.7) -> None:
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        fan_in = max(1, parameter[0].numel()) if parameter.dim() > 1 else 1
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data = scale * noise * (2.0 / fan_in**0.5 if parameter.dim() > 1 else 1.0)


def _ended(x: Tensor, end: int | None) -> Tensor:
    """The items with nothing but the end after the end, if there is one."""
    if end is None:
        return x
    return torch.where(torch.cumsum((x == end).long(), 1) > 0, float(end), x)


SQUARE = (1, 3, 3)
ATTENTION = {"blocks": 1, "width": 8, "heads": 2}
GATED = {"layers": 1, "channels": 4, "head": 6, "first_kernel": 3}
PP = {"channels": 4, "blocks": 1, "components": 2}
WAVENET = {"layers": 2, "channels": 4, "skip": 6}
LSTM = {"layers": 1, "hidden": 3, "head": 8}
MIXTURE = {"components": 3, "sigma_floor": 0.1}
MARKOV = {"smoothings": ("constant",), "pseudo_counts": (0.7,)}
GMM = {"restarts": 1, "regularisations": (1e-3,)}

see = partial(Case, sees_everything=True)

CASES: dict[str, Case] = {
    "bernoulli": Case("bernoulli", binary(SQUARE)),
    "categorical": Case("categorical", levels((1, 1, 3), 4), {"pseudo_counts": (1.0,)}),
    "categorical-with-an-end": Case("categorical", levels((4,), 3, end=0), {"pseudo_counts": (1.0,)}),
    "vae": Case("vae", binary((1, 2, 2)), {"hidden": (6,), "latent": 1, "score_samples": 5}),
    "dcgan": Case("dcgan", Facts((1, 8, 8), "signed_unit"), {"latent": 4, "channels": 4}),
    "pca": Case("pca", real((4,)), {"components": 2}),
    "pca-image": Case("pca", levels((1, 3, 3), 4), {"explain": 0.8}),
    "gmm-full": Case("gmm", real((4,)), {**GMM, "components": (3,), "covariances": ("full",)}),
    "gmm-diag": Case("gmm", real((4,)), {**GMM, "components": (3,), "covariances": ("diag",)}),
    "gmm-tied": Case("gmm", real((4,)), {**GMM, "components": (2,), "covariances": ("tied",)}),
    "gda": Case("gda", real((4,), classes=2)),
    "naive_bayes": Case("naive_bayes", real((4,), classes=2)),
    "naive_bayes-bernoulli": Case("naive_bayes", binary((4,), classes=3), {"pseudo_counts": (0.3,)}),
    "naive_bayes-categorical": Case("naive_bayes", levels((4,), 4, classes=3), {"pseudo_counts": (0.3,)}),
    "markov-independent": Case("markov", levels((4,), 3), {**MARKOV, "orders": (0,)}, independent=True),
    "markov": Case("markov", levels((5,), 3), {**MARKOV, "orders": (1,)}),
    "markov-by-followers": Case("markov", levels((5,), 3), {**MARKOV, "orders": (2,), "smoothings": ("followers",)}),
    "markov-binary-image": Case("markov", binary(SQUARE), {**MARKOV, "orders": (4,)}),
    "markov-colour-image": Case("markov", binary((3, 1, 2)), {**MARKOV, "orders": (3,)}),
    "markov-with-an-end": Case("markov", levels((5,), 3, end=0), {**MARKOV, "orders": (2,)}),
    "markov-end-without-memory": Case("markov", levels((5,), 3, end=1), {**MARKOV, "orders": (0,)}),
    "markov-longer-than-the-sequence": Case("markov", levels((3,), 3), {**MARKOV, "orders": (6,)}),
    "fvsbn": see("fvsbn", binary(SQUARE)),
    "fvsbn-random-order": see("fvsbn", binary(SQUARE), {"order": "random", "order_seed": 3}),
    "fvsbn-columns": see("fvsbn", binary(SQUARE), {"order": "columns"}),
    "nade": see("nade", binary(SQUARE), {"hidden": 7}),
    "nade-reversed": see("nade", binary(SQUARE), {"hidden": 16, "order": "reversed"}),
    "nade-relu-random-order": see(
        "nade", binary(SQUARE), {"hidden": 16, "activation": "relu", "order": "random", "order_seed": 3}
    ),
    "nade-for-all-orders": see("nade", binary(SQUARE), {"hidden": 7, "ensemble": 1}),
    "nade-in-three-orders": Case("nade", binary(SQUARE), {"hidden": 7, "ensemble": 3}),
    "made": see("made", binary(SQUARE), {"hidden": (16,)}),
    "made-two-layers": see("made", binary(SQUARE), {"hidden": (16, 12)}),
    "made-random-order": see("made", binary(SQUARE), {"hidden": (16,), "order": "random", "order_seed": 3}),
    "made-no-direct": Case("made", binary(SQUARE), {"hidden": (7,), "direct": False}),
    "made-narrow": Case("made", binary(SQUARE), {"hidden": (2,), "direct": False}),
    "made-residual": see("made", binary(SQUARE), {"hidden": (16,), "blocks": 2}),
    "made-members-in-one-order": see("made", binary(SQUARE), {"hidden": (16,), "orders": ("columns", "columns")}),
    "made-masks": see("made", binary(SQUARE), {"hidden": (16, 12), "masks": 3}),
    "made-in-three-orders": Case(
        "made", binary(SQUARE), {"hidden": (16,), "orders": ("raster", "columns", "reversed")}
    ),
    "made-residual-in-random-orders": Case(
        "made", binary(SQUARE), {"hidden": (12,), "blocks": 1, "orders": ("random", "random")}
    ),
    "made-masks-in-random-orders": Case("made", binary(SQUARE), {"hidden": (16,), "order": "random", "masks": 3}),
    "made-members-with-masks": Case(
        "made", binary(SQUARE), {"hidden": (16,), "blocks": 1, "orders": ("raster", "reversed"), "masks": 2}
    ),
    "made-real": see("made", real((5,)), {**MIXTURE, "hidden": (12,)}),
    "made-real-residual-random-order": see(
        "made", real((5,)), {**MIXTURE, "hidden": (12,), "blocks": 2, "order": "random", "order_seed": 3}
    ),
    "made-real-members-in-one-order": see(
        "made", real((5,)), {**MIXTURE, "hidden": (12,), "orders": ("reversed", "reversed")}
    ),
    "made-real-masks": see("made", real((5,)), {**MIXTURE, "hidden": (12,), "masks": 2}),
    "made-real-in-two-orders": Case(
        "made", real((5,)), {**MIXTURE, "hidden": (12,), "blocks": 1, "orders": ("raster", "reversed")}
    ),
    "rnade": see("rnade", real((5,)), {**MIXTURE, "hidden": 6, "order": "raster"}),
    "rnade-random-order": see("rnade", real((5,)), {**MIXTURE, "hidden": 6, "order": "random", "order_seed": 3}),
    "pixelcnn": Case("pixelcnn", binary(SQUARE), {"blocks": 1, "channels": 4, "head": 6, "kernel": 3}),
    "pixelcnn-wide": see("pixelcnn", binary((1, 2, 4)), {"blocks": 2, "channels": 3, "head": 6, "kernel": 7}),
    "pixelcnn-grey": Case("pixelcnn", levels((1, 2, 3), 4), {"blocks": 1, "channels": 4, "head": 6, "kernel": 5}),
    "pixelcnn-rgb": Case("pixelcnn", levels((3, 1, 2), 3), {"blocks": 2, "channels": 4, "head": 6, "kernel": 3}),
    "attention": see("attention", binary((1, 2, 3)), {**ATTENTION, "blocks": 2}),
    "attention-grey": see("attention", levels((1, 2, 2), 3), ATTENTION),
    "attention-rgb": see("attention", binary((3, 1, 2)), {**ATTENTION, "heads": 1}),
    "attention-text": see("attention", levels((5,), 3), {**ATTENTION, "blocks": 2}),
    "attention-with-an-end": see("attention", levels((4,), 3, end=0), ATTENTION),
    "attention-passes-with-an-end": see("attention", levels((4,), 3, end=0), {**ATTENTION, "sampler": "fixed_point"}),
    "attention-passes": see("attention", binary((1, 2, 2)), {**ATTENTION, "sampler": "fixed_point"}),
    "attention-rows": see("attention", binary(SQUARE), {**ATTENTION, "blocks": 2, "unit": "row", "head": 7}),
    "attention-rows-grey": see("attention", levels((1, 2, 2), 3), {**ATTENTION, "unit": "row", "head": 7}),
    "rnn": see("rnn", binary(SQUARE), {"hidden": 8}),
    "rnn-deep": see("rnn", binary((1, 2, 3)), {"hidden": 8, "layers": 2, "cell": "gru", "window": 2}),
    "rnn-rgb": see("rnn", binary((3, 2, 1)), {"hidden": 8, "cell": "gru", "window": 0}),
    "rnn-text": see("rnn", levels((5,), 3), {"hidden": 8, "embedding": 2}),
    "rnn-with-an-end": see("rnn", levels((4,), 3, end=0), {"hidden": 8, "embedding": 2}),
    "rnn-of-one-character": see("rnn", levels((4,), 2, end=0), {"hidden": 6}),
    "rnn-rows": see("rnn", binary(SQUARE), {"hidden": 8, "unit": "row", "head": 7, "window": 2}),
    "rnn-rows-grey": see("rnn", levels((1, 2, 2), 3), {"hidden": 8, "unit": "row", "head": 7, "cell": "gru"}),
    "rnn-rows-rgb": see("rnn", binary((3, 2, 1)), {"hidden": 8, "unit": "row", "head": 7}),
    "gated": see("gated_pixelcnn", binary(SQUARE), {**GATED, "layers": 2}),
    "gated-wide": see("gated_pixelcnn", binary((1, 2, 4)), {**GATED, "first_kernel": 5, "kernel": 5}),
    "gated-labels": Case(
        "gated_pixelcnn", binary((1, 2, 3), classes=3), {**GATED, "label_dropout": 0.3, "dropout": 0.2}
    ),
    "gated-grey-labels": Case("gated_pixelcnn", levels((1, 2, 2), 5, classes=2), GATED),
    "gated-rgb-labels": Case("gated_pixelcnn", levels((3, 2, 1), 3, classes=2), GATED),
    "gated-rgb-binary": Case("gated_pixelcnn", binary((3, 2, 2)), GATED),
    "pp": see("pixelcnn_pp", binary((1, 2, 3)), {**PP, "scales": 1}),
    "pp-two-scales": see("pixelcnn_pp", binary((1, 2, 4)), {**PP, "scales": 2, "dropout": 0.3}),
    "pp-grey": see("pixelcnn_pp", levels((1, 2, 2), 5), {**PP, "scales": 2}, scales=True),
    "pp-two-colours": Case("pixelcnn_pp", levels((2, 2, 2), 3), {**PP, "scales": 1}, scales=True),
    "pp-rgb-binary": Case("pixelcnn_pp", binary((3, 2, 2)), {**PP, "scales": 1}),
    "wavenet": Case("wavenet", levels((5,), 3), {**WAVENET, "stacks": 1}),
    "wavenet-with-an-end": see("wavenet", levels((4,), 3, end=0), {**WAVENET, "stacks": 1}),
    "wavenet-labels": see("wavenet", levels((6,), 3, classes=2), {**WAVENET, "stacks": 2, "dropout": 0.1}),
    "row-lstm": see("row_lstm", binary(SQUARE), LSTM),
    "row-lstm-wide": see("row_lstm", binary((1, 2, 4)), {**LSTM, "layers": 2, "kernel": 5, "residual": False}),
    "row-lstm-grey": Case("row_lstm", levels((1, 2, 2), 3), {**LSTM, "layers": 2, "skip": False}),
    "row-lstm-rgb": Case("row_lstm", binary((3, 2, 1)), {**LSTM, "hidden": 2}),
    "diagonal-bilstm": see("diagonal_bilstm", binary(SQUARE), LSTM),
    "diagonal-bilstm-wide": see("diagonal_bilstm", binary((1, 2, 4)), {**LSTM, "residual": False}),
    "diagonal-bilstm-grey": see("diagonal_bilstm", levels((1, 2, 2), 3), {**LSTM, "layers": 2, "skip": False}),
    "diagonal-bilstm-rgb": Case("diagonal_bilstm", binary((3, 2, 1)), {**LSTM, "hidden": 2}),
}


def having(*capabilities: type, where: Callable[[Case], bool] = lambda case: True) -> list[str]:
    """Names of the cases whose families have all of these capabilities, and of which something else is true."""
    return [
        name
        for name, case in CASES.items()
        if all(issubclass(case.type, capability) for capability in capabilities) and where(case)
    ]


def countable(case: Case) -> bool:
    """Whether every x can be listed."""
    return case.is_countable


def in_one_order(case: Case) -> bool:
    """Whether a countable or real autoregressive case has one chain rule."""
    return case.fresh().order is not None
