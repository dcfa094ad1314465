"""Why there are several statistics: a picture that is too simple is very likely, and still an anomaly.

Handwritten digits, of which only the brightest pixels are kept: thin strokes on black. A blank picture is then likelier
than most digits, and a likelihood alone calls it perfectly normal.
"""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from pofx.rules.conformal import p_values, ranked
from training.scoring import Scoring
from training.statistics import Evidence
from training.statistics.choice import choose
from training.transforms import Binarise, DataFacts
from training.zoo import FAMILIES
from training.zoo.base import Facts, Family

SIDE = 9  # of a picture: a digit of 8 by 8 pixels has two places in each direction
BRIGHT = 14  # of 16 grey levels
OPTIONS = {"bernoulli": {}, "made": {"hidden": [64]}}


def _placed_digits(seed: int) -> np.ndarray:
    """The bright strokes of all digits, shuffled, each somewhere in a black picture; uint8 (n, side, side, 1)."""
    random = np.random.default_rng(seed)
    digits = random.permutation(np.where(load_digits().images >= BRIGHT, 255, 0))
    placed = np.zeros((len(digits), SIDE, SIDE, 1), np.uint8)
    for picture, digit, (row, column) in zip(
        placed, digits, random.integers(0, SIDE - 7, (len(digits), 2)), strict=True
    ):
        picture[row : row + 8, column : column + 8, 0] = digit
    return placed


def _family(name: str, x: Tensor, held: Tensor) -> Family:
    """A small fitted model; in closed form, or by a short descent."""
    torch.manual_seed(0)
    family_type = FAMILIES[name]
    family = family_type(Facts(x.shape[1:], "binary", 2), family_type.Options(**OPTIONS[name]))
    if hasattr(family, "fit"):
        family.fit(x, held, 0)
        return family.eval()
    optimiser = torch.optim.Adam(family.parameters(), 1e-2)
    for batch in x.repeat(6, 1, 1, 1).split(64):
        optimiser.zero_grad()
        (-family.log_prob(batch).mean()).backward()
        optimiser.step()
    return family.eval()


@dataclass(frozen=True)
class Judge:
    """A fitted, calibrated model."""

    scoring: Scoring
    calibration: dict[str, np.ndarray]

    def values(self, raw: np.ndarray) -> dict[str, np.ndarray]:
        """Every statistic of raw pictures, (n,) each."""
        return _values(self.scoring, raw)

    def p_values(self, raw: np.ndarray) -> dict[str, np.ndarray]:
        """Every p-value of raw pictures, (n,) each."""
        values = self.values(raw)
        members = self.scoring.statistics.members
        return {item.name: p_values(item.tail, self.calibration[item.name], values[item.name]) for item in members}


@torch.no_grad()
def _values(scoring: Scoring, raw: np.ndarray) -> dict[str, np.ndarray]:
    found = zip(scoring.names, scoring(torch.from_numpy(raw)), strict=True)
    return {name: value.double().numpy() for name, value in found if name != "dim_log_prob"}


def _judge(name: str, raw: np.ndarray) -> Judge:
    """A model fitted on a third of the pictures, with statistics fitted and calibrated on others."""
    transform = Binarise(DataFacts("image", (SIDE, SIDE, 1)), Binarise.Options(mode="threshold"))
    x, held = (transform(torch.from_numpy(part)) for part in (raw[:600], raw[600:900]))
    plain = Scoring(_family(name, x, held), transform)
    statistics = choose(transform, plain.outputs, 0, "log-density")
    with torch.no_grad():
        found = dict(zip(plain.names, plain(torch.from_numpy(raw[600:900])), strict=True))
        statistics.fit(x, Evidence.of(held, found))
    scoring = Scoring(plain.family, transform, statistics).eval()
    return Judge(scoring, ranked(_values(scoring, raw[900:1400])))


@pytest.fixture(scope="module", params=[0, 1, 2])
def digits(request) -> np.ndarray:
    return _placed_digits(request.param)


@pytest.fixture(scope="module", params=OPTIONS)
def judge(request, digits) -> Judge:
    return _judge(request.param, digits)


@pytest.fixture(scope="module")
def fresh(digits) -> np.ndarray:
    return digits[1400:]


@pytest.fixture(scope="module")
def blank() -> np.ndarray:
    return np.zeros((1, SIDE, SIDE, 1), np.uint8)


def test_a_blank_picture_is_likelier_than_most_digits(judge, fresh, blank):
    assert (judge.values(blank)["log_prob"] > judge.values(fresh)["log_prob"]).mean() > 0.8
    assert judge.p_values(blank)["log_prob"] > 0.8


@pytest.mark.parametrize(("name", "most"), [("combined", 0.05), ("complexity", 0.02)])
def test_and_still_it_is_an_anomaly(judge, blank, name, most):
    assert judge.p_values(blank)[name] <= most


def test_the_ratio_finds_it_where_the_model_knows_more_than_the_background(digits, blank):
    assert _judge("made", digits).p_values(blank)["likelihood_ratio"] <= 0.15


def test_while_digits_are_not(judge, fresh):
    rate = (judge.p_values(fresh)["combined"] <= 0.05).mean()
    assert rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 * (1 / len(fresh) + 1 / 500))


def test_noise_is_an_anomaly_too(judge):
    noise = np.random.default_rng(1).integers(0, 256, (20, SIDE, SIDE, 1), np.uint8)
    assert judge.p_values(noise)["combined"].max() <= 0.01
