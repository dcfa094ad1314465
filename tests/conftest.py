"""Tiny real bundles, of every kind of model and of data, made with onnx.helper."""

import io

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from pofx import bundle
from pofx.graphs.golden import STEPPED

SIDE, DIMS, LATENTS, CALIBRATION_N = 6, 36, 3, 199
TYPES = {
    "uint8": TensorProto.UINT8,
    "int16": TensorProto.INT16,
    "int64": TensorProto.INT64,
    "float32": TensorProto.FLOAT,
}
RATE_HZ, SAMPLES, CHARACTERS, ALPHABET, LABELS = 400, 40, 6, "abn", ("cat", "dog", "3")
WALK = 7
IMAGE_SHAPE = ("batch", SIDE, SIDE, 1)


def data(name, dtype, shape):
    return bundle.DataInput(name=name, dtype=dtype, shape=shape)


def noise(name, distribution, shape):
    return bundle.NoiseInput(name=name, dtype="float32", shape=shape, distribution=distribution)


def condition(of, dtype, shape):
    return bundle.ConditionInput(name=of, dtype=dtype, shape=shape, of=of)


def output(name, dtype, shape):
    return bundle.ArraySpec(name=name, dtype=dtype, shape=shape)


IMAGE = data("image", "uint8", IMAGE_SHAPE)
ROW = data("row", "float32", ("batch", 3))
UNIFORM = noise("u", "uniform", ("batch", DIMS))
NORMAL = noise("z", "normal", ("batch", LATENTS))
TEMPERATURE = bundle.OptionInput(
    name="temperature", dtype="float32", shape=("batch",), description="spread", default=1.0, minimum=0.1, maximum=2.0
)
LOG_PROB = output("log_prob", "float32", ("batch",))
SAMPLE = output("sample", "uint8", IMAGE_SHAPE)


def onnx_model(steps, inputs, outputs, constants):
    """The bytes of a model; a step is (operator, inputs, output, attributes)."""
    nodes = [helper.make_node(op, ins.split(), out.split(), **attributes) for op, ins, out, attributes in steps]
    value = lambda spec: helper.make_tensor_value_info(spec.name, TYPES[spec.dtype], spec.shape)  # noqa: E731
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "g", [*map(value, inputs)], [*map(value, outputs)], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10).SerializeToString()


BINARY = [
    ("Greater", "image half", "bright", {}),
    ("Cast", "bright", "x3", {"to": TensorProto.FLOAT}),
    ("Reshape", "x3 flat", "x", {}),
]
TO_PIXELS = [
    ("Less", "u p", "on", {}),
    ("Cast", "on", "on8", {"to": TensorProto.UINT8}),
    ("Mul", "on8 white", "s", {}),
    ("Reshape", "s image_shape", "sample", {}),
]
TEMPERED = [("Unsqueeze", "temperature last", "t", {})]
SHAPES = {
    "half": np.uint8(127),
    "white": np.uint8(255),
    "flat": np.array([-1, DIMS]),
    "image_shape": np.array([-1, SIDE, SIDE, 1]),
    "map_shape": np.array([-1, SIDE, SIDE]),
    "last": np.array([1]),
}


def weights(*shape, seed=0, scale=1.0):
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


class Draft:
    """A bundle in the making: graphs with their bytes, and capabilities."""

    def __init__(self, name, spec, dims, **capabilities):
        self.name, self.spec, self.dims, self.capabilities = name, spec, dims, capabilities
        self.graphs, self.files, self.golden, self.runs = {}, {}, {}, {}

    def graph(self, name, steps, inputs, outputs, constants):
        used = {word for _, words, _, _ in steps for word in words.split()}
        constants = {key: constants[key] for key in used & set(constants)}
        self.files[f"{name}.onnx"] = onnx_model(steps, inputs, outputs, constants)
        self.graphs[name] = bundle.Graph(
            files={"onnx": f"{name}.onnx"}, inputs=tuple(inputs), outputs=tuple(outputs), mflop_per_row=0.01
        )
        session = onnxruntime.InferenceSession(self.files[f"{name}.onnx"], providers=["CPUExecutionProvider"])
        self.runs[name] = lambda arrays, names=None: session.run(names, arrays)
        arrays = {item.name: fill(item, 5) for item in inputs}
        stepped = {item.name for item in inputs if item.role in STEPPED}
        self.golden |= {f"{name}.in.{key}": array[None] if key in stepped else array for key, array in arrays.items()}
        self.golden |= {
            f"{name}.out.{spec.name}": array[None] if stepped else array
            for spec, array in zip(outputs, self.runs[name](arrays), strict=True)
        }

    def calibrate(self):
        score = self.graphs["score"]
        arrays = {item.name: fill(item, CALIBRATION_N) for item in score.inputs}
        names = [statistic.name for statistic in self.capabilities["score"].statistics]
        found = dict(zip(names, self.runs["score"](arrays, names), strict=True))
        self.files["calibration.npz"] = npz({name: np.sort(found[name].astype(np.float64)) for name in names})

    def body(self):
        tolerance = bundle.Tolerance(atol=1e-4, rtol=1e-4)
        return bundle.ManifestBody(
            family="tiny",
            summary="a tiny model for tests",
            input=self.spec,
            dims=self.dims,
            graphs=self.graphs,
            golden=bundle.Golden(file="golden.npz", tolerances=dict.fromkeys(self.graphs, tolerance)),
            provenance=bundle.Provenance(
                created="2026-01-01T00:00:00Z",
                seed=0,
                smoke=True,
                data=bundle.DataProvenance(source="random", licence="none", fingerprint="0", splits={"fit": 1}),
                training_seconds=0.0,
                versions={},
            ),
            **self.capabilities,
        )

    def write(self, store):
        if "score" in self.capabilities:
            self.calibrate()
        files = {**self.files, "golden.npz": npz(self.golden), "CARD.md": b"# tiny\n"}
        return bundle.write(store, self.name, self.body(), files)


def npz(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def fill(item, rows):
    """Arrays as the exporter would store them; shared noise by the rule of the contract."""
    from pofx.rules.noise import draw_shared

    generator = np.random.default_rng(3)
    shape = tuple(rows if axis == "batch" else axis for axis in item.shape)
    if item.role == "noise" and "batch" not in item.shape:
        return draw_shared(item, 0)
    if item.role == "option":
        return np.full(shape, item.default, item.dtype)
    if item.role == "position":
        return np.zeros(shape, np.int64)
    if item.role == "condition" and item.of not in ("known", "source"):
        return generator.integers(0, 2, shape).astype(item.dtype)
    if item.dtype == "int16":
        return generator.integers(-3000, 3000, shape).astype(np.int16)
    if item.dtype == "uint8":
        return generator.integers(0, 256, shape).astype(np.uint8)
    uniform = item.role == "noise" and item.distribution == "uniform"
    draw = generator.random if uniform else generator.standard_normal
    return draw(shape).astype(np.float32)


def statistic(name="log_prob", tail="low"):
    return bundle.Statistic(name=name, unit="nats", tail=tail, description="how likely")


def score(kind, *statistics, bound=None, error=None):
    calibration = bundle.Calibration(file="calibration.npz", n=CALIBRATION_N, data="random")
    density = None if kind is None else bundle.Density(kind=kind, bound=bound, over="x", standard_error=error)
    return bundle.Score(graph="score", density=density, statistics=statistics, calibration=calibration)


def exact_image():
    generate = bundle.Generate(
        method="fixed_point",
        graph="propose",
        sample="sample",
        max_passes=DIMS,
        conditions=(bundle.KnownCondition(kind="raster"),),
    )
    draft = Draft(
        "tiny-made",
        bundle.ImageSpec(height=SIDE, width=SIDE, channels=1),
        DIMS,
        generate=generate,
        score=score("exact", statistic()),
    )
    causal = np.triu(weights(DIMS, DIMS), 1)  # pixel j sees only pixels before it
    constants = {**SHAPES, "w": causal, "b": weights(DIMS, seed=1)}
    logits = [*BINARY, ("MatMul", "x w", "xw", {}), ("Add", "xw b", "l", {})]
    tempered = [*TEMPERED, ("Div", "l t", "lt", {}), ("Sigmoid", "lt", "p", {})]
    draft.graph("propose", [*logits, *tempered, *TO_PIXELS], [IMAGE, UNIFORM, TEMPERATURE], [SAMPLE], constants)
    terms = [
        ("Softplus", "l", "sp", {}),
        ("Mul", "x l", "xl", {}),
        ("Sub", "xl sp", "terms", {}),
        ("ReduceSum", "terms last", "log_prob", {"keepdims": 0}),
        ("Reshape", "terms map_shape", "dim_log_prob", {}),
    ]
    outputs = [LOG_PROB, output("dim_log_prob", "float32", ("batch", SIDE, SIDE))]
    draft.graph("score", [*logits, *terms], [IMAGE], outputs, constants)
    return draft


def lower_bound_image():
    draft = Draft(
        "tiny-vae",
        bundle.ImageSpec(height=SIDE, width=SIDE, channels=1),
        DIMS,
        generate=bundle.Generate(method="direct", graph="generate", sample="sample", mean="mean", latents="z"),
        score=score("lower_bound", statistic(), statistic("reconstruction", "high"), bound="IWAE-5", error=0.25),
        encode=bundle.Encode(graph="encode", dims=LATENTS, description="posterior mean"),
    )
    constants = {**SHAPES, "w": weights(LATENTS, DIMS), "e": weights(DIMS, LATENTS, scale=0.2), "c": np.float32(255)}
    decode = [
        *TEMPERED,
        ("Mul", "z t", "zt", {}),
        ("MatMul", "zt w", "l", {}),
        ("Sigmoid", "l", "p", {}),
        *TO_PIXELS,
        ("Mul", "p c", "pc", {}),
        ("Cast", "pc", "p8", {"to": TensorProto.UINT8}),
        ("Reshape", "p8 image_shape", "mean", {}),
    ]
    draft.graph(
        "generate", decode, [NORMAL, UNIFORM, TEMPERATURE], [SAMPLE, output("mean", "uint8", IMAGE_SHAPE)], constants
    )
    encoded = [*BINARY, ("MatMul", "x e", "m", {})]
    bound = [
        *encoded,
        ("Unsqueeze", "m last", "m1", {}),
        ("Add", "m1 eps", "zk", {}),
        ("MatMul", "zk w", "l", {}),
        ("Unsqueeze", "x last", "x1", {}),
        ("Mul", "x1 l", "xl", {}),
        ("Softplus", "l", "sp", {}),
        ("Sub", "xl sp", "d", {}),
        ("ReduceSum", "d two", "k", {"keepdims": 0}),
        ("ReduceLogSumExp", "k last", "log_prob", {"keepdims": 0}),
        ("MatMul", "m w", "ml", {}),
        ("Mul", "x ml", "xml", {}),
        ("Softplus", "ml", "spm", {}),
        ("Sub", "spm xml", "errors", {}),
        ("ReduceSum", "errors last", "reconstruction", {"keepdims": 0}),
        ("Reshape", "errors map_shape", "reconstruction_error", {}),
    ]
    eps = noise("eps", "normal", (5, LATENTS))
    outputs = [
        LOG_PROB,
        output("reconstruction", "float32", ("batch",)),
        output("reconstruction_error", "float32", ("batch", SIDE, SIDE)),
    ]
    draft.graph("score", bound, [IMAGE, eps], outputs, {**constants, "two": np.array([2])})
    embedding = output("embedding", "float32", ("batch", LATENTS))
    draft.graph("encode", [*encoded, ("Identity", "m", "embedding", {})], [IMAGE], [embedding], constants)
    return draft


def implicit_image():
    draft = Draft(
        "tiny-gan",
        bundle.ImageSpec(height=SIDE, width=SIDE, channels=1),
        DIMS,
        generate=bundle.Generate(method="direct", graph="generate", sample="sample", latents="z"),
    )
    steps = [
        ("MatMul", "z w", "l", {}),
        ("Sigmoid", "l", "p", {}),
        ("Mul", "p c", "pc", {}),
        ("Cast", "pc", "p8", {"to": TensorProto.UINT8}),
        ("Reshape", "p8 image_shape", "sample", {}),
    ]
    constants = {**SHAPES, "w": weights(LATENTS, DIMS), "c": np.float32(255)}
    draft.graph("generate", steps, [NORMAL], [SAMPLE], constants)
    return draft


def table():
    columns = tuple(bundle.Column(name=name, minimum=-3, maximum=3) for name in ("alcohol", "ash", "hue"))
    draft = Draft(
        "tiny-table",
        bundle.RowSpec(columns=columns),
        3,
        generate=bundle.Generate(method="direct", graph="generate", sample="sample"),
        score=score("exact", statistic(), statistic("distance", "high")),
        encode=bundle.Encode(graph="encode", dims=2, description="projection"),
    )
    constants = {**SHAPES, "half": np.float32(0.5), "hundred": np.float32(100), "w": weights(3, 2)}
    terms = [
        ("Mul", "row row", "sq", {}),
        ("Mul", "sq half", "hsq", {}),
        ("Neg", "hsq", "n", {}),
        ("Less", "row hundred", "inside", {}),  # zero density beyond a hundred: log_prob is -inf there
        ("Cast", "inside", "inside1", {"to": TensorProto.FLOAT}),
        ("Log", "inside1", "support", {}),
        ("Add", "n support", "dim_log_prob", {}),
        ("ReduceSum", "dim_log_prob last", "log_prob", {"keepdims": 0}),
        ("ReduceSum", "sq last", "distance", {"keepdims": 0}),
    ]
    outputs = [
        LOG_PROB,
        output("dim_log_prob", "float32", ("batch", 3)),
        output("distance", "float32", ("batch",)),
    ]
    draft.graph("score", terms, [ROW], outputs, constants)
    steps = [("Exp", "z", "e", {}), ("Add", "e z", "sample", {})]
    draft.graph("generate", steps, [NORMAL], [output("sample", "float32", ("batch", 3))], {})
    embedding = output("embedding", "float32", ("batch", 2))
    draft.graph("encode", [("MatMul", "row w", "embedding", {})], [ROW], [embedding], {"w": constants["w"]})
    return draft


def labelled_image():
    """Pixels are on with a probability of their own for every label, and one half where it is not known."""
    draft = Draft(
        "tiny-labels",
        bundle.ImageSpec(height=SIDE, width=SIDE, channels=1),
        DIMS,
        generate=bundle.Generate(
            method="direct",
            graph="generate",
            sample="sample",
            conditions=(bundle.LabelCondition(labels=LABELS),),
        ),
    )
    probabilities = np.stack(
        [np.linspace(0, 0.9, DIMS), np.linspace(0.9, 0, DIMS), np.eye(DIMS)[0], np.full(DIMS, 0.5)]
    )
    steps = [("Gather", "table label", "p", {}), *TO_PIXELS]
    constants = {**SHAPES, "table": probabilities.astype(np.float32)}
    draft.graph("generate", steps, [UNIFORM, condition("label", "int64", ("batch",))], [SAMPLE], constants)
    return draft


def recording():
    """Independent normal samples of a thousandth of a second each; what is known is kept by the graph."""
    draft = Draft(
        "tiny-audio",
        bundle.AudioSpec(rate_hz=RATE_HZ, length=SAMPLES),
        SAMPLES,
        generate=bundle.Generate(
            method="direct", graph="generate", sample="sample", conditions=(bundle.KnownCondition(kind="raster"),)
        ),
        score=score("exact", statistic()),
    )
    shape = ("batch", SAMPLES)
    known = [condition("known", "int16", shape), condition("mask", "uint8", shape)]
    constants = {"scale": np.float32(1000), "half": np.float32(-0.5), "last": np.array([1])}
    steps = [
        ("Mul", "eps scale", "drawn", {}),
        ("Cast", "known", "known1", {"to": TensorProto.FLOAT}),
        ("Cast", "mask", "mask1", {"to": TensorProto.BOOL}),
        ("Where", "mask1 known1 drawn", "kept", {}),
        ("Cast", "kept", "sample", {"to": TensorProto.INT16}),
    ]
    sample = output("sample", "int16", shape)
    draft.graph("generate", steps, [noise("eps", "normal", shape), *known], [sample], constants)
    terms = [
        ("Cast", "audio", "x", {"to": TensorProto.FLOAT}),
        ("Div", "x scale", "z", {}),
        ("Mul", "z z", "zz", {}),
        ("Mul", "zz half", "dim_log_prob", {}),
        ("ReduceSum", "dim_log_prob last", "log_prob", {"keepdims": 0}),
    ]
    outputs = [LOG_PROB, output("dim_log_prob", "float32", shape)]
    draft.graph("score", terms, [data("audio", "int16", shape)], outputs, constants)
    return draft


def text():
    """Every character, and the end, is as likely as any other, until the end."""
    draft = Draft(
        "tiny-text",
        bundle.TextSpec(alphabet=ALPHABET, length=CHARACTERS),
        CHARACTERS,
        generate=bundle.Generate(
            method="fixed_point",
            graph="propose",
            sample="sample",
            max_passes=CHARACTERS,
            conditions=(bundle.KnownCondition(kind="raster"),),
        ),
        score=score("exact", statistic()),
    )
    shape = ("batch", CHARACTERS)
    codes = np.float32(len(ALPHABET) + 1)
    constants = {
        "before": np.eye(CHARACTERS, k=1, dtype=np.float32),
        "start": np.eye(1, CHARACTERS, dtype=np.float32),
        "none": np.float32(0),
        "codes": codes,
        "nats": -np.log(codes),
        "last": np.array([1]),
    }
    alive = [
        ("Cast", "text", "x", {"to": TensorProto.FLOAT}),
        ("MatMul", "x before", "previous", {}),
        ("Add", "previous start", "reached", {}),
        ("Greater", "reached none", "going", {}),
        ("Cast", "going", "alive", {"to": TensorProto.FLOAT}),
    ]
    draw = [
        ("Mul", "u codes", "scaled", {}),
        ("Floor", "scaled", "drawn", {}),
        ("Mul", "drawn alive", "kept", {}),
        ("Cast", "kept", "sample", {"to": TensorProto.UINT8}),
    ]
    sample, inputs = output("sample", "uint8", shape), data("text", "uint8", shape)
    draft.graph("propose", [*alive, *draw], [inputs, noise("u", "uniform", shape)], [sample], constants)
    terms = [
        ("Mul", "alive nats", "dim_log_prob", {}),
        ("ReduceSum", "dim_log_prob last", "log_prob", {"keepdims": 0}),
    ]
    outputs = [LOG_PROB, output("dim_log_prob", "float32", shape)]
    draft.graph("score", [*alive, *terms], [inputs], outputs, constants)
    return draft


def representation():
    """Two orthogonal directions of an image: a code, what it decodes to, and the squared error; no density."""
    draft = Draft(
        "tiny-pca",
        bundle.ImageSpec(height=SIDE, width=SIDE, channels=1),
        DIMS,
        score=score(None, statistic("reconstruction", "high")),
        encode=bundle.Encode(graph="encode", dims=2, description="projection", prior="normal"),
        decode=bundle.Decode(graph="decode", item="item"),
    )
    directions = np.linalg.qr(weights(DIMS, 2))[0].astype(np.float32)
    constants = {**SHAPES, "w": directions, "wt": directions.T.copy(), "zero": np.float32(0), "top": np.float32(255)}
    projected = [
        ("Cast", "image", "x4", {"to": TensorProto.FLOAT}),
        ("Reshape", "x4 flat", "x", {}),
        ("MatMul", "x w", "z", {}),
    ]
    encoded = output("embedding", "float32", ("batch", 2))
    draft.graph("encode", [*projected, ("Identity", "z", "embedding", {})], [IMAGE], [encoded], constants)
    error = [
        ("MatMul", "z wt", "y", {}),
        ("Sub", "x y", "off", {}),
        ("Mul", "off off", "errors", {}),
        ("ReduceSum", "errors last", "reconstruction", {"keepdims": 0}),
        ("Reshape", "errors map_shape", "reconstruction_error", {}),
    ]
    outputs = [
        output("reconstruction", "float32", ("batch",)),
        output("reconstruction_error", "float32", ("batch", SIDE, SIDE)),
    ]
    draft.graph("score", [*projected, *error], [IMAGE], outputs, constants)
    decoded = [
        ("MatMul", "code wt", "y", {}),
        ("Clip", "y zero top", "c", {}),
        ("Round", "c", "r", {}),
        ("Cast", "r", "r8", {"to": TensorProto.UINT8}),
        ("Reshape", "r8 image_shape", "item", {}),
    ]
    code, item = data("code", "float32", ("batch", 2)), output("item", "uint8", IMAGE_SHAPE)
    draft.graph("decode", decoded, [code], [item], constants)
    return draft


def translation():
    """Image to image: the source as it is in the domain `same`, its negative in the domain `other`."""
    spec = bundle.ImageSpec(height=SIDE, width=SIDE, channels=1)
    conditions = (bundle.SourceCondition(item=spec), bundle.TargetCondition(domains=("same", "other")))
    draft = Draft(
        "tiny-translation",
        spec,
        DIMS,
        generate=bundle.Generate(method="direct", graph="generate", sample="sample", conditions=conditions),
    )
    steps = [
        ("Cast", "target", "t", {"to": TensorProto.BOOL}),
        ("Reshape", "t per_row", "negative", {}),
        ("Sub", "white source", "inverted", {}),
        ("Where", "negative inverted source", "sample", {}),
    ]
    inputs = [condition("source", "uint8", IMAGE_SHAPE), condition("target", "int64", ("batch",))]
    draft.graph("generate", steps, inputs, [SAMPLE], {**SHAPES, "per_row": np.array([-1, 1, 1, 1])})
    return draft


def told():
    """Rows made of what was said: an attribute, a number of the code, its category, and the length of the caption."""
    conditions = (
        bundle.AttributesCondition(
            attributes=(
                bundle.Attribute(name="bright"),
                bundle.Attribute(name="size", kind="number", minimum=2, maximum=5),
            )
        ),
        bundle.CodeCondition(
            parts=(
                bundle.ContinuousCode(name="slant", minimum=-1, maximum=1),
                bundle.CategoricalCode(name="digit", size=3),
            )
        ),
        bundle.CaptionCondition(text=bundle.TextSpec(alphabet=ALPHABET, length=CHARACTERS)),
    )
    names = ("bright", "size", "slant", "digit_0", "digit_1", "digit_2", "letters")
    draft = Draft(
        "tiny-told",
        bundle.ImageSpec(height=SIDE, width=SIDE, channels=1),
        DIMS,
        generate=bundle.Generate(
            method="direct",
            graph="generate",
            sample="sample",
            makes=bundle.RowSpec(columns=tuple(bundle.Column(name=name, minimum=0, maximum=9) for name in names)),
            conditions=conditions,
        ),
    )
    steps = [
        ("Sign", "caption", "there", {}),
        ("Cast", "there", "there1", {"to": TensorProto.FLOAT}),
        ("ReduceSum", "there1 last", "letters", {"keepdims": 1}),
        ("Concat", "attributes code letters", "sample", {"axis": 1}),
    ]
    inputs = [
        condition("attributes", "float32", ("batch", 2)),
        condition("code", "float32", ("batch", 4)),
        condition("caption", "uint8", ("batch", CHARACTERS)),
    ]
    draft.graph("generate", steps, inputs, [output("sample", "float32", ("batch", len(names)))], SHAPES)
    return draft


def walk():
    """Sums of normal numbers from the first column on, drawn two columns at a time."""
    columns = tuple(bundle.Column(name=f"c{place}", minimum=-9, maximum=9) for place in range(WALK))
    draft = Draft(
        "tiny-walk",
        bundle.RowSpec(columns=columns),
        WALK,
        generate=bundle.Generate(method="sequential", graph="generate", sample="sample", positions=WALK, chunk=2),
    )
    steps = [
        ("Add", "position ahead", "positions", {}),
        ("Min", "positions end", "inside", {}),
        ("Gather", "eps inside", "now", {"axis": 1}),
        ("CumSum", "now axis", "sums", {}),
        ("Add", "sums total", "new", {}),
        ("Shape", "new", "size", {}),
        ("Expand", "positions size", "where", {}),
        ("ScatterElements", "drawn where new", "next_drawn", {"axis": 1}),
        ("Gather", "new second", "next_total", {"axis": 1}),
        ("Gather", "next_drawn all", "sample", {"axis": 1}),
    ]
    constants = {
        "ahead": np.arange(2),
        "end": np.int64(WALK - 1),
        "axis": np.int64(1),
        "second": np.array([1]),
        "all": np.arange(WALK),
    }
    states = [bundle.StateInput(name="drawn", dtype="float32", shape=("batch", WALK + 1))]
    states.append(bundle.StateInput(name="total", dtype="float32", shape=("batch", 1)))
    inputs = [noise("eps", "normal", ("batch", WALK)), *states]
    inputs.append(bundle.PositionInput(name="position", dtype="int64", shape=()))
    outputs = [output("sample", "float32", ("batch", WALK)), *(output(s.becomes, s.dtype, s.shape) for s in states)]
    draft.graph("generate", steps, inputs, outputs, constants)
    return draft


DRAFTS = (
    exact_image,
    lower_bound_image,
    implicit_image,
    labelled_image,
    recording,
    table,
    text,
    representation,
    translation,
    told,
)


@pytest.fixture(scope="session")
def drafts():
    """Makers of the bundles, to be changed before they are written."""
    return {make.__name__: make for make in (*DRAFTS, walk)}


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    found = bundle.Store(tmp_path_factory.mktemp("store"))
    for make in DRAFTS:
        make().write(found)
    return found


@pytest.fixture
def pixels():
    return np.random.default_rng(5).integers(0, 256, (40, SIDE, SIDE, 1)).astype(np.uint8)


@pytest.fixture
def rows():
    return np.random.default_rng(6).standard_normal((40, 3)).astype(np.float32)


@pytest.fixture(scope="session")
def recordings():
    """Draws a statistic of windows of recordings, each at a level of its own; marginally it is standard normal.

    Windows that follow each other are alike too: an autoregression of order one beside the level, half of the variance
    each. ``random`` draws, of shape (…, recordings, windows).
    """

    def draw(random, *shape):
        steps = random.standard_normal(shape)
        for place in range(1, shape[-1]):
            steps[..., place] = 0.8 * steps[..., place - 1] + 0.6 * steps[..., place]
        return (random.standard_normal((*shape[:-1], 1)) + steps) / np.sqrt(2)

    return draw
