"""The adversarial game with the non-saturating loss.

I. Goodfellow et al., "Generative Adversarial Nets", NIPS 2014, arXiv 1406.2661, §3; one discriminator step and one
generator step per batch, real labels smoothed to 0.9 (T. Salimans et al., 2016, arXiv 1606.03498, §3.4).
"""

import lightning
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from training.batches import Batch
from training.recipe import FitOptions
from training.transforms import Transform
from training.zoo.base import Family

_REAL = 0.9


class Adversarial(lightning.LightningModule):
    """Alternates discriminator and generator steps; logs both losses and how often the discriminator is right."""

    def __init__(self, family: Family, transform: Transform, options: FitOptions, steps: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.family = family
        self.transform = transform
        self.fit_options = options
        self.steps = steps

    def training_step(self, batch: Batch, batch_index: int) -> None:
        """One step of either player."""
        raw, _ = batch
        real = self.transform.training_view(raw)
        fake = self._generated(len(raw))
        generator_optimizer, discriminator_optimizer = self.optimizers()
        judge = self.family.discriminator

        on_real, on_fake = judge(real), judge(fake.detach())
        loss = _cross_entropy(on_real, _REAL) + _cross_entropy(on_fake, 0.0)
        self._step(discriminator_optimizer, loss)
        fooled = _cross_entropy(judge(fake), 1.0)
        self._step(generator_optimizer, fooled)

        right = 0.5 * ((on_real > 0).float().mean() + (on_fake <= 0).float().mean())
        values = {"discriminator_loss": loss, "generator_loss": fooled, "discriminator_right": right}
        self.log_dict(
            {name: value.detach() for name, value in values.items()},
            on_step=False,
            on_epoch=True,
            prog_bar=True,
            batch_size=len(raw),
        )

    def _generated(self, count: int) -> Tensor:
        noise = [self._draw(item.distribution, (count, *item.shape)) for item in self.family.noise]
        sample, _ = self.family.generate(*noise, temperature=torch.ones(count, device=self.device))
        return sample

    def _draw(self, distribution: str, size: tuple[int, ...]) -> Tensor:
        fill = torch.rand if distribution == "uniform" else torch.randn
        return fill(size, device=self.device)

    def _step(self, optimizer: object, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Adam for either player."""
        options = self.fit_options
        judge = list(self.family.discriminator.parameters())
        judged = {id(parameter) for parameter in judge}
        generator = [parameter for parameter in self.family.parameters() if id(parameter) not in judged]
        return [torch.optim.Adam(group, options.learning_rate, betas=options.betas) for group in (generator, judge)]


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))
