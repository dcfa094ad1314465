"""The manifest: a frozen description of everything a bundle holds and every array its graphs take and return.

Unknown fields are refused, so a manifest never means more than its reader understands.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bundle.inputs import DType, Frozen, InputSpec

SCHEMA_VERSION = 1

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
    """What a request may say about the samples it wants.

    ``label``: int64 (batch,), an index into the labels of ``Generate``, or their number where none was named.
    ``known``: items like the data whose values are kept where ``mask`` is 1: uint8, one number per pixel, column or
    position; all 0 where nothing is known.
    """

    role: Literal["condition"] = "condition"
    of: Literal["label", "known", "mask"]


GraphInput = Annotated[DataInput | NoiseInput | OptionInput | ConditionInput, Field(discriminator="role")]


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


class Completion(Frozen):
    """In which order positions (pixels, columns, symbols, samples) are drawn.

    Keeping known positions and drawing the others is exact where no known position comes after an unknown one.
    ``raster`` is the order of reading; ``listed`` is given by ``order``, positions from first to last; with ``mixed``
    orders it is never exact.
    """

    kind: Literal["raster", "listed", "mixed"]
    order: tuple[int, ...] = ()


class Generate(Frozen):
    """How to draw x ~ p(x).

    ``direct``: one call of the graph turns noise into samples. ``fixed_point``: the graph proposes a new x
    from the current one and the same noise; the iteration ends, per row, when the proposal changes nothing.
    """

    method: Literal["direct", "fixed_point"]
    graph: Identifier
    sample: Identifier = Field(description="the output that is the sample")
    mean: Identifier | None = Field(default=None, description="the output that is the decoder's mean, if there is one")
    latents: Identifier | None = Field(default=None, description="the noise input a caller may give instead")
    max_passes: int = Field(default=1, ge=1, description="passes after which a fixed point is certain")
    labels: tuple[str, ...] = Field(default=(), description="what a request may name as label")
    completion: Completion | None = Field(default=None, description="whether known positions can be kept")


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


class Calibration(Frozen):
    """Held-out statistics, sorted ascending, one float64 array of length n per statistic, in an npz file.

    With ``labels`` the file also holds, as ``<statistic>.label``, the label of every sorted value: unsigned integers,
    shape (n,), indices into ``labels``.
    """

    file: FileName
    n: int = Field(ge=1)
    data: str = Field(description="what the items were and why they are exchangeable with normal traffic")
    incomplete: int = Field(default=0, ge=0, description="how many of the items are rows that miss values")
    labels: tuple[LabelCount, ...] = Field(default=(), description="what p-values can be restricted to, if anything")

    @model_validator(mode="after")
    def _labels_count_every_item_once(self) -> Self:
        names = [label.name for label in self.labels]
        if len(set(names)) != len(names):
            raise ValueError("labels of the calibration must be unique")
        counted = sum(label.n for label in self.labels)
        if self.labels and counted != self.n:
            raise ValueError(f"expected labels of {self.n} calibration items, got labels of {counted}")
        return self


class Score(Frozen):
    """How to compute log p(x) or a bound of it, in nats, and how to turn it into p-values.

    Beside its statistics the graph may have an output per position, in nats: ``dim_log_prob``, which sums to log_prob,
    or ``reconstruction_error``, which sums to the statistic ``reconstruction``.
    """

    graph: Identifier
    kind: Literal["exact", "lower_bound"]
    bound: str | None = Field(default=None, description="which bound, for instance IWAE-64")
    noise_seed: int = Field(default=0, description="seed of noise shared by all rows")
    density_of: str = Field(description="what exactly the density is over, for instance the thresholded image")
    statistics: tuple[Statistic, ...] = Field(min_length=1)
    calibration: Calibration


class Encode(Frozen):
    """How to turn an item into a vector: output ``embedding``, float32, shape (batch, dims)."""

    graph: Identifier
    dims: int = Field(ge=1)
    description: str


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
    kind: Literal["exact", "lower_bound", "implicit", "representation"]
    summary: str
    input: InputSpec
    dims: int = Field(ge=1)
    graphs: dict[Identifier, Graph] = Field(min_length=1)
    generate: Generate | None = None
    score: Score | None = None
    encode: Encode | None = None
    golden: Golden
    metrics: tuple[Metric, ...] = ()
    provenance: Provenance

    @property
    def capabilities(self) -> tuple[str, ...]:
        """Which of generate, score and encode this model can do."""
        return tuple(word for word in ("generate", "score", "encode") if getattr(self, word) is not None)

    @model_validator(mode="after")
    def _capabilities_are_consistent(self) -> Self:
        for word in self.capabilities:
            if getattr(self, word).graph not in self.graphs:
                raise ValueError(f"{word} names the graph {getattr(self, word).graph!r}, which is not in graphs")
        if (self.score is None) != (self.kind in ("implicit", "representation")):
            raise ValueError(f"a model of kind {self.kind!r} must{' not' if self.score else ''} have a score")
        if self.score is not None and self.score.kind != self.kind:
            raise ValueError(f"kind is {self.kind!r} but score.kind is {self.score.kind!r}")
        if set(self.golden.tolerances) != set(self.graphs):
            raise ValueError("golden needs one tolerance per graph")
        return self


class Manifest(ManifestBody):
    """The content of ``manifest.json``."""

    schema_version: Literal[1]
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
