"""The closed list of what a request may say about the samples it wants, and the arrays a graph gets for it.

Every condition has a spec of its own. A reader matches on all of them; one that it does not know makes the manifest
unreadable, so that nothing is ever filled with zeros that a caller wanted to say.

| condition    | arrays of the graph, the batch axis first                                                       |
|--------------|-------------------------------------------------------------------------------------------------|
| `label`      | int64 (batch,): a place among the labels, or their number where none was named                  |
| `attributes` | float32 (batch, attributes): 0 or 1, or a number in its range                                   |
| `code`       | float32 (batch, numbers): one-hot categories and values, part by part                           |
| `known`      | `known`, like a sample, 0 where unknown; `mask`, uint8, one number per position, 1 where known   |
| `source`     | an array of items, as their spec says                                                           |
| `target`     | int64 (batch,): a place among the domains                                                       |
| `caption`    | uint8 (batch, length): codes of characters as in texts                                          |
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pofx.bundle.specs import Frozen, InputSpec, NonEmpty, TextSpec

ConditionName = Literal["label", "attributes", "code", "known", "source", "target", "caption"]
Names = Annotated[tuple[NonEmpty, ...], Field(min_length=1)]


def _refuse_twice(names: tuple[str, ...], what: str) -> None:
    if len(set(names)) != len(names):
        raise ValueError(f"{what} must be unique")


class LabelCondition(Frozen):
    """One of the labels; it may be left out."""

    of: Literal["label"] = "label"
    labels: Names

    @model_validator(mode="after")
    def _labels_are_unique(self) -> Self:
        _refuse_twice(self.labels, "labels")
        return self


class Attribute(Frozen):
    """Something that an item has or has not, or a number in a range."""

    name: NonEmpty
    kind: Literal["yes_no", "number"] = "yes_no"
    minimum: float = 0.0
    maximum: float = 1.0


class AttributesCondition(Frozen):
    """Attributes by name; what is left out is 0, or the least of its range."""

    of: Literal["attributes"] = "attributes"
    attributes: tuple[Attribute, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        _refuse_twice(tuple(item.name for item in self.attributes), "attributes")
        return self


class CategoricalCode(Frozen):
    """A part of a code that is one of so many categories."""

    kind: Literal["categorical"] = "categorical"
    name: NonEmpty
    size: int = Field(ge=2)


class ContinuousCode(Frozen):
    """A part of a code that is a number in a range."""

    kind: Literal["continuous"] = "continuous"
    name: NonEmpty
    minimum: float
    maximum: float

    @property
    def size(self) -> int:
        """One number."""
        return 1


class CodeCondition(Frozen):
    """A code, part by part; a part that is left out is drawn, uniformly."""

    of: Literal["code"] = "code"
    parts: tuple[Annotated[CategoricalCode | ContinuousCode, Field(discriminator="kind")], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        _refuse_twice(tuple(part.name for part in self.parts), "parts of a code")
        return self


class KnownCondition(Frozen):
    """Values that are known of a sample, and in which order positions (pixels, columns, symbols, samples) are drawn.

    Keeping known positions and drawing the others is exact where no known position comes after an unknown one.
    ``raster`` is the order of reading; ``listed`` is given by ``order``, positions from first to last; with ``mixed``
    orders it is never exact; with ``any`` there is no order, and it is exact whatever is known.
    """

    of: Literal["known"] = "known"
    kind: Literal["raster", "listed", "mixed", "any"]
    order: tuple[int, ...] = ()


class SourceCondition(Frozen):
    """An item that the sample is made from; it must be there."""

    of: Literal["source"] = "source"
    item: InputSpec


class TargetCondition(Frozen):
    """The domain that a sample should belong to; it must be there."""

    of: Literal["target"] = "target"
    domains: Names

    @model_validator(mode="after")
    def _domains_are_unique(self) -> Self:
        _refuse_twice(self.domains, "domains")
        return self


class CaptionCondition(Frozen):
    """A text that describes the sample; it must be there."""

    of: Literal["caption"] = "caption"
    text: TextSpec


Condition = Annotated[
    LabelCondition
    | AttributesCondition
    | CodeCondition
    | KnownCondition
    | SourceCondition
    | TargetCondition
    | CaptionCondition,
    Field(discriminator="of"),
]
