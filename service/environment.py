"""What is wrong with the settings: values that no setting takes, and variables that no setting reads."""

import difflib
from collections.abc import Collection, Iterable

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from service.settings import Settings

_PREFIX = "SERVICE_"
_SECRET = frozenset({"api_keys"})


def complaints(error: ValidationError, flags: Collection[str]) -> list[str]:
    """One line per bad setting; ``flags`` are the settings that the command line gave, all others are variables."""
    return [_complaint(item, flags) for item in error.errors(include_url=False)]


def unread(variables: Iterable[str]) -> list[str]:
    """One line per variable with the prefix of the settings that no setting reads; a typo looks like this."""
    known = [name.upper() for name in Settings.model_fields]
    names = sorted(name for name in variables if name.upper().startswith(_PREFIX))
    return [_unread(name, known) for name in names if name.upper().removeprefix(_PREFIX) not in known]


def _complaint(item: ErrorDetails, flags: Collection[str]) -> str:
    field = str(item["loc"][0])
    name = f"--{field}" if field in flags else f"{_PREFIX}{field.upper()}"
    got = "something else" if field in _SECRET else repr(item["input"])
    return f"{name}: {_expected(item['msg'])}, got {got}"


def _expected(message: str) -> str:
    """``expected a number greater than 0`` of pydantic's ``Input should be greater than 0``."""
    wanted = message.removeprefix("Input should be ").partition(", unable to")[0]
    return f"expected {'a number ' if wanted.startswith(('greater', 'less')) else ''}{wanted}"


def _unread(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.upper().removeprefix(_PREFIX), known, 1)
    hint = f"; did you mean {_PREFIX}{near[0]}?" if near else ""
    return f"{name} is ignored, no setting has this name{hint}"
