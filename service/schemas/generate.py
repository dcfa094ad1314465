"""POST /generate: request and answer."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict

from pofx.kinds.condition import Condition
from pofx.use.conditions import Conditional
from pofx.use.generate import GenerateAsked

MAX_SEED = 2**63 - 1


def _number(value: object) -> object:
    """The value of a name that is no field; strings and the like are never options of a model."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        fields = ", ".join(GenerateRequest.model_fields)
        raise ValueError(f"expected a number, as options of a model are, or one of the fields {fields}")
    return value


class GenerateOptions(BaseModel):
    """How to draw, in the body or in the query string. Further numbers are options of the model, see /models/{name}."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float] = Field(init=False)

    model: str | None = Field(None, description="name or name:version; may be left out if only one model can generate.")
    n: int | None = Field(None, ge=1, description="Number of samples; 16, or as many as there are latents or labels.")
    seed: int | None = Field(None, ge=0, le=MAX_SEED, description="Same seed, same samples; random if left out.")
    temperature: float | None = Field(None, description="Option of many models: below 1 typical, above 1 diverse.")
    format: Literal["png", "array"] | None = Field(None, description="Form of the samples; png for images.")
    mean: bool = Field(False, description="Whether to return the decoder's mean instead of a sample.")


class GenerateRequest(GenerateOptions):
    """What to draw, and how."""

    __pydantic_extra__: dict[str, Annotated[float, BeforeValidator(_number)]] = Field(init=False)

    condition: Condition | None = Field(
        None,
        description="What the samples should be like, as far as the model can be told: a label, known values …",
    )
    latents: list[Any] | None = Field(None, min_length=1, description="Latent codes instead of random ones, (n, …).")

    def asked(self) -> GenerateAsked:
        """What is asked of the model."""
        return GenerateAsked(self.n, self.seed, self.options(), self.condition or Condition(), self.latents, self.mean)

    def options(self) -> dict[str, float]:
        """The options that were set, by name."""
        named = {} if self.temperature is None else {"temperature": self.temperature}
        return {**named, **(self.__pydantic_extra__ or {})}


class Sample(TypedDict):
    """One sample in exactly one form."""

    image: NotRequired[str]
    row: NotRequired[dict[str, float | str | None]]
    audio: NotRequired[str]
    text: NotRequired[str]
    array: NotRequired[Any]


class Passes(TypedDict):
    """Passes of a fixed-point sampler until nothing changed, over the samples."""

    mean: float
    max: int


class GenerateAnswer(TypedDict):
    """The samples, and the seed that draws them again.

    ``conditional`` is there if anything was known: ``exact`` where the rest is a sample of the model's p(unknown |
    known); ``tempered`` where it would be, but for a temperature (or another option) that is not the default;
    ``approximate`` otherwise. ``notes`` are there if what was sent had to be changed.
    """

    model: str
    version: int
    seed: int
    samples: list[Sample]
    passes: NotRequired[Passes]
    conditional: NotRequired[Conditional]
    notes: NotRequired[list[str]]
