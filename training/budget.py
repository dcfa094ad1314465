"""What the fit of a prepared experiment takes, said before its first step."""

from collections.abc import Callable

from training.batches import first_items
from training.cost import batch_bytes, fit_bytes, gigabytes
from training.errors import TooCostly
from training.game import Game
from training.memory import available
from training.prepare import Prepared
from training.zoo.base import GradientTrained


def foretell(prepared: Prepared, say: Callable[[str], None], *, on_processor: bool) -> None:
    """Says what the fit takes; TooCostly for batches that the memory of the machine, if it is used, cannot hold."""
    splits, size = prepared.splits, _batch_size(prepared)
    needed, left = _weights_bytes(prepared) + _step_bytes(prepared, size), available()
    beside = "" if left is None else f", {gigabytes(left)} are available"
    say(
        f"{prepared.recipe.family_name}: fits on {len(splits.fit)} items, takes about {gigabytes(needed)} of memory"
        f"{beside}; the time it takes follows from its first steps"
    )
    if left is not None and needed > left and size and on_processor:
        raise TooCostly(
            f"family {prepared.recipe.family_name!r} in batches of {size}: expected at most {gigabytes(left)} of "
            f"memory, which is what is available, got a fit that takes about {gigabytes(needed)}; "
            f"{_cure(prepared, size, left)}"
        )


def _batch_size(prepared: Prepared) -> int:
    """Items of a step; 0 where there are no steps."""
    if not isinstance(prepared.family, GradientTrained):
        return 0
    return min(prepared.fit_options.batch_size, len(prepared.splits.fit))


def _weights_bytes(prepared: Prepared) -> int:
    family, splits = prepared.family, prepared.splits
    return fit_bytes(type(family), family.facts, family.options, len(splits.fit) + len(splits.validation))


def _step_bytes(prepared: Prepared, size: int) -> int:
    """Of one step on a batch of that size, as the first two items say; 0 of none."""
    if size == 0:
        return 0
    game = Game(prepared.family, prepared.transform, prepared.fit_options, 1)
    return batch_bytes(prepared.family, lambda items: game.losses(first_items(prepared.splits.fit, items)), size)


def _cure(prepared: Prepared, size: int, left: int) -> str:
    """The largest half of a half of the batch that fits."""
    fits, weights = size, _weights_bytes(prepared)
    while fits > 1 and weights + _step_bytes(prepared, fits) > left:
        fits //= 2
    if weights + _step_bytes(prepared, fits) > left:
        return "not even batches of one item fit: make the items or the family's layers smaller"
    return f"reduce it with --set fit.batch_size={fits}"
