"""One item of a request, in exactly one of its forms."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Item(BaseModel):
    """An image, a row of a table, or the array of either."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"oneOf": [{"required": [name]} for name in ("image", "row", "array")]},
    )

    image: str | None = Field(None, description="An image file (PNG, JPEG, WebP, BMP, GIF) in base64.")
    row: dict[str, float] | None = Field(None, description="A row of a table: column name to value.")
    array: list[Any] | None = Field(None, description="Pixels (height, width[, channels]) from 0 to 255, or features.")

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        if (self.image is None) + (self.row is None) + (self.array is None) != 2:
            raise ValueError("expected exactly one of image, row and array")
        return self
