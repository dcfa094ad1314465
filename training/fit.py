"""Fitting: a run folder per recipe, checkpoints every epoch, resumed where it stopped.

runs/<name>/<digest of the recipe>/
    recipe.toml   checkpoints/   logs/leg-1/metrics.csv …   logs/tensorboard/   fitted.pt   report.json

A recipe with several families has such a folder for each of them inside that of its digest.
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
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor
from torch.utils.data import DataLoader

from training.batches import Batch, batches
from training.callbacks import EpochLines, Stopwatch, WarmedAverage
from training.data import Split
from training.errors import FitError, FitInterrupted
from training.game import Game
from training.prepare import Experiment
from training.zoo.base import ClosedForm, GradientTrained, LabelledClosedForm, LikelihoodTrained


@dataclass(frozen=True)
class Hardware:
    """Where the loops run, in Lightning's words, and whether they keep their progress to themselves."""

    accelerator: str = "auto"
    devices: str = "auto"
    quiet: bool = False


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
        recipe = experiment.recipe
        digest = hashlib.sha256(recipe.text.encode()).hexdigest()[:10]
        folder = runs / experiment.name / digest
        return cls(folder if recipe.candidates == 1 else folder / f"{recipe.candidate}-{recipe.family_name}")

    @property
    def last_checkpoint(self) -> Path:
        """Where an unfinished run continues."""
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def fitted(self) -> Path:
        """The weights of the finished run."""
        return self.folder / "fitted.pt"

    @property
    def metrics(self) -> list[Path]:
        """Losses per epoch, a file for every leg of the run, in order."""
        legs = sorted(self.folder.glob("logs/leg-*"), key=lambda leg: int(leg.name.rpartition("-")[2]))
        return [leg / "metrics.csv" for leg in legs]

    def set_aside(self) -> None:
        """Keeps what an earlier run left under another name, so that this one starts over and nothing is lost."""
        if self.folder.exists():
            kept = len(list(self.folder.parent.glob(f"{self.folder.name}.kept-*"))) + 1
            self.folder.rename(self.folder.with_name(f"{self.folder.name}.kept-{kept}"))

    def report(self) -> FitReport:
        """The report of the finished run; FitError if there is none."""
        if not self.fitted.is_file():
            raise FitError(f"{self.folder}: not fitted yet; `python -m training fit` does that")
        return FitReport(**json.loads((self.folder / "report.json").read_text()))


def fit(experiment: Experiment, run: Run, hardware: Hardware, *, resume: bool) -> FitReport:
    """Fits the family in place and leaves its weights in the run folder.

    With ``resume`` an unfinished run continues from its last checkpoint; a finished one is loaded. Without, an earlier
    run is set aside. FitInterrupted after Ctrl-C, with a checkpoint left behind.
    """
    if resume and run.fitted.is_file():
        load_fitted(experiment, run)
        return run.report()
    if not resume:
        run.set_aside()
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / "recipe.toml").write_text(experiment.recipe.text, encoding="utf-8")
    match experiment.family:  # a class is at most one of these: `Family` sees to that
        case GradientTrained():
            report = _fit_by_gradient(experiment, run, hardware, resume=resume)
        case ClosedForm() | LabelledClosedForm():
            report = _fit_closed_form(experiment)
        case _:
            raise FitError(f"family {experiment.recipe.family_name!r} does not say how it is fitted")
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


def _fit_closed_form(experiment: Experiment) -> FitReport:
    started = time.monotonic()
    torch.manual_seed(experiment.recipe.seed)
    views = [experiment.transform.training_view(torch.from_numpy(part.x)) for part in _fitted_on(experiment)]
    try:
        chosen = _computed(experiment, *views)
    except ValueError as error:
        raise FitError(str(error)) from error
    return FitReport(time.monotonic() - started, 0, chosen)


def _fitted_on(experiment: Experiment) -> tuple[Split, Split]:
    """The fit and the validation split; of rows of a table those that miss no value."""
    return experiment.splits.fit.complete(), experiment.splits.validation.complete()


def _computed(experiment: Experiment, x: Tensor, x_validation: Tensor) -> dict[str, float | str]:
    family, splits, seed = experiment.family, experiment.splits, experiment.recipe.seed
    if isinstance(family, ClosedForm):
        return family.fit(x, x_validation, seed)
    if splits.fit.labels is None or splits.validation.labels is None:
        raise FitError(
            f"family {experiment.recipe.family_name!r} needs labels, and {experiment.dataset.source} has none"
        )
    labels = [torch.from_numpy(part.labels) for part in _fitted_on(experiment)]
    return family.fit_labelled(x, labels[0], x_validation, labels[1], seed)


def _fit_by_gradient(experiment: Experiment, run: Run, hardware: Hardware, *, resume: bool) -> FitReport:
    options, splits = experiment.fit_options, experiment.splits
    lightning.seed_everything(experiment.recipe.seed, verbose=False)
    train = batches(splits.fit, options.batch_size, shuffle=True)
    validation = batches(splits.validation, min(512, 8 * options.batch_size))
    game = Game(experiment.family, experiment.transform, options, options.epochs * len(train))
    monitor = "validation_loss" if isinstance(experiment.family, LikelihoodTrained) else None
    stopwatch = Stopwatch()
    trainer = _trainer(experiment, run, hardware, monitor, stopwatch)
    checkpoint = run.last_checkpoint if resume and run.last_checkpoint.is_file() else None
    with warnings.catch_warnings():
        # The loop's own advice: workers for data that is in memory, deprecations inside the library.
        warnings.filterwarnings("ignore", module=r"lightning\.")
        warnings.filterwarnings("ignore", category=FutureWarning, message=".*LeafSpec.*")
        _run_loops(trainer, game, train, validation if monitor else None, checkpoint)
    best = trainer.checkpoint_callback.best_model_path if monitor else None
    if best:
        game.load_state_dict(torch.load(best, map_location="cpu", weights_only=False)["state_dict"])
    return FitReport(stopwatch.seconds, trainer.current_epoch, {})


def _run_loops(
    trainer: lightning.Trainer,
    game: Game,
    train: DataLoader[Batch],
    validation: DataLoader[Batch] | None,
    checkpoint: Path | None,
) -> None:
    try:
        # weights_only: our own file, which also holds the state of optimiser and loops
        trainer.fit(game, train, validation, ckpt_path=checkpoint, weights_only=False if checkpoint else None)
    except SystemExit as stop:
        if not isinstance(stop.__context__, KeyboardInterrupt):
            raise
        raise FitInterrupted(
            f"interrupted in epoch {trainer.current_epoch + 1} of {trainer.max_epochs}; the same command continues "
            "from the last checkpoint"
        ) from stop


def _trainer(
    experiment: Experiment, run: Run, hardware: Hardware, monitor: str | None, stopwatch: Stopwatch
) -> lightning.Trainer:
    options = experiment.fit_options
    interactive = sys.stdout.isatty() and not hardware.quiet
    callbacks: list[Callback] = [
        ModelCheckpoint(
            run.folder / "checkpoints", monitor=monitor, save_last=True, filename="best" if monitor else "{epoch}",
            enable_version_counter=False, save_on_exception=True,
        ),
        stopwatch,
    ]  # fmt: skip
    if not hardware.quiet:
        callbacks.append(RichProgressBar() if interactive else EpochLines())
    if options.ema:
        callbacks.append(WarmedAverage(options.ema))
    if options.patience is not None and monitor:
        callbacks.append(EarlyStopping(monitor, patience=options.patience))
    logs = [
        CSVLogger(run.folder, name="logs", version=f"leg-{len(run.metrics) + 1}"),
        TensorBoardLogger(run.folder, name="logs", version="tensorboard"),
    ]
    return lightning.Trainer(
        max_epochs=options.epochs,
        accelerator=hardware.accelerator,
        devices=hardware.devices if hardware.devices == "auto" or "," in hardware.devices else int(hardware.devices),
        precision=options.precision,
        callbacks=callbacks,
        logger=logs,
        enable_progress_bar=interactive,
        enable_model_summary=False,
        log_every_n_steps=1 if experiment.smoke else 50,
    )
