"""POST /score: request and answer."""

from typing import Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from pofx.kinds.condition import Labels
from pofx.kinds.item import AnsweredByRow, Item
from pofx.rules.outputs import MapKind
from pofx.rules.promises import Promise
from pofx.use.score import Control, ScoreAsked
from service.schemas.groups import GroupOptions, GroupsUsed


class ScoreOptions(GroupOptions, AnsweredByRow):
    """How to score: in the body of a JSON request, in the query string of any other."""

    model: str | None = Field(None, description="name or name:version; may be left out if only one model can score.")
    alpha: float | None = Field(None, gt=0, lt=1, description="False-alarm rate; the service has a default.")
    promise: Promise = Field(
        "marginal",
        description="What alpha promises: on average over calibration sets; pac, stricter: with probability 0.95 for "
        "the one that was drawn, of each label by itself; pac_all: with probability 0.95 for all labels at once.",
    )
    verdict: str | None = Field(
        None, description="The statistic that decides; see statistics at /models/{name}. Without it, the first of them."
    )
    label: Labels | None = Field(
        None,
        description="Compares items with the calibration items of a label only, listed under calibration at "
        "/models/{name}; or a label for each item.",
    )
    fdr: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="False discovery rate: marks items of which, on average, at most this share is normal "
        "(Benjamini-Hochberg over all items of the request; of items that belong together, over their groups). The "
        "average is one over requests: over many requests of one item most discoveries can be false, unless "
        "control is online.",
    )
    control: Control = Field(
        "request",
        description="Over what fdr is held: the items of this request; or, online, all items that this key has sent to "
        "this model with control=online, in the order in which their answers were made (LORD++).",
    )
    explain: bool = Field(False, description="Whether to say which dimensions are surprising, or badly reconstructed.")
    watch: bool = Field(True, description="Whether these items count for drift; say false for experiments.")

    def asked(self, usual_alpha: float) -> ScoreAsked:
        """What is asked of the model."""
        return ScoreAsked(
            self.alpha, self.promise, self.verdict, self.label, self.fdr, self.explain, usual_alpha, self.control
        )


class ScoreRequest(ScoreOptions):
    """Items to score, and how."""

    inputs: list[Item] = Field(min_length=1, description="The items; answers come in the same order.")


class StatisticValue(TypedDict):
    """A statistic of one item; null for a number that is not finite, and for the p-value of NaN."""

    value: float | None
    p_value: float | None


class Scale(TypedDict):
    """What the darkest and the brightest colour of a heat map mean, in nats."""

    minimum: float
    maximum: float
    unit: Literal["nats"]


class ColumnSurprise(TypedDict):
    """How surprising the value of one column is, in nats: minus its share of log_prob; null for one that is missing."""

    column: str
    surprise: float | None


class SpanSurprise(TypedDict):
    """How surprising a stretch of a recording is, in nats; its bounds in seconds."""

    start_s: float
    end_s: float
    surprise: float | None


class CharacterSurprise(TypedDict):
    """How surprising a character is, in nats; an empty one is the end of the text."""

    character: str
    surprise: float | None


class Places(TypedDict):
    """Surprise per dimension, in nats.

    An image has values, a picture and its scale; so has a recording, and its most surprising spans; a row has its
    columns, most surprising first; a text its characters in order, and its end.
    """

    values: NotRequired[Any]
    image: NotRequired[str]
    scale: NotRequired[Scale]
    columns: NotRequired[list[ColumnSurprise]]
    spans: NotRequired[list[SpanSurprise]]
    characters: NotRequired[list[CharacterSurprise]]


class SurpriseMap(Places):
    """Where an item is odd, and of what kind the numbers are.

    Of kind ``dim_log_prob`` they are minus the terms that log_prob is the sum of; of kind ``reconstruction_error``
    minus those of log p(x | z) at the item's own code, which sum to the statistic ``reconstruction``.
    """

    kind: MapKind


class ItemScore(TypedDict):
    """The score of one item; log_prob is there if the model has a density or estimates a bound of one.

    ``file`` is the name of the upload that the item was. With ``errors=row`` the ``error`` says why an item could not
    be read, and nothing else is known of it; the ``reason`` which category it holds that training never saw: it has the
    smallest p-values, and no value of a statistic.
    """

    file: NotRequired[str]
    log_prob: NotRequired[float | None]
    bits_per_dim: NotRequired[float | None]
    p_value: float | None
    anomaly: bool | None
    statistics: dict[str, StatisticValue]
    label: NotRequired[str]
    group: NotRequired[str]
    discovery: NotRequired[bool]
    level: NotRequired[float | None]
    reason: NotRequired[str | None]
    error: NotRequired[str | None]
    map: NotRequired[SurpriseMap]


class LabelUsed(TypedDict):
    """The calibration items of one label, that items of this label were compared with."""

    label: str
    n: int
    threshold: float
    smallest_p_value: float


class GapsUsed(TypedDict):
    """The calibration rows that miss just these columns, that ``rows`` rows of the request were compared with.

    ``masked`` of the ``n`` were made to miss them: their p-values hold if values are missing whatever they would be.
    """

    missing: list[str]
    rows: int
    n: int
    masked: int
    threshold: float
    smallest_p_value: float


class CalibrationUsed(TypedDict):
    """What the p-values compare with, and the smallest one it allows.

    An item is an anomaly if its p-value is at most ``threshold``: alpha itself for the promise ``marginal``, less for
    ``pac``, so that with probability 0.95 at most a share alpha of normal items is called so (of the normal items of
    one label, where ``label`` was given; with ``pac_all`` within all labels at once). If ``label`` was given,
    ``labels`` has the numbers of every label that was named; those beside it are of the smallest one. ``gaps`` has
    those of every pattern of missing values within which rows were compared; those beside it are of all others.
    ``groups`` says that the calibration items came in groups, of which one item each counts.
    """

    n: int
    groups: NotRequired[GroupsUsed]
    alpha: float
    promise: Promise
    threshold: float
    smallest_p_value: float
    verdict_by: str
    labels: NotRequired[list[LabelUsed]]
    gaps: NotRequired[list[GapsUsed]]


class StreamState(TypedDict):
    """The caller's stream after this request; without a further discovery it can find items for ``left`` more tests."""

    tests: int
    discoveries: int
    level: float
    left: int


class MultipleTesting(TypedDict):
    """The verdict over all items with a p-value, if ``fdr`` was given; the threshold is null without a discovery.

    ``by_group``, tests and discoveries are groups, each by one of its items, drawn at random. With ``control`` online
    every item that is tested has a level of its own, null for others, and there is no threshold.
    """

    fdr: float
    control: Control
    by_group: bool
    tests: int
    discoveries: int
    threshold: float | None
    stream: NotRequired[StreamState]


class ScoreAnswer(TypedDict):
    """The scores, and what their verdicts rest on.

    ``kind`` says whether log_prob is exact, an estimate of a lower bound, or not there since the model has no density.
    ``lower_bound`` is an estimate by one draw of noise, fixed for all items: right on average over draws, while a
    single value may exceed log p(x). ``standard_error``, where it was measured, is how much another draw changes
    log_prob of a typical item, in nats.
    """

    model: str
    version: int
    kind: Literal["exact", "lower_bound", "none"]
    bound: NotRequired[str | None]
    standard_error: NotRequired[float]
    density_of: NotRequired[str]
    unit: NotRequired[Literal["nats"]]
    dims: int
    calibration: CalibrationUsed
    multiple_testing: NotRequired[MultipleTesting]
    results: list[ItemScore]
    notes: list[str]
