"""What the loops do besides learning: average weights, keep time, tell people how far they are."""

import time
from collections.abc import Callable
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, WeightAveraging
from torch import Tensor

from training.progress import duration

_MEASURED_S = 3.0  # after which a pace can be told


class WarmedAverage(WeightAveraging):
    """Exponential moving average of the weights whose decay grows with the step t: min(d, (1 + t) / (10 + t)).

    Without the warm-up a short run would be evaluated with weights close to its random beginning. A checkpoint keeps
    the average and the current weights, so a resumed run goes on with both.
    """

    def __init__(self, decay: float) -> None:
        def average(averaged: Tensor, current: Tensor, steps: Tensor) -> Tensor:
            kept = torch.clamp((1 + steps) / (10 + steps), max=decay)
            return kept * averaged + (1 - kept) * current

        super().__init__(avg_fn=average)


class Stopwatch(Callback):
    """Seconds of training over all legs of a run; kept in the checkpoint, so that a resumed run counts them all."""

    def __init__(self) -> None:
        self._earlier = 0.0
        self._started: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds until now."""
        return self._earlier + (0.0 if self._started is None else time.monotonic() - self._started)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Starts this leg."""
        self._started = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """What the checkpoint keeps."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over the seconds of earlier legs."""
        self._earlier = float(state_dict["seconds"])


class Deadline(Callback):
    """Ends the loops, after the batch at hand, when the stopwatch shows ``limit_s``; the best epoch so far counts."""

    def __init__(self, limit_s: float, stopwatch: Stopwatch, say: Callable[[str], None]) -> None:
        self._limit_s, self._stopwatch, self._say = limit_s, stopwatch, say

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stops, and says so once."""
        if trainer.should_stop or self._stopwatch.seconds < self._limit_s:
            return
        trainer.should_stop = True
        self._say(
            f"stopped in epoch {trainer.current_epoch + 1} of {trainer.max_epochs}, after the "
            f"{duration(self._limit_s)} that choose.minutes allows; another run may stop elsewhere"
        )


class EpochLines(Callback):
    """One line per epoch, where the output is a file rather than a terminal; one earlier, once steps are measured."""

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Starts the clock."""
        self._started, self._first = time.monotonic(), trainer.current_epoch
        self._is_measured = False

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Prints, some seconds after the start, what an epoch and all of them take at this pace."""
        elapsed_s = time.monotonic() - self._started
        if self._is_measured or elapsed_s < _MEASURED_S:
            return
        self._is_measured = True
        done = batch_idx + 1 + (trainer.current_epoch - self._first) * trainer.num_training_batches
        epoch_s = elapsed_s / done * trainer.num_training_batches
        left = duration(epoch_s * (trainer.max_epochs - self._first))
        print(f"{done} steps in {duration(elapsed_s)}: {duration(epoch_s)} an epoch, about {left} in all", flush=True)  # noqa: T201

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Prints the losses and the time that is left at this pace."""
        done = trainer.current_epoch + 1
        pace = (time.monotonic() - self._started) / (done - self._first)
        values = "  ".join(f"{name} {float(value):.4f}" for name, value in sorted(trainer.callback_metrics.items()))
        left_min = pace * (trainer.max_epochs - done) / 60
        print(f"epoch {done}/{trainer.max_epochs}  {values}  {pace:.1f} s/epoch, {left_min:.0f} min left", flush=True)  # noqa: T201
