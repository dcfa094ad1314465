"""Maximum likelihood, or maximum lower bound: one loss, one optimiser."""

import lightning
import torch
from torch import Tensor

from training.recipe import FitOptions
from training.transforms import Transform
from training.zoo.base import Family

_VALIDATION_SEED = 1234  # the same binarisation and draws at every epoch, so that losses can be compared


class MaximumLikelihood(lightning.LightningModule):
    """Minimises ``family.loss`` on training views of raw batches; logs nats per item."""

    def __init__(self, family: Family, transform: Transform, options: FitOptions, steps: int) -> None:
        super().__init__()
        self.family = family
        self.transform = transform
        self.fit_options = options
        self.steps = steps

    def _loss(self, raw: Tensor) -> Tensor:
        return self.family.loss(self.transform.training_view(raw)) - self.transform.log_det.sum()

    def training_step(self, raw: Tensor, batch_index: int) -> Tensor:
        """The loss of one batch, in nats per item."""
        loss = self._loss(raw)
        self.log("train_loss", loss.detach(), on_step=False, on_epoch=True, prog_bar=True, batch_size=len(raw))
        return loss

    def validation_step(self, raw: Tensor, batch_index: int) -> None:
        """Logs the validation loss, with the same draws at every epoch."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(_VALIDATION_SEED + batch_index)
            loss = self._loss(raw)
        self.log("validation_loss", loss, prog_bar=True, batch_size=len(raw))

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
