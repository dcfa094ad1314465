"""Graphs as pure functions: the named arrays that go in and come out."""

from typing import Annotated, Literal

from pydantic import Field

from pofx.bundle.conditions import ConditionName
from pofx.bundle.specs import DType, Frozen

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Axis = Annotated[int, Field(ge=1)] | Literal["batch"]
GraphFormat = Literal["onnx", "torchscript"]


class ArraySpec(Frozen):
    """A named array; the axis ``"batch"`` is free, all others are fixed."""

    name: Identifier
    dtype: DType
    shape: tuple[Axis, ...]


class DataInput(ArraySpec):
    """An array of data: what the caller sent, or the current state of a fixed-point iteration."""

    role: Literal["data"] = "data"


class NoiseInput(ArraySpec):
    """Random numbers the service draws: ``uniform`` on [0, 1) or standard ``normal``.

    Without a batch axis the array is shared by all rows and drawn once, from the seed of the manifest.
    """

    role: Literal["noise"] = "noise"
    distribution: Literal["uniform", "normal"]


class OptionInput(ArraySpec):
    """A number per row that a request may set, with its default and its legal range."""

    role: Literal["option"] = "option"
    description: str
    default: float
    minimum: float
    maximum: float


class ConditionInput(ArraySpec):
    """What a request may say about the samples it wants, as ``pofx.bundle.conditions`` lays it out in arrays.

    ``mask`` belongs to the condition ``known``; every other one is called like its condition.
    """

    role: Literal["condition"] = "condition"
    of: ConditionName | Literal["mask"]


class StateInput(ArraySpec):
    """What one step of a ``sequential`` sampler hands to the next, per row: zeros before the first step."""

    role: Literal["state"] = "state"

    @property
    def becomes(self) -> str:
        """Name of the output that is this state after the step; dtype and shape are the same."""
        return f"next_{self.name}"


class PositionInput(ArraySpec):
    """The first position of a step of a ``sequential`` sampler: one int64 number, the same for all rows."""

    role: Literal["position"] = "position"


GraphInput = Annotated[
    DataInput | NoiseInput | OptionInput | ConditionInput | StateInput | PositionInput, Field(discriminator="role")
]


class Graph(Frozen):
    """One exported computation: a file per format, and the arrays that go in and come out in this order."""

    files: dict[GraphFormat, FileName] = Field(min_length=1)
    inputs: tuple[GraphInput, ...] = Field(min_length=1)
    outputs: tuple[ArraySpec, ...] = Field(min_length=1)
    mflop_per_row: float = Field(gt=0, description="work for one row, in millions of floating-point operations")

    def input(self, name: str) -> GraphInput:
        """The input of that name; KeyError if there is none."""
        return {item.name: item for item in self.inputs}[name]
