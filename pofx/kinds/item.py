"""One item of a request, in exactly one of its forms."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pofx.kinds.cells import Cell

FORMS = ("image", "row", "audio", "text", "array")


class ItemOptions(BaseModel):
    """How items are read, whatever they are read for."""

    model_config = ConfigDict(extra="forbid")

    extra: Literal["refuse", "keep"] = Field(
        "refuse",
        description="Whether columns that the model does not have are refused, or kept unread for an answer as table.",
    )


class AnsweredByRow(ItemOptions):
    """How items are read where every one has an answer of its own."""

    errors: Literal["refuse", "row"] = Field(
        "refuse",
        description="What one wrong item does: refuse all of them, or, as row, only leave its own answer empty, with "
        "the reason as its error. A category that training never saw is then an anomaly with that reason.",
    )


class Item(BaseModel):
    """An image, a row of a table, a recording, a text, or the array of any of them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"oneOf": [{"required": [name]} for name in FORMS]})

    image: str | None = Field(None, description="An image file (PNG, JPEG, WebP, BMP, GIF) in base64.")
    row: dict[str, Cell] | None = Field(
        None,
        description="A row of a table: column name to number, or to the name of a category; null where it is missing, "
        "if the model allows that.",
    )
    audio: str | None = Field(None, description="A WAV file with PCM samples at the model's rate, in base64.")
    text: str | None = Field(None, description="A text in characters of the model's alphabet.")
    array: list[Any] | None = Field(
        None,
        description="Pixels (height, width[, channels]) from 0 to 255, features (names where they are categories), "
        "16-bit samples (length), or codes of characters (length).",
    )

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        if sum(getattr(self, name) is not None for name in FORMS) != 1:
            raise ValueError(f"expected exactly one of {', '.join(FORMS)}")
        return self
