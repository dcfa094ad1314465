"""What a score is made of: statistics, the calibration that makes p-values of them, and a density if there is one."""

from typing import Literal, Self

from pydantic import Field, model_validator

from pofx.bundle.array_specs import FileName, Identifier
from pofx.bundle.specs import Frozen


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


class Groups(Frozen):
    """That items come in groups which belong together, and that the calibration keeps one of each, drawn at random.

    ``by`` says what a group is. Not ``told`` which items belong together, the calibration keeps all of them, and
    promises nothing.
    """

    by: str = Field(min_length=1, description="what the groups are, for instance WAV files")
    items: int = Field(ge=1, description="how many items the groups have together")
    told: bool = Field(default=True, description="whether it was known which items belong together")


class Calibration(Frozen):
    """Held-out statistics, sorted ascending, one float64 array of length n per statistic, in an npz file.

    Where items come in ``groups``, n is the number of groups.

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
    groups: Groups | None = Field(default=None, description="what belongs together, if not every item is by itself")
    held_out: HeldOut | None = Field(default=None, description="false alarms on normal items, if they were counted")

    @model_validator(mode="after")
    def _groups_have_an_item_each(self) -> Self:
        if self.groups is not None and self.groups.items < self.n:
            raise ValueError(f"expected groups of at least {self.n} items, got {self.groups.items}")
        return self

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
