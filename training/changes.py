"""The text of a recipe with one value set, wherever it stands: below a header, after a dotted key, in an inline table.

So the text stays the whole truth about a run, and a changed recipe is another run.
"""

import json
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from training.errors import RecipeError

Keys = tuple[str, ...]


@dataclass(frozen=True)
class Assignment:
    """Lines ``start`` to ``stop`` set ``keys``, written behind a header of the first ``above`` of them."""

    keys: Keys
    above: int
    start: int
    stop: int


def changed(text: str, change: str) -> str:
    """The text of a recipe with one value set: ``table.key=value`` or ``key=value``, the value as in TOML.

    A bare word is a string. What is not TOML stays as it is: reading it says what is wrong.
    """
    place, separator, value = change.partition("=")
    keys = tuple(part.strip() for part in place.split("."))
    if not separator or not all(keys):
        raise RecipeError(f"{change!r}: expected table.key=value, for instance fit.epochs=5")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return text
    _check_table(content, keys, change)
    lines = text.splitlines()
    found = next((item for item in _assignments(lines) if keys[: len(item.keys)] == item.keys), None)
    if found is not None:
        return _text(lines, found.start, found.stop, _replaced(content, found, keys, value.strip()))
    if isinstance(_at(content, keys), dict):
        raise RecipeError(f"{change!r}: {place.strip()} has lines of its own; set its values one by one")
    return _added(lines, keys, _literal(value.strip()))


def _at(content: Any, keys: Keys) -> Any:
    """What is there; None where nothing is."""
    for key in keys:
        content = content.get(key, {})
    return content or None


def _check_table(content: Any, keys: Keys, change: str) -> None:
    """RecipeError where the keys before the last do not lead to a table, or to one of several."""
    for place, key in enumerate(keys[:-1], 1):
        content = content.get(key, {})
        table = ".".join(keys[:place])
        if isinstance(content, list):
            raise RecipeError(f"{change!r}: the recipe has several [[{table}]]; change them in the file")
        if not isinstance(content, dict):
            raise RecipeError(f"{change!r}: {table} is {content!r} in the recipe, and no table")


def _assignments(lines: Sequence[str]) -> Iterator[Assignment]:
    """All that set something outside ``[[…]]``, in order."""
    above: Keys | None = ()
    start = 0
    while start < len(lines):
        line = lines[start].strip()
        stop = start + 1
        if line.startswith("["):
            above = None if line.startswith("[[") else _keys(tomllib.loads(line))
        elif line and not line.startswith("#"):
            while not _is_whole(lines[start:stop]):
                stop += 1
            if above is not None:
                yield Assignment(
                    (*above, *_keys(tomllib.loads(f"{line.partition('=')[0]} = 0"))), len(above), start, stop
                )
        start = stop


def _is_whole(lines: Sequence[str]) -> bool:
    """Whether the lines are a whole assignment; an array or a text may go over several."""
    try:
        tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        return False
    return True


def _keys(nested: Any) -> Keys:
    """The keys of tables that lie in each other."""
    found: list[str] = []
    while isinstance(nested, dict) and nested:
        (key,) = nested
        found.append(key)
        nested = nested[key]
    return tuple(found)


def _replaced(content: dict[str, Any], found: Assignment, keys: Keys, value: str) -> str:
    """The assignment with the value set, in the inline table it sets where that is what it does."""
    name, rest = ".".join(map(_key, found.keys[found.above :])), keys[len(found.keys) :]
    if not rest:
        return f"{name} = {_literal(value)}"
    table: Any = content
    for key in found.keys:
        table = table[key]
    inner = table
    for key in rest[:-1]:
        inner = inner.setdefault(key, {})
    inner[rest[-1]] = tomllib.loads(f"value = {_literal(value)}")["value"]
    return f"{name} = {_inline(table)}"


def _added(lines: Sequence[str], keys: Keys, value: str) -> str:
    """The text with another assignment, behind the header of its table; with that of a new table at the end."""
    headers = {_header(line): place for place, line in enumerate(lines) if _header(line) is not None}
    table = keys[:-1]
    if not table or table in headers:
        start = headers[table] + 1 if table else 0
        return _text(lines, start, start, f"{_key(keys[-1])} = {value}")
    others = [item for item in _assignments(lines) if item.keys[: len(table)] == table]
    if others:  # a table of dotted keys cannot have a header
        first = others[0]
        return _text(lines, first.start, first.start, f"{'.'.join(map(_key, keys[first.above :]))} = {value}")
    end = ["", f"[{'.'.join(map(_key, table))}]", f"{_key(keys[-1])} = {value}"]
    return _text(lines, len(lines), len(lines), "\n".join(end))


def _header(line: str) -> Keys | None:
    line = line.strip()
    return (
        _keys(tomllib.loads(line)) if line.startswith("[") and not line.startswith("[[") and _is_whole([line]) else None
    )


def _text(lines: Sequence[str], start: int, stop: int, new: str) -> str:
    return "\n".join([*lines[:start], new, *lines[stop:]]) + "\n"


def _literal(value: str) -> str:
    """The value as TOML; a bare word is a string."""
    return value if _is_whole([f"value = {value}"]) else json.dumps(value)


def _inline(value: object) -> str:
    """A value as TOML on one line."""
    match value:
        case dict():
            return f"{{ {', '.join(f'{_key(key)} = {_inline(item)}' for key, item in value.items())} }}"
        case list():
            return f"[{', '.join(map(_inline, value))}]"
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False)
    return str(value)


def _key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else json.dumps(key)
