"""The manifest: a frozen description of everything a bundle holds and every array its graphs take and return.

Unknown fields are refused, so a manifest never means more than its reader understands.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pofx.bundle.conditions import Condition, ConditionName, KnownCondition
from pofx.bundle.specs import DType, Frozen, InputSpec

SCHEMA_VERSION = 2

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Axis = Annotated[int, Field(ge=1)] | Literal["batch"]
GraphFormat = Literal["onnx", "torchscript"]


# --- graphs: pure functions with named arrays ----------------------------------------------------


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
    """What one step of a ``sequential`` sampler hands to the next: zeros at first, then the output of that name."""

    role: Literal["state"] = "state"


GraphInput = Annotated[DataInput | NoiseInput | OptionInput | ConditionInput | StateInput, Field(discriminator="role")]


class Graph(Frozen):
    """One exported computation: a file per format, and the arrays that go in and come out in this order."""

    files: dict[GraphFormat, FileName] = Field(min_length=1)
    inputs: tuple[GraphInput, ...] = Field(min_length=1)
    outputs: tuple[ArraySpec, ...] = Field(min_length=1)
    mflop_per_row: float = Field(gt=0, description="work for one row, in millions of floating-point operations")

    def input(self, name: str) -> GraphInput:
        """The input of that name; KeyError if there is none."""
        return {item.name: item for item in self.inputs}[name]


# --- capabilities --------------------------------------------------------------------------------


class Generate(Frozen):
    """How to draw x ~ p(x), or x given conditions. Every method is begin, step, …, step, read.

    ``direct``: one step turns noise into samples. ``fixed_point``: a step proposes a new x from the current one and the
    same noise; it ends, per row, when the proposal changes nothing. ``sequential``: a step advances a state by
    ``chunk`` positions.
    """

    method: Literal["direct", "fixed_point", "sequential"]
    graph: Identifier
    sample: Identifier = Field(description="the output that is the sample")
    makes: InputSpec | None = Field(default=None, description="what the samples are; without it, items like the input")
    mean: Identifier | None = Field(default=None, description="the output that is the decoder's mean, if there is one")
    latents: Identifier | None = Field(default=None, description="the noise input a caller may give instead")
    max_passes: int = Field(default=1, ge=1, description="steps after which a fixed point is certain")
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

    @model_validator(mode="after")
    def _conditions_are_unique(self) -> Self:
        names = [item.of for item in self.conditions]
        if len(set(names)) != len(names):
            raise ValueError("a condition is listed twice")
        return self


class Statistic(Frozen):
    """A number computed for one item, and which of its tails is anomalous."""

    name: Identifier
    unit: str
    tail: Literal["low", "high"]
    description: str


class LabelCount(Frozen):
    """A label, and how many calibration items have it."""

    name: str
    n: int = Field(ge=1)


class GapPattern(Frozen):
    """Calibration rows of one pattern of missing values: ``n`` that miss these columns and no others.

    ``masked`` of them missed fewer, and their other values were taken away: they stand for rows whose values are
    missing whatever they would have been.
    """

    missing: tuple[str, ...]
    n: int = Field(ge=1)
    masked: int = Field(default=0, ge=0)


class ExcessAlarms(Frozen):
    """A false-alarm rate among normal items kept aside that chance explains only up to ``limit``."""

    statistic: Identifier
    alpha: float = Field(gt=0, lt=1)
    rate: float = Field(ge=0, le=1)
    limit: float = Field(ge=0, le=1)


class HeldOut(Frozen):
    """That false alarms were counted among normal items kept aside; ``excess`` are the rates that are too high.

    A calibration whose items are exchangeable with those has such a rate with a chance of at most one in a thousand.
    """

    items: int = Field(ge=1)
    comparison: str = Field(description="which items were compared with which")
    excess: tuple[ExcessAlarms, ...] = ()


class Calibration(Frozen):
    """Held-out statistics, sorted ascending, one float64 array of length n per statistic, in an npz file.

    With ``labels`` the file also holds, as ``<statistic>.label``, the label of every sorted value: unsigned integers,
    shape (n,), indices into ``labels``. With ``patterns`` it holds, as ``<statistic>.gaps.<place>``, the sorted values
    of the rows of each.
    """

    file: FileName
    n: int = Field(ge=1)
    data: str = Field(description="what the items were and why they are exchangeable with normal traffic")
    incomplete: int = Field(default=0, ge=0, description="how many of the items are rows that miss values")
    patterns: tuple[GapPattern, ...] = Field(
        default=(), description="patterns of missing values within which rows are compared, if any"
    )
    labels: tuple[LabelCount, ...] = Field(default=(), description="what p-values can be restricted to, if anything")
    held_out: HeldOut | None = Field(default=None, description="false alarms on normal items, if they were counted")

    @model_validator(mode="after")
    def _labels_count_every_item_once(self) -> Self:
        names = [label.name for label in self.labels]
        if len(set(names)) != len(names):
            raise ValueError("labels of the calibration must be unique")
        counted = sum(label.n for label in self.labels)
        if self.labels and counted != self.n:
            raise ValueError(f"expected labels of {self.n} calibration items, got labels of {counted}")
        return self

    @model_validator(mode="after")
    def _patterns_are_unique(self) -> Self:
        if len({frozenset(pattern.missing) for pattern in self.patterns}) != len(self.patterns):
            raise ValueError("patterns of missing values of the calibration must be unique")
        return self


class Density(Frozen):
    """That a score has log p(x), in nats: the output ``log_prob`` of its graph.

    Of kind ``lower_bound`` it is an estimate of a lower bound by one draw of noise, fixed by ``noise_seed`` and shared
    by all items: unbiased over draws, so that a single value may exceed log p(x).
    """

    kind: Literal["exact", "lower_bound"]
    bound: str | None = Field(default=None, description="which bound, for instance IWAE-64")
    over: str = Field(description="what exactly the density is over, for instance the thresholded image")
    standard_error: float | None = Field(
        default=None,
        ge=0,
        description="Monte-Carlo error of the estimate in nats: median over held-out items of the standard deviation "
        "over draws of the noise",
    )


class Score(Frozen):
    """Which statistics an item gets, how they become p-values, and whether a density is behind them.

    Beside its statistics the graph may have an output per position: ``dim_log_prob``, in nats, which sums to log_prob,
    or ``reconstruction_error``, which sums to the statistic ``reconstruction``. Of an image or a recording its shape
    may be another than the item's: readers then share out what it says of a block, or add it up, and say so.
    """

    graph: Identifier
    density: Density | None = None
    noise_seed: int = Field(default=0, description="seed of noise shared by all rows")
    statistics: tuple[Statistic, ...] = Field(min_length=1)
    calibration: Calibration


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
