"""Fitting by gradient: one loop, in which the players of a family play in turn on every batch.

Each player has an optimiser (AdamW) for what it moves, and its rate follows the recipe's schedule or its own. A family
with a likelihood is a game of one player; only there is a loss comparable between epochs, so only there is it measured
on the validation split.
"""

from typing import Any

import lightning
import torch
from torch import Tensor

from training.batches import Batch
from training.recipe import FitOptions
from training.transforms import Transform
from training.zoo.base import Family, LikelihoodTrained, Player, takes_label

_VALIDATION_SEED = 1234  # the same binarisation and draws at every epoch, so that losses can be compared


class Game(lightning.LightningModule):
    """Every player in turn makes its loss small on training views of raw batches; ``steps`` batches in all.

    Logs the loss of each player by its name; a likelihood in nats per raw item.
    """

    def __init__(self, family: Family, transform: Transform, options: FitOptions, steps: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.family = family
        self.transform = transform
        self.fit_options = options
        self.steps = steps

    def training_step(self, batch: Batch, batch_index: int) -> None:
        """One batch: a step of every player whose turn it is."""
        shift, dealt = self._deal(batch)
        logged = {}
        sides = zip(self.family.players, self._optimizers(), self._schedulers(), strict=True)
        for player, optimizer, scheduler in sides:
            if batch_index % player.every:
                continue
            turn = player.loss(**dealt)
            self._step(optimizer, scheduler, turn.loss)
            logged |= {f"{player.name}_loss": turn.loss.detach() - shift, **turn.beside}
        values = {name: value.detach() for name, value in logged.items()}
        self.log_dict(values, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(batch[0]))

    def losses(self, batch: Batch) -> Tensor:
        """The sum of all players' losses on a batch, a scalar; nothing is learnt."""
        _, dealt = self._deal(batch)
        return torch.stack([player.loss(**dealt).loss for player in self.family.players]).sum()

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Logs the validation loss of a likelihood, with the same draws at every epoch."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(_VALIDATION_SEED + batch_index)
            shift, dealt = self._deal(batch)
            loss = self.family.loss(**dealt) - shift
        self.log("validation_loss", loss, prog_bar=True, batch_size=len(batch[0]))

    def _deal(self, batch: Batch) -> tuple[Tensor | float, dict[str, Tensor]]:
        """What a likelihood of x gains to be one of raw items, in nats per item, and what the players get."""
        raw, labels = batch
        x = self.transform.training_view(raw)
        shift = self.transform.log_det_of(x, raw).float().mean() if isinstance(self.family, LikelihoodTrained) else 0.0
        return shift, self.family.deal(x, **_told(self.family, labels))

    def _step(self, optimizer: Any, scheduler: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Clips gradients; here, because by now a scaler of 16-bit precision has put them back to scale."""
        if self.fit_options.gradient_clip is not None:
            self.clip_gradients(optimizer, self.fit_options.gradient_clip, "norm")

    def configure_optimizers(self) -> tuple[list[torch.optim.Optimizer], list[Any]]:
        """An optimiser for every player, and a schedule for those whose rate falls to zero along a cosine."""
        optimizers = [self._optimizer(player) for player in self.family.players]
        pairs = zip(self.family.players, optimizers, strict=True)
        cosines = [self._cosine(player, optimizer) for player, optimizer in pairs if self._falls(player)]
        return optimizers, cosines

    def _optimizer(self, player: Player) -> torch.optim.Optimizer:
        options = self.fit_options
        moved = [parameter for module in player.moves for parameter in module.parameters()]
        return torch.optim.AdamW(moved, options.learning_rate, betas=options.betas, weight_decay=options.weight_decay)

    def _cosine(self, player: Player, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, -(-self.steps // player.every))

    def _falls(self, player: Player) -> bool:
        return (player.schedule or self.fit_options.schedule) == "cosine"

    def _optimizers(self) -> list[Any]:
        found = self.optimizers()
        return found if isinstance(found, list) else [found]

    def _schedulers(self) -> list[Any]:
        """The schedule of every player, None where its rate is constant."""
        found = self.lr_schedulers()
        left = iter(found if isinstance(found, list) else [found])
        return [next(left) if self._falls(player) else None for player in self.family.players]


def _told(family: Family, labels: Tensor) -> dict[str, Tensor]:
    """The labels for a family that takes them; those of unlabelled items are not known."""
    if not takes_label(family):
        return {}
    return {"label": torch.where(labels < 0, family.classes, labels)}
