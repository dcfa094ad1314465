"""Fitting: a run folder per recipe, checkpoints every epoch, resumed where it stopped.

runs/<name>/<digest of the recipe>/
    recipe.toml   checkpoints/   logs/ (CSV and TensorBoard)   fitted.pt   report.json
"""

import hashlib
import json
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    EMAWeightAveraging,
    ModelCheckpoint,
    RichProgressBar,
)
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from training.batches import batches
from training.errors import FitError
from training.objectives.adversarial import Adversarial
from training.objectives.likelihood import MaximumLikelihood
from training.prepare import Experiment
from training.zoo.base import AdversarialTrained, ClosedForm, LikelihoodTrained


@dataclass(frozen=True)
class Hardware:
    """Where the loops run, in Lightning's words."""

    accelerator: str = "auto"
    devices: str = "auto"


@dataclass(frozen=True)
class FitReport:
    """What a finished fit says about itself."""

    seconds: float
    epochs: int
    chosen: dict[str, float | str]


@dataclass(frozen=True)
class Run:
    """The folder of one recipe's run."""

    folder: Path

    @classmethod
    def of(cls, experiment: Experiment, runs: Path) -> "Run":
        """A changed recipe gets another folder, so nothing that was trained is ever overwritten."""
        digest = hashlib.sha256(experiment.recipe.text.encode()).hexdigest()[:10]
        return cls(runs / experiment.name / digest)

    @property
    def last_checkpoint(self) -> Path:
        """Where an unfinished run continues."""
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def fitted(self) -> Path:
        """The weights of the finished run."""
        return self.folder / "fitted.pt"

    @property
    def metrics(self) -> Path:
        """Losses per epoch."""
        return self.folder / "logs" / "metrics.csv"

    def report(self) -> FitReport:
        """The report of the finished run; FitError if there is none."""
        if not self.fitted.is_file():
            raise FitError(f"{self.folder}: not fitted yet; `python -m training fit` does that")
        return FitReport(**json.loads((self.folder / "report.json").read_text()))


def fit(experiment: Experiment, run: Run, hardware: Hardware, *, resume: bool) -> FitReport:
    """Fits the family in place and leaves its weights in the run folder.

    With ``resume`` an unfinished run continues from its last checkpoint; a finished one is loaded.
    """
    if resume and run.fitted.is_file():
        load_fitted(experiment, run)
        return run.report()
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / "recipe.toml").write_text(experiment.recipe.text, encoding="utf-8")
    started = time.monotonic()
    if isinstance(experiment.family, ClosedForm):
        epochs, chosen = 0, _fit_closed_form(experiment)
    else:
        epochs, chosen = _fit_by_gradient(experiment, run, hardware, resume=resume), {}
    report = FitReport(time.monotonic() - started, epochs, chosen)
    _save(experiment, run, report)
    return report


def load_fitted(experiment: Experiment, run: Run) -> None:
    """Puts the weights of a finished run into the experiment's family and transform."""
    run.report()
    state = torch.load(run.fitted, map_location="cpu", weights_only=True)
    experiment.family.load_state_dict(state["family"])
    experiment.transform.load_state_dict(state["transform"])
    experiment.family.eval()


def _save(experiment: Experiment, run: Run, report: FitReport) -> None:
    experiment.family.cpu().eval()
    experiment.transform.cpu()
    state = {"family": experiment.family.state_dict(), "transform": experiment.transform.state_dict()}
    partial = run.fitted.with_suffix(".partial")
    torch.save(state, partial)
    (run.folder / "report.json").write_text(json.dumps(asdict(report), indent=1))
    partial.replace(run.fitted)


def _fit_closed_form(experiment: Experiment) -> dict[str, float | str]:
    torch.manual_seed(experiment.recipe.seed)
    views = [
        experiment.transform.training_view(torch.from_numpy(part.x))
        for part in (experiment.splits.fit, experiment.splits.validation)
    ]
    try:
        return experiment.family.fit(*views, experiment.recipe.seed)
    except ValueError as error:
        raise FitError(str(error)) from error


def _fit_by_gradient(experiment: Experiment, run: Run, hardware: Hardware, *, resume: bool) -> int:
    options, splits = experiment.fit_options, experiment.splits
    lightning.seed_everything(experiment.recipe.seed, verbose=False)
    train = batches(splits.fit.x, options.batch_size, shuffle=True)
    validation = batches(splits.validation.x, 512)
    objective_type = _objective(experiment)
    objective = objective_type(experiment.family, experiment.transform, options, options.epochs * len(train))
    monitor = "validation_loss" if objective_type is MaximumLikelihood else None
    trainer = _trainer(experiment, run, hardware, monitor)
    checkpoint = run.last_checkpoint if resume and run.last_checkpoint.is_file() else None
    with warnings.catch_warnings():
        # The loop's own advice: workers for data that is in memory, deprecations inside the library.
        warnings.filterwarnings("ignore", module=r"lightning\.")
        warnings.filterwarnings("ignore", category=FutureWarning, message=".*LeafSpec.*")
        trainer.fit(
            objective,
            train,
            validation if monitor else None,
            ckpt_path=checkpoint,
            weights_only=False if checkpoint else None,  # our own file, with optimiser and loop state
        )
    best = trainer.checkpoint_callback.best_model_path if monitor else None
    if best:
        objective.load_state_dict(torch.load(best, map_location="cpu", weights_only=False)["state_dict"])
    return trainer.current_epoch


def _objective(experiment: Experiment) -> type[MaximumLikelihood] | type[Adversarial]:
    match experiment.family:
        case LikelihoodTrained():
            return MaximumLikelihood
        case AdversarialTrained():
            return Adversarial
    raise FitError(f"family {experiment.recipe.family_name!r} does not say how it is fitted")


def _trainer(experiment: Experiment, run: Run, hardware: Hardware, monitor: str | None) -> lightning.Trainer:
    options = experiment.fit_options
    interactive = sys.stdout.isatty()
    callbacks: list[Callback] = [
        ModelCheckpoint(
            run.folder / "checkpoints", monitor=monitor, save_last=True, filename="best" if monitor else "{epoch}",
            enable_version_counter=False, save_on_exception=True,
        ),
        RichProgressBar() if interactive else EpochLines(),
    ]  # fmt: skip
    if options.ema is not None:
        callbacks.append(EMAWeightAveraging(decay=options.ema))
    if options.patience is not None and monitor:
        callbacks.append(EarlyStopping(monitor, patience=options.patience))
    logs = [
        CSVLogger(run.folder, name="logs", version=""),
        TensorBoardLogger(run.folder, name="logs", version="tensorboard"),
    ]
    return lightning.Trainer(
        max_epochs=options.epochs,
        accelerator=hardware.accelerator,
        devices=hardware.devices if hardware.devices == "auto" or "," in hardware.devices else int(hardware.devices),
        precision=options.precision,
        gradient_clip_val=options.gradient_clip if monitor else None,
        callbacks=callbacks,
        logger=logs,
        enable_progress_bar=interactive,
        enable_model_summary=False,
        log_every_n_steps=1 if experiment.smoke else 50,
    )


class EpochLines(Callback):
    """One line per epoch, where the output is a file rather than a terminal."""

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Starts the clock."""
        self._started, self._first = time.monotonic(), trainer.current_epoch

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Prints the losses and the time that is left at this pace."""
        done = trainer.current_epoch + 1
        pace = (time.monotonic() - self._started) / (done - self._first)
        values = "  ".join(f"{name} {float(value):.4f}" for name, value in sorted(trainer.callback_metrics.items()))
        left_min = pace * (trainer.max_epochs - done) / 60
        print(f"epoch {done}/{trainer.max_epochs}  {values}  {pace:.1f} s/epoch, {left_min:.0f} min left", flush=True)  # noqa: T201
