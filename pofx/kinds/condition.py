"""What a generate request says about the samples it wants."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pofx.kinds.cells import Known
from pofx.kinds.item import Item

KNOWN = ("image", "array", "row", "audio", "text")
"""The forms in which values can be known; a condition has at most one of them."""


def _label(value: object) -> object:
    """Text, a number whose text is the label, or a list of these."""
    named = value if isinstance(value, list) else [value]
    if not named or any(isinstance(item, bool) or not isinstance(item, str | int | float) for item in named):
        raise ValueError("expected the name of a label, or a list of names")
    return value


def _mask(value: object) -> object:
    if not isinstance(value, str | list):
        raise ValueError("expected a picture in base64, or nested lists of 0 and 1")
    return value


Label = str | int | float
Labels = Annotated[Label | list[Label], BeforeValidator(_label)]
"""One label for all, or one for each."""


def _code(value: object) -> object:
    """A category, or a number, for each part."""
    if not isinstance(value, dict) or any(
        isinstance(v, bool) or not isinstance(v, int | float) for v in value.values()
    ):
        raise ValueError("expected an object from the name of a part to a number, or to the number of a category")
    return value


def _attributes(value: object) -> object:
    if not isinstance(value, dict) or any(not isinstance(item, bool | int | float) for item in value.values()):
        raise ValueError("expected an object from the name of an attribute to true, false or a number")
    return value


class Condition(BaseModel):
    """What the samples should be like; all of them share it, but labels, targets and sources can be listed.

    Of images and arrays those elements are known where ``mask`` is not 0. A row holds the columns that are known; a
    recording, a text, or an array of either is the beginning.
    """

    model_config = ConfigDict(extra="forbid")

    label: Labels | None = Field(
        None, description="A label of the model, listed at /models/{name}, or one for each sample."
    )
    attributes: Annotated[dict[str, float], BeforeValidator(_attributes)] | None = Field(
        None, description="Attributes of the model by name: true, false or a number; those left out are off."
    )
    code: Annotated[dict[str, float], BeforeValidator(_code)] | None = Field(
        None, description="Parts of the model's code by name: a number, or the number of a category; the rest is drawn."
    )
    source: Item | list[Item] | None = Field(
        None, description="The item that samples are made from, in any form an item has, or one for each sample."
    )
    target: Labels | None = Field(None, description="The domain that samples should belong to, or one for each.")
    caption: str | None = Field(None, description="A text that describes the samples.")
    image: str | None = Field(None, description="An image file in base64; mask says which of its pixels are known.")
    array: list[Any] | None = Field(
        None, description="The values as numbers: pixels or features with a mask, or the first samples or codes."
    )
    mask: Annotated[str | list[Any], BeforeValidator(_mask)] | None = Field(
        None,
        description="What of image or array is known: a picture in base64 that is not black there, or numbers, 1 for "
        "known and 0 for unknown, of shape (height, width) or (features).",
    )
    row: dict[str, Known] | None = Field(None, description="The columns that are known, with their values.")
    audio: str | None = Field(None, description="The beginning, a WAV file in base64.")
    text: str | None = Field(None, description="The beginning of the text.")

    @model_validator(mode="before")
    @classmethod
    def _keys_are_known(cls, value: object) -> object:
        unknown = [key for key in value if key not in cls.model_fields] if isinstance(value, dict) else []
        if unknown:
            raise ValueError(f"no key {unknown[0]!r} in a condition; it can have: {', '.join(cls.model_fields)}")
        return value

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if len(self.given) > 1:
            raise ValueError(f"expected at most one of {', '.join(KNOWN)}, got {' and '.join(self.given)}")
        if self.mask is not None and not {"image", "array"}.intersection(self.given):
            raise ValueError("a mask goes with an image or an array")
        return self

    def listed(self) -> dict[str, int]:
        """How many of a condition there are, for those that were given as a list, by name."""
        found = {name: getattr(self, name) for name in ("label", "target", "source")}
        return {name: len(value) for name, value in found.items() if isinstance(value, list)}

    @property
    def given(self) -> list[str]:
        """The forms that were given of what is known."""
        return [name for name in KNOWN if getattr(self, name) is not None]
