"""Prepared → Fitted: in closed form, or by gradient with a checkpoint every epoch, resumed where it stopped."""

import math
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor
from torch.utils.data import DataLoader

from training.batches import Batch, batches
from training.budget import foretell
from training.callbacks import Deadline, EpochLines, Stopwatch, WarmedAverage
from training.data import Items
from training.errors import FitError, FitInterrupted
from training.game import Game
from training.prepare import Prepared
from training.progress import Progress, beating
from training.run import FitReport, Run
from training.zoo.base import ClosedForm, GradientTrained, LabelledClosedForm, LikelihoodTrained


@dataclass(frozen=True)
class Hardware:
    """Where the loops run, in Lightning's words, and whether they keep their progress to themselves."""

    accelerator: str = "auto"
    devices: str = "auto"
    quiet: bool = False


@dataclass(frozen=True)
class Fitted:
    """A family with the weights of its run, and what its fit says about itself."""

    prepared: Prepared
    run: Run
    report: FitReport


def fit(prepared: Prepared, run: Run, hardware: Hardware, *, resume: bool) -> Fitted:
    """Fits the family in place and leaves its weights in the run folder.

    With ``resume`` an unfinished run continues from its last checkpoint; a finished one is loaded. Without, an earlier
    run is set aside. FitInterrupted after Ctrl-C, with a checkpoint left behind.
    """
    if resume and run.fitted.is_file():
        return load_fitted(prepared, run)
    if not resume:
        run.set_aside()
    with run.writing():
        report = _fit(prepared, run, hardware, resume=resume)
    return Fitted(prepared, run, report)


def _fit(prepared: Prepared, run: Run, hardware: Hardware, *, resume: bool) -> FitReport:
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / "recipe.toml").write_text(prepared.recipe.text, encoding="utf-8")
    say = _mute if hardware.quiet else _print
    foretell(prepared, say, on_processor=_on_processor(hardware))
    match prepared.family:  # a class is at most one of these: `Family` sees to that
        case GradientTrained():
            report = _fit_by_gradient(prepared, run, hardware, resume=resume)
        case ClosedForm() | LabelledClosedForm():
            report = _fit_closed_form(prepared, say)
        case _:
            raise FitError(f"family {prepared.recipe.family_name!r} does not say how it is fitted")
    prepared.family.cpu().eval()
    prepared.transform.cpu()
    run.save_report(report)
    run.save(run.fitted, {"family": prepared.family.state_dict(), "transform": prepared.transform.state_dict()})
    return report


def load_fitted(prepared: Prepared, run: Run) -> Fitted:
    """The finished run, its weights put into the family and the transform; FitError if there is none that fits them."""
    report, state = run.report(), run.load(run.fitted)
    try:
        prepared.family.load_state_dict(state["family"])
        prepared.transform.load_state_dict(state["transform"])
    except (KeyError, RuntimeError) as error:  # of torch, which knows no other for what is missing or of another shape
        raise FitError(
            f"{run.fitted}: expected weights of this version of {prepared.recipe.family_name!r}, got those of another; "
            "--fresh starts over"
        ) from error
    prepared.family.eval()
    return Fitted(prepared, run, report)


def _on_processor(hardware: Hardware) -> bool:
    """Whether the loops run in the memory of the machine rather than in that of a device."""
    return hardware.accelerator == "cpu" or (hardware.accelerator == "auto" and not torch.accelerator.is_available())


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def _mute(_line: str) -> None:
    pass


def _fit_closed_form(prepared: Prepared, say: Callable[[str], None]) -> FitReport:
    started = time.monotonic()
    torch.manual_seed(prepared.recipe.seed)
    views = [prepared.transform.training_view(torch.from_numpy(part.x)) for part in _fitted_on(prepared)]
    try:
        name = prepared.recipe.family_name
        with beating(Progress(lambda line: say(f"{name}: {line}"), limit_s=_limit_s(prepared))) as progress:
            chosen = _computed(prepared, *views, progress)
        if progress.skipped:
            chosen |= {"not_tried": "; ".join(progress.skipped)}
    except ValueError as error:
        raise FitError(str(error)) from error
    return FitReport(time.monotonic() - started, 0, chosen)


def _limit_s(prepared: Prepared) -> float:
    minutes = prepared.recipe.choose.minutes
    return math.inf if minutes is None else 60 * minutes


def _fitted_on(prepared: Prepared) -> tuple[Items, Items]:
    """The fit and the validation split; of rows of a table those that miss no value."""
    return prepared.splits.fit.complete(), prepared.splits.validation.complete()


def _computed(prepared: Prepared, x: Tensor, x_validation: Tensor, progress: Progress) -> dict[str, float | str]:
    family, splits, seed = prepared.family, prepared.splits, prepared.recipe.seed
    if isinstance(family, ClosedForm):
        return family.fit(x, x_validation, seed, progress)
    if splits.fit.labels is None or splits.validation.labels is None:
        raise FitError(f"family {prepared.recipe.family_name!r} needs labels, and {prepared.dataset.source} has none")
    labels = [torch.from_numpy(part.labels) for part in _fitted_on(prepared)]
    return family.fit_labelled(x, labels[0], x_validation, labels[1], seed, progress)


def _fit_by_gradient(prepared: Prepared, run: Run, hardware: Hardware, *, resume: bool) -> FitReport:
    options, splits = prepared.fit_options, prepared.splits
    lightning.seed_everything(prepared.recipe.seed, verbose=False)
    train = batches(splits.fit, options.batch_size, shuffle=True)
    validation = batches(splits.validation, min(512, 8 * options.batch_size))
    game = Game(prepared.family, prepared.transform, options, options.epochs * len(train))
    monitor = "validation_loss" if isinstance(prepared.family, LikelihoodTrained) else None
    stopwatch = Stopwatch()
    trainer = _trainer(prepared, run, hardware, monitor, stopwatch)
    checkpoint = run.checkpoint() if resume else None
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
    prepared: Prepared, run: Run, hardware: Hardware, monitor: str | None, stopwatch: Stopwatch
) -> lightning.Trainer:
    options = prepared.fit_options
    interactive = sys.stdout.isatty() and not hardware.quiet
    callbacks: list[Callback] = [
        ModelCheckpoint(
            run.folder / "checkpoints", monitor=monitor, save_last=True, filename="best" if monitor else "{epoch}",
            enable_version_counter=False, save_on_exception=True,
        ),
        stopwatch,
    ]  # fmt: skip
    if (limit_s := _limit_s(prepared)) < math.inf:
        callbacks.append(Deadline(limit_s, stopwatch, _mute if hardware.quiet else _print))
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
        log_every_n_steps=1 if prepared.smoke else 50,
    )
