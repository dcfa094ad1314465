"""A model as a Python program uses it: opened from a bundle, with scikit-learn's names where it has any."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pofx import bundle
from pofx.errors import CapabilityMissing, MediaUnsupported
from pofx.graphs.graph import Device
from pofx.graphs.loaded import LoadedModel
from pofx.graphs.loading import load as load_bundle
from pofx.graphs.loading import runtime_of
from pofx.kinds import objects
from pofx.kinds.columns import Extra, joined
from pofx.kinds.condition import Condition, Label
from pofx.kinds.decoded import Decoded
from pofx.kinds.faults import Errors
from pofx.kinds.row import columns_of
from pofx.kinds.words import PLURAL
from pofx.rules.arrays import Array
from pofx.rules.conformal import Floats
from pofx.rules.promises import Promise
from pofx.rules.texts import texts_of
from pofx.use import decode, encode, generate, score
from pofx.use.conditions import Conditional
from pofx.use.generate import GenerateAsked, Samples
from pofx.use.grouping import GroupsAsked
from pofx.use.online_fdr import OnlineFdr, begun
from pofx.use.score import USUAL_ALPHA, ScoreAsked, ScorePlan
from pofx.use.scores import Scores
from pofx.use.steps import run

DEFAULT_STORE = Path("models")
_NAME_TAKEN = "score"


def load(
    model: str | Path,
    *,
    store: str | Path | None = None,
    device: Literal["cpu", "cuda"] = "cpu",
    allow_torchscript: bool = False,
    parallel_runs: int | None = None,
) -> "Model":
    """The model in a folder (of a name, or of one version), or called ``name`` or ``name:version`` in a store.

    Every file is verified against its checksum, and the graphs reproduce their golden vectors here, before anything is
    returned; raises a BundleError that says what is wrong. The store is ``models``, or what SERVICE_STORE names.
    """
    source = bundle.read(_folder(model, store))
    runtime = runtime_of(Device(device), allow_torchscript=allow_torchscript, parallel_runs=parallel_runs)
    return Model(load_bundle(source, runtime))


def _folder(model: str | Path, store: str | Path | None) -> Path:
    """Where the bundle lies; raises BundleNotFound."""
    path = Path(model)
    if store is None and path.is_dir():
        path = path.resolve()
        if (path / bundle.MANIFEST_FILE).exists():
            return path
        return bundle.Store(path.parent).locate(bundle.Reference.parse(path.name))
    root = Path(store or os.environ.get("SERVICE_STORE") or DEFAULT_STORE)
    return bundle.Store(root).locate(bundle.Reference.parse(str(model)))


@dataclass(frozen=True)
class ScoreResult:
    """Scores of items, in order, with the columns of their table if they came from one."""

    scores: Scores

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of the items and their scores."""
        return (*self.scores.items.notes, *self.scores.notes)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def log_prob(self) -> Floats | None:
        """Log p(x), or an estimate of a lower bound of it, in nats, (n,); None for a model without density."""
        return self.scores.log_prob

    @property
    def standard_error(self) -> float | None:
        """How much ``log_prob`` of a typical item changes with the draw of noise that is fixed for all, in nats.

        None where it is exact, or was not measured.
        """
        return None if self.scores.density is None else self.scores.density.standard_error

    @property
    def bits_per_dim(self) -> Floats | None:
        """The same as bits per dimension, lower is more normal, (n,)."""
        return self.scores.bits_per_dim

    @property
    def p_value(self) -> Floats:
        """The conformal p-value of the statistic that decides, (n,); NaN where there is none."""
        return self.scores.p_value

    @property
    def anomaly(self) -> NDArray[np.bool_]:
        """The verdicts, (n,)."""
        return self.scores.anomaly

    @property
    def discovery(self) -> NDArray[np.bool_] | None:
        """The verdicts with a bound on the share of false ones, (n,); None if no ``fdr`` was asked for."""
        return None if self.scores.discoveries is None else self.scores.discoveries.found

    @property
    def alpha(self) -> float:
        """The promised false-alarm rate."""
        return self.scores.rule.alpha

    @property
    def statistics(self) -> dict[str, Floats]:
        """Every statistic, (n,) each."""
        return dict(self.scores.statistics)

    @property
    def p_values(self) -> dict[str, Floats]:
        """The p-value of every statistic, (n,) each."""
        return dict(self.scores.p_values)

    @property
    def error(self) -> list[str | None]:
        """Why an item could not be read, None where it was; of all items, if ``errors="row"`` was asked for."""
        return self.scores.faults.errors_of(len(self))

    @property
    def reason(self) -> list[str | None]:
        """Which value an item holds that training never saw, None where there is none; of all items."""
        return self.scores.faults.unseen_of(len(self))

    @property
    def maps(self) -> Array | None:
        """How odd every position of every item is, (n, …), higher is odder; None unless ``explain`` was asked for."""
        return None if self.scores.explanation is None else self.scores.explanation.nats

    def columns(self) -> dict[str, Any]:
        """The items' own columns, if they have any, then those of the scores, (n,) each."""
        own = {} if self.scores.items.columns is None else self.scores.items.columns.typed()
        return joined(own, self.scores.columns(), _NAME_TAKEN)

    def to_pandas(self) -> Any:
        """The columns as a pandas data frame; verdicts that are none are missing."""
        import pandas as pd  # optional, and slow to import

        return pd.DataFrame({name: _with_gaps(values) for name, values in self.columns().items()})

    def to_arrow(self) -> Any:
        """The columns as an Arrow table; verdicts that are none are missing."""
        from pofx.kinds.parquet_if_there import library

        return library().arrow_table(self.columns())


@dataclass(frozen=True)
class SampleResult:
    """Samples, and ways to look at them; ``values`` is the array (n, …), ``seed`` draws it again."""

    samples: Samples

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """The values, so that numpy takes the result as it is."""
        return np.array(self.values, dtype, copy=copy)

    @property
    def values(self) -> Array:
        """The samples as ``spec`` says."""
        return self.samples.values

    @property
    def spec(self) -> bundle.InputSpec:
        """What a sample is."""
        return self.samples.spec

    @property
    def seed(self) -> int:
        """What draws the same samples again."""
        return self.samples.seed

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed in what was said."""
        return self.samples.notes

    @property
    def conditional(self) -> Conditional | None:
        """Whether what is not known is drawn from its exact distribution given what is: ``exact``, ``approximate``, or
        ``tempered``, exact but for a temperature other than 1; None where nothing is known.
        """
        return self.samples.conditional

    def to_pandas(self) -> Any:
        """Rows as a pandas data frame, with the names of categories; texts as a series."""
        import pandas as pd  # optional, and slow to import

        match self.spec:
            case bundle.RowSpec():
                return pd.DataFrame(dict(columns_of(self.values, self.spec).cells()))
            case bundle.TextSpec():
                return pd.Series(texts_of(self.values, self.spec.alphabet), name="text")
        raise MediaUnsupported(f"expected rows or texts for a table, these are {PLURAL[self.spec.kind]}; take values")

    def to_pil(self) -> list[Image.Image]:
        """Images as PIL images."""
        if self.spec.kind != "image":
            raise MediaUnsupported(f"expected images, these are {PLURAL[self.spec.kind]}; take values")
        return [Image.fromarray(value[..., 0] if self.spec.channels == 1 else value) for value in self.values]


class Model:
    """An opened model. Arrays in and out have the batch axis first; ``info`` is what its bundle says about itself.

    It drops into a scikit-learn pipeline as the last step (``score_samples``, ``predict``) or, where it encodes, as any
    other (``transform``); ``fit`` does nothing, since models are fitted offline by ``pofx fit``.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded

    def __repr__(self) -> str:
        """Name, version and what it can do."""
        return f"<pofx.Model {self.info.reference}: {', '.join(self.info.capabilities)}; {self.info.kind}>"

    @property
    def info(self) -> bundle.Manifest:
        """The manifest: input, capabilities, statistics, metrics, provenance."""
        return self.loaded.manifest

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What ``condition={"label": …}`` may name."""
        return () if self.info.generate is None else self.info.generate.labels

    def score(
        self,
        x: object,
        *,
        alpha: float | None = None,
        promise: Promise = "marginal",
        verdict: str | None = None,
        label: Label | list[Label] | None = None,
        fdr: float | OnlineFdr | None = None,
        explain: bool = False,
        group: Label | list[Label] | None = None,
        group_column: str | None = None,
        extra: Extra = "refuse",
        errors: Errors = "refuse",
    ) -> ScoreResult:
        """Statistics, p-values and verdicts of items, and log p(x) where there is a density, as POST /score gives them.

        ``alpha`` is the false-alarm rate, ``promise`` what it promises, ``verdict`` the statistic that decides,
        ``label`` the calibration items to compare with, ``fdr`` a bound on the share of false discoveries among these
        items, or a stream that goes on (``online_fdr``); ``explain`` asks for maps. ``group`` says which items belong
        together (windows of one recording), one name for all or one for each, ``group_column`` in which column of a
        table it stands: ``fdr`` then counts groups. ``extra="keep"`` lets tables have columns that the model does not
        read. Raises RequestInvalid.

        With ``errors="row"`` an item that is wrong does not refuse the others: it gets its reason, ``.error``, and no
        numbers; a row with a category that training never saw is an anomaly with that ``.reason``.
        """
        stream, rate = (fdr, None) if isinstance(fdr, OnlineFdr) else (None, fdr)
        plan = self._plan(ScoreAsked(alpha, promise, verdict, label, rate, explain))
        if stream is not None:
            stream.check(self.info.reference, plan.rule.statistic)
        items = GroupsAsked(group, group_column).of(self._items(x, extra, errors))
        scores = run(plan.begin(items))
        scores = scores if stream is None else stream.decide(scores)
        return ScoreResult(scores)

    def online_fdr(self, fdr: float, *, verdict: str | None = None) -> OnlineFdr:
        """A new stream for ``score(…, fdr=stream)``, whose rate is held over all its calls.

        Of all that it discovers, on average at most a share ``fdr`` is normal. ``save`` and ``pofx.OnlineFdr.load``
        keep it in a file. Raises RequestInvalid.
        """
        self._check("score")
        return begun(self.info, score.score_of(self.loaded), fdr, verdict)

    def score_samples(self, x: object) -> Floats:
        """Higher is more normal, (n,): log p(x) in nats, or the estimate of its bound; without density the
        statistic that decides.
        """
        scores = run(self._plan(ScoreAsked()).begin(self._items(x)))
        if scores.log_prob is not None:
            return scores.log_prob
        decisive = score.score_of(self.loaded).statistics[0]
        values = scores.statistics[decisive.name]
        return values if decisive.tail == "low" else -values

    def predict(self, x: object, *, alpha: float = USUAL_ALPHA) -> NDArray[np.int64]:
        """1 for normal items, −1 for anomalies at the false-alarm rate alpha, (n,), as scikit-learn's detectors do."""
        return np.where(self.score(x, alpha=alpha).anomaly, -1, 1)

    def sample(
        self,
        n: int | None = None,
        *,
        seed: int | None = None,
        condition: Condition | dict[str, Any] | None = None,
        latents: Array | None = None,
        mean: bool = False,
        **options: float,
    ) -> SampleResult:
        """Samples, as POST /generate gives them: ``.values`` holds the array, ``.seed`` draws them again.

        ``condition`` says what they should be like (label, known values, source, …); options are those the model
        declares, ``temperature`` for many. Raises RequestInvalid or CapabilityMissing.
        """
        self._check("generate")
        told = condition if isinstance(condition, Condition) else Condition.model_validate(condition or {})
        asked = GenerateAsked(n, seed, options, told, latents, mean)
        return SampleResult(run(generate.plan(self.loaded, asked).begin()))

    def encode(self, x: object, *, errors: Errors = "refuse") -> Array:
        """Latent vectors, float32 (n, dims), as POST /encode gives them.

        With ``errors="row"`` that of an item that is wrong is not a number; ``check`` says why.
        """
        self._check("encode")
        items = self._items(x, errors=errors)
        return run(encode.plan(self.loaded).begin(items))

    transform = encode

    def check(self, x: object, *, extra: Extra = "refuse") -> list[str | None]:
        """What is wrong with each item, or which unseen category it holds; None where it can be used, (n,)."""
        items = self._items(x, extra, "row")
        return items.faults.reasons_of(len(items.array))

    def decode(self, z: Array) -> Array:
        """Items (n, …) from latent vectors (n, dims): by the decoder, or the mean of what a sampler draws from them."""
        if self.info.decode is not None:
            return run(decode.plan(self.loaded).begin(z, np.asarray))
        declared = self.info.generate
        if declared is None or declared.latents is None:
            raise CapabilityMissing(f"{self.info.reference} cannot decode: it has no latents")
        return self.sample(latents=np.asarray(z), seed=0, mean=declared.mean is not None).values

    def fit(self, x: object = None, y: object = None) -> "Model":
        """The model itself: it is fitted already."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Always."""
        return True

    def __sklearn_clone__(self) -> "Model":
        """The model itself: there is nothing to fit anew."""
        return self

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of a step: it detects outliers, and needs no target."""
        from sklearn.utils import Tags, TargetTags  # only scikit-learn calls this

        return Tags(estimator_type="outlier_detector", target_tags=TargetTags(required=False))

    def _items(self, x: object, extra: Extra = "refuse", errors: Errors = "refuse") -> Decoded:
        return objects.decoded(x, self.info.input, extra, errors)

    def _plan(self, asked: ScoreAsked) -> ScorePlan:
        self._check("score")
        return score.plan(self.loaded, asked)

    def _check(self, capability: str) -> None:
        if capability not in self.info.capabilities:
            offers = ", ".join(self.info.capabilities)
            raise CapabilityMissing(f"{self.info.reference} cannot {capability}; it offers {offers}")


def _with_gaps(values: Any) -> Any:
    """What pandas shows as missing where an array is masked."""
    if isinstance(values, np.ma.MaskedArray):
        return values.tolist()  # None where masked
    return np.ma.getdata(values) if isinstance(values, np.ndarray) else values
