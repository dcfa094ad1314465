"""What a fit takes is known before anything is allocated, and what does not fit is refused with a cure that helps."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from tests.training.zoo.cases import CASES, having
from training import budget, cost
from training.changes import changed
from training.errors import FitError
from training.fit import Hardware, fit
from training.prepare import prepare
from training.recipe import parse
from training.run import Run
from training.zoo import FAMILIES
from training.zoo.base import Computed, Facts, GradientTrained, takes_label

PICTURES = """
name = "pictures"
summary = "for tests"
[data]
source = "npz"
path = "{path}"
[transform]
name = "dequantise"
[family]
name = "{family}"
"""


def needed(case, items=100):
    return cost.fit_bytes(case.type, case.facts, case.type.Options(**case.options), items)


def loss_of(case, model):
    """The sum of the losses of all players on that many items."""

    def loss(items):
        x, label = case.data(items)
        dealt = model.deal(x, **({"label": label} if takes_label(model) else {}))
        return torch.stack([player.loss(**dealt).loss for player in model.players]).sum()

    return loss


@pytest.mark.parametrize("name", CASES)
def test_the_memory_of_every_family_is_positive_and_grows_with_what_it_is_fitted_on(name):
    case = CASES[name]
    *rest, last = case.facts.event_shape
    larger = needed(case.with_shape(*rest, 2 * last))
    assert 0 < needed(case) <= larger
    assert needed(case, 200) >= needed(case)
    if issubclass(case.type, Computed):
        assert needed(case, 200) > needed(case)
        assert larger > needed(case)


@pytest.mark.parametrize("name", having(GradientTrained))
def test_weights_are_counted_without_being_there(name):
    case, model = CASES[name], CASES[name].fresh()
    sizes = [[part.numel() * part.element_size() for part in parts] for parts in (model.parameters(), model.buffers())]
    assert needed(case) == 6 * sum(sizes[0]) + sum(sizes[1])


@pytest.mark.parametrize("name", ["fvsbn", "made", "gda", "gmm-full", "pca"])
def test_what_no_machine_holds_is_only_counted(name):
    assert needed(CASES[name].with_shape(300_000)) > 8 * 300_000**2 / 4


@pytest.mark.parametrize("name", having(GradientTrained))
def test_a_batch_takes_in_proportion_to_its_items_and_measuring_it_leaves_no_trace(name):
    case, model = CASES[name], CASES[name].fresh()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state = torch.get_rng_state()
    sizes = [cost.batch_bytes(model, loss_of(case, model), size) for size in (1, 2, 3)]
    assert sizes[0] > 0
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0] > 0
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert model.training


@pytest.fixture
def pictures(tmp_path):
    """The recipe of a family on 40 colour images of 64 by 64 pixels."""
    images = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
    np.savez(tmp_path / "pictures.npz", x=images)
    return partial(PICTURES.format, path=(tmp_path / "pictures.npz").as_posix())


def test_a_mixture_too_large_for_the_memory_is_refused_with_options_that_fit(pictures, monkeypatch):
    monkeypatch.setattr(cost, "available", lambda: 16_000_000_000)
    text = pictures(family="gmm")
    with pytest.raises(FitError, match=r"'gmm' on images of 64 x 64 x 3 .* at most 16\.0 GB .* --set") as refused:
        prepare(parse(text))
    (change,) = [part for part in str(refused.value).split("'") if part.startswith("family.")]
    recipe = parse(changed(text, change))
    facts = Facts((3, 64, 64), "real")
    assert cost.fit_bytes(FAMILIES["gmm"], facts, recipe.family, 40) <= 16_000_000_000


def test_a_mixture_too_large_for_a_file_is_refused_before_it_is_fitted(pictures, monkeypatch):
    monkeypatch.setattr(cost, "available", lambda: None)
    with pytest.raises(FitError, match=r"which is what an ONNX file holds, got 6\.0 GB; .* 'family\.components=\[1\]'"):
        prepare(parse(pictures(family="gmm")))


def test_where_no_option_helps_smaller_items_are_the_cure(pictures, monkeypatch):
    monkeypatch.setattr(cost, "available", lambda: 1_000_000)
    with pytest.raises(FitError, match="no option of pca makes it fit: make the items smaller"):
        prepare(parse(pictures(family="pca")))


def test_a_batch_too_large_for_the_memory_is_refused_with_one_that_fits(experiment, tmp_path, monkeypatch):
    ready, lines = experiment("vae"), []
    monkeypatch.setattr(budget, "available", lambda: None)
    budget.foretell(ready, lines.append, on_processor=True)
    words = lines[0].split("about ")[1].split(" MB")[0]
    monkeypatch.setattr(budget, "available", lambda: math.floor(1e6 * float(words) * 0.9))
    with pytest.raises(FitError, match=r"reduce it with --set fit\.batch_size=\d+") as refused:
        fit(ready, Run.of(ready, tmp_path), Hardware("cpu", "1", quiet=True), resume=False)
    smaller = int(str(refused.value).rpartition("=")[2])
    assert 1 <= smaller < ready.fit_options.batch_size


def test_a_fit_begins_with_what_it_takes(experiment, tmp_path, capsys):
    ready = experiment("gmm")
    fit(ready, Run.of(ready, tmp_path), Hardware("cpu", "1"), resume=False)
    assert capsys.readouterr().out.startswith(f"gmm: fits on {len(ready.splits.fit)} items, takes about ")
