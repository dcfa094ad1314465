"""The text of a recipe with one value set, wherever it stands: below a header, after a dotted key, in an inline table.

So the text stays the whole truth about a run, and a changed recipe is another run.
"""

from collections.abc import MutableMapping
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError
from tomlkit.items import AoT, InlineTable

from training.errors import RecipeError


def changed(text: str, change: str) -> str:
    """The text of a recipe with one value set: ``table.key=value`` or ``key=value``, the value as in TOML.

    A bare word is a string. What is not TOML stays as it is: reading it says what is wrong.
    """
    place, separator, value = change.partition("=")
    keys = [part.strip() for part in place.split(".")]
    if not separator or not all(keys):
        raise RecipeError(f"{change!r}: expected table.key=value, for instance fit.epochs=5")
    try:
        recipe = tomlkit.parse(text)
    except ParseError:
        return text
    table = _table(recipe, keys[:-1], change)
    there = table.get(keys[-1])
    if isinstance(there, MutableMapping) and not isinstance(there, InlineTable):
        raise RecipeError(f"{change!r}: {place.strip()} has lines of its own; set its values one by one")
    table[keys[-1]] = _value(value.strip())
    return tomlkit.dumps(recipe)


def _table(recipe: MutableMapping[str, Any], keys: list[str], change: str) -> MutableMapping[str, Any]:
    """The table that keys lead to, made where it is not there; RecipeError where they lead to none, or to several."""
    table = recipe
    for place, key in enumerate(keys, 1):
        if key not in table:
            table[key] = tomlkit.inline_table() if isinstance(table, InlineTable) else tomlkit.table()
        table, name = table[key], ".".join(keys[:place])
        if isinstance(table, AoT):
            raise RecipeError(f"{change!r}: the recipe has several [[{name}]]; change them in the file")
        if not isinstance(table, MutableMapping):
            raise RecipeError(f"{change!r}: {name} is {table!r} in the recipe, and no table")
    return table


def _value(text: str) -> Any:
    try:
        return tomlkit.value(text)
    except ParseError:
        return text
