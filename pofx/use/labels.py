"""Names that a request chooses from: labels and domains of a model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pofx.errors import RequestInvalid
from pofx.kinds.condition import Label

_LISTED = 50


def label_texts(chosen: Label | list[Label]) -> list[str]:
    """The labels as text; JSON may write 3 as 3.0."""
    return [_text(label) for label in (chosen if isinstance(chosen, list) else [chosen])]


def check_known(known: Sequence[str], names: Sequence[str], pointer: str, what: str = "label") -> None:
    """Raises RequestInvalid, with what there is, for the first name that is none of them."""
    there = set(known)
    unknown = next((name for name in names if name not in there), None)
    if unknown is None:
        return
    listed = list(known[:_LISTED])
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    detail = f"no {what} {unknown!r}; this model has: {', '.join(listed)}{more}"
    extra: dict[str, Any] = {f"{what}s": listed}
    raise RequestInvalid(detail, pointer=pointer, **extra)


def places_of(known: Sequence[str], chosen: Label | list[Label], n: int, pointer: str, what: str) -> NDArray[np.int64]:
    """The place of each of n chosen names among the known ones, shape (n,); one name counts for all."""
    names = label_texts(chosen)
    check_known(known, names, pointer, what)
    place = {name: index for index, name in enumerate(known)}
    return np.array([place[name] for name in (names if isinstance(chosen, list) else names * n)], np.int64)


def _text(label: Label) -> str:
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
