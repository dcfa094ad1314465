"""What autoregressive families over binary dimensions share: all conditionals are Bernoulli, given by their logits."""

from abc import abstractmethod

from torch import Tensor

from training.zoo.base import Autoregressive, Family, LikelihoodTrained, bernoulli_log_prob


class BinaryConditionals(Family, Autoregressive, LikelihoodTrained):
    """Exact log p(x) = Σ_d log p(x_d | x_<d) from the logits of all conditionals; a family adds its sampler."""

    kind = "exact"
    space = "binary"
    temperature = "divides every conditional's logit: below 1 cleaner and less varied, above 1 wilder"

    @abstractmethod
    def logits(self, x: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims), for x of the same shape."""

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d), shape (batch, *event_shape)."""
        flat = x.flatten(1)
        return bernoulli_log_prob(self.logits(flat), flat).reshape(-1, *self.event_shape)

    def loss(self, x: Tensor) -> Tensor:
        """Mean exact negative log-likelihood in nats."""
        return -self.log_prob(x).mean()
