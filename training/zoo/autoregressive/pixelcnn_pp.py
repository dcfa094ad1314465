"""PixelCNN++: shifted convolutions at several scales give every pixel a mixture of discretised logistics.

Instead of one number per grey level, a conditional is a mixture of a few logistic distributions cut into levels, so
that neighbouring levels know of each other; for black and white pictures it is a Bernoulli. The colours of a pixel are
not told apart by the network but by the mixture: they share the component, and means move linearly with the colours
before. The network looks at pixels before by shifting the picture, where PixelCNN masks weights; it halves the picture
between scales to see far, and doubles it again with shortcuts from the states of the same size. Weights are not
normalised and not set from a first batch, as the original's are: a loss would then depend on what was seen first.

T. Salimans, A. Karpathy, X. Chen, D. Kingma, "PixelCNN++: Improving the PixelCNN with Discretized Logistic Mixture
Likelihood and Other Modifications", ICLR 2017, arXiv 1701.05517; section 2, figure 2.
"""

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from training.zoo.autoregressive.conditionals.discrete import DiscreteOptions
from training.zoo.autoregressive.conditionals.logistic import Conditionals, Head
from training.zoo.autoregressive.conditionals.order import raster
from training.zoo.autoregressive.networks.shifted import ShiftedNetwork
from training.zoo.autoregressive.pixelcnn import centred
from training.zoo.base import Autoregressive, Family, FixedPointSampler, LikelihoodTrained, Noise, Options


class PixelCnnPpOptions(DiscreteOptions):
    """Options of ``pixelcnn_pp``."""

    channels: int = Field(default=64, ge=1, description="channels of either stream")
    blocks: int = Field(default=2, ge=1, description="residual blocks of every scale, one way")
    scales: int = Field(default=3, ge=1, description="sizes of the picture; each is half the one before")
    components: int = Field(default=10, ge=2, description="logistics in each conditional of more than two levels")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="share of the units left out inside a block")


class PixelCnnPp(Family, Autoregressive, LikelihoodTrained, FixedPointSampler):
    """Shifted convolutions over pictures of levels; exact log p(x), exact samples by fixed point."""

    title = "PixelCNN++"
    paper = "Salimans et al. 2017, arXiv 1701.05517"
    kind = "exact"
    space = ("binary", "levels")
    temperature = (
        "divides logits, of weights too, and multiplies scales: below 1 cleaner and less varied, above 1 wilder"
    )
    Options: ClassVar[type[Options]] = PixelCnnPpOptions

    def __init__(self, event_shape: tuple[int, ...], options: PixelCnnPpOptions) -> None:
        super().__init__(event_shape, options)
        _check(event_shape, options.scales)
        colours = event_shape[0]
        self.order = raster(event_shape)
        self.head = Head(colours, options.levels, options.components)
        self.network = ShiftedNetwork(
            colours, self.head.outputs, options.channels, options.blocks, options.scales, options.dropout
        )

    @property
    def noise(self) -> tuple[Noise, ...]:
        """Uniform numbers for the level of every dimension and, beyond two levels, for the component before."""
        return self.head.noise(self.dims)

    def conditionals(self, x: Tensor) -> Conditionals:
        """All conditionals given x (batch, *event_shape)."""
        return self.head(self.network(centred(x, self.options.levels)), x)

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d), shape (batch, *event_shape)."""
        return self.conditionals(x).log_prob(x)

    def loss(self, x: Tensor) -> Tensor:
        """Mean exact negative log-likelihood in nats."""
        return -self.log_prob(x).mean()

    def propose(self, x: Tensor, *noise: Tensor, temperature: Tensor) -> Tensor:
        """All dimensions redrawn given those before them, shape (batch, *event_shape)."""
        return self.conditionals(x).draw(x, *noise, temperature=temperature)


def _check(event_shape: tuple[int, ...], scales: int) -> None:
    if len(event_shape) != 3:
        raise ValueError(f"expected pictures (channels, height, width), got items of shape {event_shape}")
    step = 2 ** (scales - 1)
    _, height, width = event_shape
    if height % step or width % step:
        raise ValueError(
            f"{scales} scales need a height and width that {step} divides, got {height}x{width}; use fewer scales"
        )
