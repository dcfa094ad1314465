"""What a person sends: an image, a row of a table, a recording or a text, in the form a model takes."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

DType = Literal["uint8", "int16", "int64", "float32", "float64"]
NonEmpty = Annotated[str, Field(min_length=1)]


class Frozen(BaseModel):
    """Base of all manifest types: immutable, unknown fields refused, finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ImageSpec(Frozen):
    """Images as people have them: uint8, shape (batch, height, width, channels).

    A picture file of another size is refused, or resized by that filter to height and width, as training did.
    """

    kind: Literal["image"] = "image"
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    channels: Literal[1, 3]
    other_sizes: Literal["refused", "lanczos"] = "refused"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item: (height, width, channels)."""
        return (self.height, self.width, self.channels)


class Column(Frozen):
    """One column of a table; the range is that of the training data, for orientation only.

    A column with ``categories`` holds names; in arrays the code of a name is its place among them, 0 the most frequent.
    """

    name: str = Field(min_length=1)
    minimum: float
    maximum: float
    categories: tuple[NonEmpty, ...] = ()

    @model_validator(mode="after")
    def _categories_are_unique(self) -> Self:
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("categories must be unique")
        return self


class RowSpec(Frozen):
    """Rows of a table in original units: float32, shape (batch, features).

    Where missing values are ``marginalised`` the score graph takes NaN for them: the score is that of the columns that
    are there. No other graph takes NaN.
    """

    kind: Literal["row"] = "row"
    columns: tuple[Column, ...] = Field(min_length=1)
    missing: Literal["refused", "marginalised"] = "refused"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item: (features,)."""
        return (len(self.columns),)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError("column names must be unique")
        return self


class AudioSpec(Frozen):
    """Mono recordings of a fixed length: int16 samples, shape (batch, length)."""

    kind: Literal["audio"] = "audio"
    rate_hz: int = Field(ge=1, description="samples per second")
    length: int = Field(ge=1, description="samples; a shorter recording is padded with silence")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item: (length,)."""
        return (self.length,)


class TextSpec(Frozen):
    """Texts up to a length: uint8 codes, shape (batch, length).

    Code c > 0 is character c−1 of the alphabet; 0 ends the text and fills what is left.
    """

    kind: Literal["text"] = "text"
    alphabet: str = Field(min_length=1, max_length=255)
    length: int = Field(ge=1, description="characters")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item: (length,)."""
        return (self.length,)

    @model_validator(mode="after")
    def _characters_are_unique(self) -> Self:
        if len(set(self.alphabet)) != len(self.alphabet):
            raise ValueError("characters of the alphabet must be unique")
        return self


InputSpec = Annotated[ImageSpec | RowSpec | AudioSpec | TextSpec, Field(discriminator="kind")]

DATA_DTYPES: dict[str, DType] = {"image": "uint8", "row": "float32", "audio": "int16", "text": "uint8"}
"""The dtype of an item, by the kind of the input."""
