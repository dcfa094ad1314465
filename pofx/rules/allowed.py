"""What an option may be, in words for people: read from how its type is declared."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args, get_origin

_BOUNDS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))


def allowed(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """Like ``cpu or cuda`` or ``above 0 and below 1``; empty where the type says all there is to say."""
    choices = [str(value) for value in _choices(annotation)]
    if choices:
        return " or ".join(filter(None, (", ".join(choices[:-1]), choices[-1])))
    if annotation is bool:
        return "true or false"
    bounds = [
        f"{words} {_number(getattr(item, name))}" for item in metadata for name, words in _BOUNDS if hasattr(item, name)
    ]
    return " and ".join(bounds)


def _choices(annotation: Any) -> Iterator[object]:
    """The members of every ``Literal`` in a type."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
        return
    for part in get_args(annotation):
        yield from _choices(part)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
