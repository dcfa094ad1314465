"""Maximum likelihood, or maximum lower bound: one loss, one optimiser."""

import lightning
import torch
from torch import Tensor

from training.batches import Batch
from training.recipe import FitOptions
from training.transforms import Transform
from training.zoo.base import Family, takes_label

_VALIDATION_SEED = 1234  # the same binarisation and draws at every epoch, so that losses can be compared


class MaximumLikelihood(lightning.LightningModule):
    """Minimises ``family.loss`` on training views of raw batches; logs nats per item."""

    def __init__(self, family: Family, transform: Transform, options: FitOptions, steps: int) -> None:
        super().__init__()
        self.family = family
        self.transform = transform
        self.fit_options = options
        self.steps = steps

    def _loss(self, batch: Batch) -> Tensor:
        raw, labels = batch
        x = self.transform.training_view(raw)
        return self.family.loss(x, **_told(self.family, labels)) - self.transform.log_det_of(x, raw).float().mean()

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The loss of one batch, in nats per item."""
        loss = self._loss(batch)
        self.log("train_loss", loss.detach(), on_step=False, on_epoch=True, prog_bar=True, batch_size=len(batch[0]))
        return loss

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Logs the validation loss, with the same draws at every epoch."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(_VALIDATION_SEED + batch_index)
            loss = self._loss(batch)
        self.log("validation_loss", loss, prog_bar=True, batch_size=len(batch[0]))

    def configure_optimizers(self) -> object:
        """AdamW, its rate falling to zero along a cosine unless the recipe says constant."""
        options = self.fit_options
        optimizer = torch.optim.AdamW(
            self.family.parameters(), options.learning_rate, betas=options.betas, weight_decay=options.weight_decay
        )
        if options.schedule == "constant":
            return optimizer
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _told(family: Family, labels: Tensor) -> dict[str, Tensor]:
    """The labels for a family that takes them; those of unlabelled items are not known."""
    if not takes_label(family):
        return {}
    return {"label": torch.where(labels < 0, family.classes, labels)}
