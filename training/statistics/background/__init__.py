"""Background models of the likelihood ratio, one a file; which one items have is decided here."""

from training.statistics.background.base import Background
from training.statistics.background.convolutional import ConvolutionalBackground
from training.statistics.background.linear import LinearBackground
from training.statistics.background.table import ContextTable
from training.statistics.contexts import contexts_of
from training.transforms import Transform


def background_of(transform: Transform) -> Background | None:
    """The background model for items of this transform; None where it would be no simpler than the model."""
    match transform.raw, transform.levels:
        case "image", 2:
            return ConvolutionalBackground(transform.event_shape)
        case "image", 0:
            return LinearBackground(transform.log_det)
    contexts = contexts_of(transform)
    return None if contexts is None else ContextTable(contexts)


__all__ = ["Background", "ContextTable", "ConvolutionalBackground", "LinearBackground", "background_of"]
