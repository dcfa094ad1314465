"""A background model for pictures in two colours: a small causal convolution, fitted in all orientations.

p₀(x) = Π_i p₀(x_i | the pixels before i, at most four rows above and four columns to either side). It learns what a
stroke looks like, and since every picture is also shown turned and mirrored, nothing of what the strokes mean. J. Ren
et al. (NeurIPS 2019, arXiv 1906.02845) train the background on pictures with pixels changed at random instead.
"""

import torch
from torch import Tensor, nn

from training.statistics.background.base import Background
from training.statistics.contexts import orientations

_REACH = 4
_SEEN, _MIXED = 24, 16  # units
_STEPS, _EPOCHS, _BATCH = 1200, 4, 64  # the smaller of both, so that few pictures do not take long
_LEARNING_RATE = 1e-2
_SEED = 0


class ConvolutionalBackground(Background):
    """log p₀(x) of pictures of 0 and 1."""

    def __init__(self, event_shape: tuple[int, ...]) -> None:
        super().__init__()
        channels, height, width = event_shape
        self.up, self.aside = min(_REACH, height - 1), min(_REACH, width - 1)
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(_SEED)
            self.seen = nn.Conv2d(channels, _SEEN, (self.up + 1, 2 * self.aside + 1))
            self.mixed = nn.Conv2d(_SEEN, _MIXED, 1)
            self.logit = nn.Conv2d(_MIXED, channels, 1)
        before = torch.ones(self.up + 1, 2 * self.aside + 1)
        before[-1, self.aside :] = 0
        self.register_buffer("before", before)

    def fit(self, x: Tensor) -> None:
        """Maximum likelihood on x, (n, channels, height, width), each batch in the next orientation."""
        steps = min(_STEPS, max(1, _EPOCHS * len(x) // _BATCH))
        generator = torch.Generator().manual_seed(_SEED)
        with torch.enable_grad():
            optimiser = torch.optim.AdamW(self.parameters(), _LEARNING_RATE)
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
            for step in range(steps):
                views = orientations(x[torch.randint(len(x), (_BATCH,), generator=generator)])
                optimiser.zero_grad()
                (-self(views[step % len(views)]).mean()).backward()
                optimiser.step()
                schedule.step()
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Log p₀(x), nats, shape (n,)."""
        padded = nn.functional.pad(x, (self.aside, self.aside, self.up, 0))
        seen = nn.functional.conv2d(padded, self.seen.weight * self.before, self.seen.bias)
        logits = self.logit(torch.relu(self.mixed(torch.relu(seen))))
        return -nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
