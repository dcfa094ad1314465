"""One loop for all: a likelihood is fitted as by plain torch, players keep their turns, a family is of one kind."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from training.batches import batches
from training.fit import Hardware, fit
from training.game import Game
from training.prepare import Prepared, prepare
from training.recipe import parse
from training.run import Run
from training.zoo.base import (
    ClosedForm,
    DirectSampler,
    FactorisedDensity,
    Facts,
    Family,
    FixedPointSampler,
    GradientTrained,
    LabelledClosedForm,
    LikelihoodTrained,
    Options,
    Player,
    Turn,
    VariationalBound,
)

CPU = Hardware("cpu", "1", quiet=True)


@pytest.fixture
def changed(text):
    """The experiment of a tiny recipe with another ``[fit]``."""

    def build(name: str, lines: str) -> Prepared:
        written = text(name).replace("epochs = 3\nbatch_size = 64\nema = 0.5", lines)
        return prepare(parse(written))

    return build


def plainly_fitted(ready: Prepared) -> Family:
    """The family after one epoch of AdamW with a cosine, written out."""
    options, family, transform = ready.fit_options, ready.family, ready.transform
    torch.manual_seed(ready.recipe.seed)
    loader = batches(ready.splits.fit, options.batch_size, shuffle=True)
    optimizer = torch.optim.AdamW(family.parameters(), options.learning_rate, weight_decay=options.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, len(loader))
    family.train()
    for raw, _ in loader:
        optimizer.zero_grad()
        family.loss(transform.training_view(raw)).backward()
        if options.gradient_clip is not None:
            nn.utils.clip_grad_norm_(family.parameters(), options.gradient_clip)
        optimizer.step()
        schedule.step()
    return family


@pytest.mark.parametrize("more", ["weight_decay = 0.1", "gradient_clip = 0.5"])
def test_an_epoch_of_a_likelihood_is_that_of_a_plain_loop_of_torch(changed, tmp_path, more):
    lines = f"epochs = 1\nbatch_size = 64\nema = 0\nlearning_rate = 0.01\n{more}"
    ready = changed("made", lines)
    fit(ready, Run.of(ready, tmp_path), CPU, resume=False)
    expected = plainly_fitted(changed("made", lines))
    for ours, plain in zip(ready.family.parameters(), expected.parameters(), strict=True):
        assert torch.equal(ours, plain)


def columns(folder: Path) -> set[str]:
    (metrics,) = folder.rglob("metrics.csv")
    return set(metrics.read_text().splitlines()[0].split(",")) - {"epoch", "step"}


@pytest.mark.parametrize(
    ("name", "logged"),
    [
        ("made", {"train_loss", "validation_loss"}),
        ("dcgan", {"discriminator_loss", "generator_loss", "discriminator_right"}),
    ],
)
def test_what_is_logged_has_the_names_of_the_players(experiment, tmp_path, name, logged):
    ready = experiment(name)
    fit(ready, Run.of(ready, tmp_path), CPU, resume=False)
    assert columns(tmp_path) == logged


def progress(run: Run) -> tuple[set[int], int]:
    """Steps of the optimiser of every weight, and of the schedule, in the last checkpoint."""
    state = torch.load(run.last_checkpoint, weights_only=False)
    (optimizer,), (schedule,) = state["optimizer_states"], state["lr_schedulers"]
    return {int(item["step"]) for item in optimizer["state"].values()}, schedule["last_epoch"]


def test_optimiser_and_schedule_go_on_where_a_killed_run_stopped(changed, tmp_path, monkeypatch):
    first, second = (changed("made", "epochs = 2\nbatch_size = 64\nema = 0.5") for _ in range(2))
    run, count, step = Run.of(first, tmp_path), len(batches(first.splits.fit, 64, shuffle=True)), Game.training_step

    def killed_in_the_second_epoch(self, *args):
        if self.current_epoch == 1:
            raise SystemExit("killed")
        return step(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Game, "training_step", killed_in_the_second_epoch)
        with pytest.raises(SystemExit):
            fit(first, run, CPU, resume=True)
    assert progress(run) == ({count}, count)
    fit(second, run, CPU, resume=True)
    assert progress(run) == ({2 * count}, 2 * count)


class _Walk(nn.Module):
    """Moves away from zero by its learning rate at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(()))


class _TwoWalks(Family, GradientTrained):
    """Two players, the second of which plays on every third batch."""

    title = paper = "test"
    kind = "implicit"
    space = "binary"

    def __init__(self, facts, options) -> None:
        super().__init__(facts, options)
        self.often, self.seldom = _Walk(), _Walk()

    @property
    def players(self) -> tuple[Player, ...]:
        return (
            Player("often", (self.often,), lambda x: Turn(-self.often.place), schedule="constant"),
            Player("seldom", (self.seldom,), lambda x: Turn(-self.seldom.place), schedule="constant", every=3),
        )


def test_a_player_moves_only_what_is_its_own_and_only_in_its_turns(changed, tmp_path):
    ready = changed("made", "epochs = 1\nbatch_size = 128\nema = 0\nlearning_rate = 0.01")
    ready = replace(ready, family=_TwoWalks(ready.family.facts, _TwoWalks.Options()))
    fit(ready, Run.of(ready, tmp_path), CPU, resume=False)
    count = len(batches(ready.splits.fit, 128, shuffle=True))
    assert count > 3
    family = ready.family.requires_grad_(False)
    assert float(family.often.place) == pytest.approx(0.01 * count, rel=1e-4)
    assert float(family.seldom.place) == pytest.approx(0.01 * -(-count // 3), rel=1e-4)


@pytest.mark.parametrize(
    ("bases", "message"),
    [
        ((LikelihoodTrained, ClosedForm), "expected one way to be fitted, got GradientTrained and ClosedForm"),
        ((ClosedForm, LabelledClosedForm), "expected one way to be fitted, got ClosedForm and LabelledClosedForm"),
        ((FactorisedDensity, VariationalBound), "expected one kind of density"),
        ((DirectSampler, FixedPointSampler), "expected one sampler, .*; override the property `sampler` to say which"),
    ],
)
def test_a_family_that_fits_two_descriptions_is_refused(bases, message):
    with pytest.raises(TypeError, match=f"Made up: {message}"):
        made_up(*bases)


def test_a_family_with_two_samplers_may_say_which():
    says = {"sampler": property(lambda self: "direct")}
    assert made_up(DirectSampler, FixedPointSampler, **says).sampler == "direct"


def made_up(*bases: type, **members: object) -> Family:
    """A family that has these capabilities by its word alone."""
    kind = type("Made up", (Family, *bases), members)
    kind.__abstractmethods__ = frozenset()
    return kind(Facts((1,), "real"), Options())
