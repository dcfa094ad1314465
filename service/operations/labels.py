"""The labels a request names, in words of the model."""

from collections.abc import Sequence

from service.errors import RequestInvalid
from service.schemas.condition import Label

_LISTED = 50


def label_texts(chosen: Label | list[Label]) -> list[str]:
    """The labels as text; JSON may write 3 as 3.0."""
    return [_text(label) for label in (chosen if isinstance(chosen, list) else [chosen])]


def check_known(known: Sequence[str], names: Sequence[str], pointer: str) -> None:
    """Raises RequestInvalid, with the labels there are, for the first that is none of them."""
    there = set(known)
    unknown = next((name for name in names if name not in there), None)
    if unknown is None:
        return
    listed = list(known[:_LISTED])
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    detail = f"no label {unknown!r}; this model has: {', '.join(listed)}{more}"
    raise RequestInvalid(detail, pointer=pointer, labels=listed)


def _text(label: Label) -> str:
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
