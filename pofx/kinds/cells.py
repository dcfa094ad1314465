"""A value of a row in JSON."""

from typing import Annotated

from pydantic import GetPydanticSchema
from pydantic_core import CoreSchema, core_schema


def _one_of(*kinds: CoreSchema) -> GetPydanticSchema:
    """A union with one complaint about the value, where pydantic would have one for every member."""
    message = "expected a number or the name of a category"
    schema = core_schema.union_schema(list(kinds), custom_error_type="cell", custom_error_message=message)
    return GetPydanticSchema(lambda _, __: schema)


Known = Annotated[
    float | str | bool, _one_of(core_schema.float_schema(), core_schema.str_schema(), core_schema.bool_schema())
]
"""A number or the name of a category, or whether something is true."""

Cell = Annotated[
    float | str | bool | None,
    _one_of(core_schema.float_schema(), core_schema.str_schema(), core_schema.bool_schema(), core_schema.none_schema()),
]
"""The same, or null for a missing value."""
