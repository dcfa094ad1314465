"""What an option may be is read from its type, whatever the type."""

from typing import Annotated, Literal, get_args

import annotated_types
import pytest

from pofx.rules.allowed import allowed


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Literal["cpu", "cuda"], "cpu or cuda"),
        (Literal["a", "b", "c"] | None, "a, b or c"),
        (tuple[Literal["full", "diag"], ...], "full or diag"),
        (bool, "true or false"),
        (Annotated[float, annotated_types.Gt(0), annotated_types.Lt(1)], "above 0 and below 1"),
        (Annotated[int, annotated_types.Ge(1000)], "at least 1,000"),
        (str, ""),
    ],
)
def test_allowed_values_are_said(kind, words):
    annotation, *metadata = get_args(kind) if hasattr(kind, "__metadata__") else (kind,)
    assert allowed(annotation, metadata) == words
