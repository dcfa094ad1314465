"""The manifest: a frozen description of everything a bundle holds and every array its graphs take and return.

Unknown fields are refused, so a manifest never means more than its reader understands.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pofx.bundle.array_specs import FileName, Graph, Identifier
from pofx.bundle.conditions import Condition, ConditionName, KnownCondition
from pofx.bundle.score_spec import Score
from pofx.bundle.specs import Frozen, InputSpec

SCHEMA_VERSION = 2

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


# --- capabilities --------------------------------------------------------------------------------


class Generate(Frozen):
    """How to draw x ~ p(x), or x given conditions. Every method is begin, step, …, step, read.

    ``direct``: one step turns noise into samples. ``fixed_point``: a step proposes a new x from the current one and the
    same noise; it ends, per row, when the proposal changes nothing. ``sequential``: a step advances a state by
    ``chunk`` positions of ``positions``, the first of which it is told; what of a sample is not drawn yet holds any
    values. The last step may reach beyond the end, where it changes nothing of the sample.
    """

    method: Literal["direct", "fixed_point", "sequential"]
    graph: Identifier
    sample: Identifier = Field(description="the output that is the sample")
    makes: InputSpec | None = Field(default=None, description="what the samples are; without it, items like the input")
    mean: Identifier | None = Field(default=None, description="the output that is the decoder's mean, if there is one")
    latents: Identifier | None = Field(default=None, description="the noise input a caller may give instead")
    max_passes: int = Field(default=1, ge=1, description="steps after which a fixed point is certain")
    positions: int | None = Field(default=None, ge=1, description="how many a sequential sampler draws, in order")
    chunk: int | None = Field(default=None, ge=1, description="positions per step of a sequential sampler")
    conditions: tuple[Condition, ...] = Field(default=(), description="what a request may say, each at most once")

    def condition(self, of: ConditionName) -> Condition | None:
        """The condition of that name, None if there is none."""
        return next((item for item in self.conditions if item.of == of), None)

    @property
    def labels(self) -> tuple[str, ...]:
        """What a request may name as label; none where it cannot."""
        return next((item.labels for item in self.conditions if item.of == "label"), ())

    @property
    def completion(self) -> KnownCondition | None:
        """How known positions are kept; None where they cannot be."""
        return next((item for item in self.conditions if item.of == "known"), None)

    @property
    def steps(self) -> int:
        """How many steps a sequential sampler takes; 1 of any other, which does not know beforehand."""
        return 1 if self.positions is None or self.chunk is None else -(-self.positions // self.chunk)

    @model_validator(mode="after")
    def _positions_are_those_of_a_sequential_sampler(self) -> Self:
        expected = self.method == "sequential"
        if (self.positions is not None, self.chunk is not None) != (expected, expected):
            raise ValueError("expected positions and chunk of a sequential sampler, and of no other")
        return self

    @model_validator(mode="after")
    def _conditions_are_unique(self) -> Self:
        names = [item.of for item in self.conditions]
        if len(set(names)) != len(names):
            raise ValueError("a condition is listed twice")
        return self


class CodePart(Frozen):
    """Consecutive numbers of a code that belong together: its style, say, or the probabilities of classes."""

    name: Identifier
    size: int = Field(ge=1)


class Encode(Frozen):
    """How to turn an item into a vector: output ``embedding``, float32, shape (batch, dims).

    ``prior`` is the distribution that codes of data were pulled towards, if any. With ``classes`` the code, or its part
    ``class``, holds p(class | x) in that order.
    """

    graph: Identifier
    dims: int = Field(ge=1)
    description: str
    parts: tuple[CodePart, ...] = Field(default=(), description="what the code consists of; without it, one part")
    prior: Literal["normal", "uniform"] | None = None
    classes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _parts_fill_the_code(self) -> Self:
        if self.parts and sum(part.size for part in self.parts) != self.dims:
            raise ValueError(f"expected parts of {self.dims} numbers, got {sum(part.size for part in self.parts)}")
        own = next((part.size for part in self.parts if part.name == "class"), self.dims)
        if self.classes and len(self.classes) != own:
            raise ValueError(f"expected the names of {own} classes, got {len(self.classes)}")
        return self


class Decode(Frozen):
    """How to turn a code of ``Encode`` back into an item: the graph's data input is the code, float32 (batch, dims)."""

    graph: Identifier
    item: Identifier = Field(description="the output that is the item")


# --- trust ---------------------------------------------------------------------------------------


class Tolerance(Frozen):
    """How near a golden output must be: |got - want| <= atol + rtol·|want|, but for a share of elements."""

    atol: float = Field(ge=0)
    rtol: float = Field(ge=0)
    mismatch: float = Field(
        default=0.0, ge=0, lt=1, description="share of elements that may differ; discrete samples near a threshold do"
    )


class Golden(Frozen):
    """Stored inputs and expected outputs; arrays are called ``<graph>.in.<name>`` and ``<graph>.out.<name>``."""

    file: FileName
    tolerances: dict[Identifier, Tolerance]


class FileEntry(Frozen):
    """Size in bytes and SHA-256 of one file of the bundle."""

    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class DataProvenance(Frozen):
    """Which data the model saw: source, fingerprint of the arrays, and how many items each split had."""

    source: str
    licence: str
    fingerprint: str
    splits: dict[str, int]


class Provenance(Frozen):
    """Where a bundle comes from; the recipe itself is the file ``recipe.toml`` of the bundle."""

    created: str
    seed: int
    smoke: bool = Field(description="true for a rehearsal on a sliver of the data: not a model to rely on")
    data: DataProvenance
    training_seconds: float = Field(ge=0)
    versions: dict[str, str]


class Metric(Frozen):
    """One measured number, with the protocol that makes it comparable."""

    name: str
    value: float
    standard_error: float | None = None
    unit: str
    split: str
    protocol: str


class ManifestBody(Frozen):
    """Everything the exporter knows; name, version and checksums are added when the bundle is written."""

    family: Identifier
    summary: str
    input: InputSpec
    dims: int = Field(ge=1)
    graphs: dict[Identifier, Graph] = Field(min_length=1)
    generate: Generate | None = None
    score: Score | None = None
    encode: Encode | None = None
    decode: Decode | None = None
    golden: Golden
    metrics: tuple[Metric, ...] = ()
    provenance: Provenance

    @property
    def kind(self) -> Literal["exact", "lower_bound", "implicit", "representation"]:
        """What a number of this model can be: a density, a bound that is estimated, or none, with a sampler or not."""
        if self.score is not None and self.score.density is not None:
            return self.score.density.kind
        return "representation" if self.generate is None else "implicit"

    @property
    def makes(self) -> InputSpec:
        """What samples are."""
        return self.input if self.generate is None or self.generate.makes is None else self.generate.makes

    @property
    def capabilities(self) -> tuple[str, ...]:
        """Which of generate, score and encode this model can do."""
        return tuple(word for word in ("generate", "score", "encode") if getattr(self, word) is not None)

    def offers(self, use: str) -> bool:
        """Whether the model can generate, score, encode, or decode codes."""
        return use in ("generate", "score", "encode", "decode") and getattr(self, use) is not None

    @model_validator(mode="after")
    def _parts_name_what_is_there(self) -> Self:
        uses = {word: getattr(self, word) for word in ("generate", "score", "encode", "decode")}
        for word, use in uses.items():
            if use is not None and use.graph not in self.graphs:
                raise ValueError(f"{word} names the graph {use.graph!r}, which is not in graphs")
        if self.decode is not None and self.encode is None:
            raise ValueError("decode needs encode, which says what a code is")
        if set(self.golden.tolerances) != set(self.graphs):
            raise ValueError("golden needs one tolerance per graph")
        return self


class Manifest(ManifestBody):
    """The content of ``manifest.json``."""

    schema_version: Literal[2]
    name: Name
    version: int = Field(ge=1)
    files: dict[FileName, FileEntry]

    @property
    def reference(self) -> str:
        """``name:version``."""
        return f"{self.name}:{self.version}"

    @model_validator(mode="after")
    def _named_files_are_listed(self) -> Self:
        named = {file for graph in self.graphs.values() for file in graph.files.values()}
        named.add(self.golden.file)
        if self.score is not None:
            named.add(self.score.calibration.file)
        if missing := named - set(self.files):
            raise ValueError(f"files named but not listed with a checksum: {', '.join(sorted(missing))}")
        return self
