"""Discoveries across requests: a stream of items of one model that remembers what it found, and its file."""

import json
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from pofx import bundle
from pofx.bundle import durable
from pofx.errors import RequestInvalid
from pofx.rules.conformal import Floats
from pofx.rules.groups import KnownGroups
from pofx.rules.lord import Stream, after, least_items
from pofx.use.discoveries import Discoveries, one_alone
from pofx.use.grouping import fdr_note
from pofx.use.scores import Scores
from pofx.use.sizes import RECIPE_LINE, Size, too_few
from pofx.use.verdict import deciding


@dataclass(frozen=True)
class OnlineDiscoveries(Discoveries):
    """The discoveries of one request in a stream; ``levels`` (batch,) are what p-values were compared with.

    ``stream`` is the stream after them. There is no one threshold. Of items that belong together one has a level, and
    none if an earlier request had an item of the same group: its verdict is that of all.
    """

    levels: Floats
    stream: Stream

    def columns(self) -> dict[str, np.ndarray]:
        """The level beside the discovery."""
        return {**super().columns(), "level": self.levels}


class OnlineFdr:
    """A stream of items of one version of a model, by one statistic: of all its discoveries so far, on average at most
    a share ``fdr`` is normal, however the items are cut into requests. Of items that belong together one is tested, in
    the first request that has any.

    Made by ``Model.online_fdr``; requests are taken in the order in which they come, one at a time.
    """

    def __init__(self, model: str, statistic: str, stream: Stream, groups: KnownGroups | None = None) -> None:
        self.model, self.statistic = model, statistic
        self._stream, self._groups = stream, groups or KnownGroups()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """What it has found."""
        now = self._stream
        return f"<pofx.OnlineFdr {self.model}: fdr {now.fdr:g}, {now.discoveries} discoveries in {now.tests} tests>"

    @property
    def stream(self) -> Stream:
        """The state: tests, discoveries, the level of the next item, how many items are left."""
        return self._stream

    def check(self, model: str, statistic: str, fdr: float | None = None) -> None:
        """Raises RequestInvalid for a request that would mix two promises in one stream."""
        for what, own, asked, pointer in (
            ("model", self.model, model, "/model"),
            ("statistic", self.statistic, statistic, "/verdict"),
            ("fdr", self._stream.fdr, self._stream.fdr if fdr is None else fdr, "/fdr"),
        ):
            if own != asked:
                raise RequestInvalid(
                    f"{what}: this stream is one of {own}, got {asked}; what was promised of it holds for one {what} "
                    "only: go on as before, or begin a new stream (in a service: POST …/online-fdr/reset)",
                    pointer=pointer,
                )

    def decide(self, scores: Scores) -> Scores:
        """The scores with their discoveries; the stream has moved on by as many tests as there are p-values."""
        with self._lock:
            found = self._by_group(scores) if scores.groups else self._by_item(scores.p_value)
            self._stream = found.stream
        qualified = fdr_note(found.fdr, scores.comparison.groups) if scores.untold else None
        notes = (*scores.notes, *filter(None, [note(found.stream), qualified]))
        return replace(scores, discoveries=found, notes=notes)

    def _by_item(self, p_values: Floats) -> OnlineDiscoveries:
        stream, found, levels = after(self._stream, p_values)
        tests = int((~np.isnan(p_values)).sum())
        return OnlineDiscoveries(stream.fdr, tests, int(found.sum()), found, None, levels, stream)

    def _by_group(self, scores: Scores) -> OnlineDiscoveries:
        """One test of every group that is new; the others are what they were found to be."""
        verdicts = {group: self._groups.found.get(group) for group in scores.groups}
        new = np.array([verdicts[group] is None for group in scores.groups])
        alone = one_alone(scores.p_value, scores.groups, new)
        tested = self._by_item(alone)
        for place in np.flatnonzero(~np.isnan(alone)).tolist():
            group, found = scores.groups[place], bool(tested.found[place])
            verdicts[group] = found
            self._groups.take(group, found)
        return replace(tested, found=np.array([bool(verdicts[group]) for group in scores.groups]), by_group=True)

    def save(self, path: str | Path) -> None:
        """Writes the state as JSON, whole or not at all."""
        state = {
            "format": "pofx-online-fdr-1",
            "model": self.model,
            "statistic": self.statistic,
            "stream": asdict(self._stream),
            "groups": self._groups.found,
        }
        durable.replace(Path(path), json.dumps(state).encode())

    @classmethod
    def load(cls, path: str | Path) -> "OnlineFdr":
        """The stream in a file; RequestInvalid where there is none."""
        try:
            found = TypeAdapter(_File).validate_json(Path(path).read_bytes())
        except OSError as error:
            raise RequestInvalid(f"{path}: {error.strerror}") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise RequestInvalid(
                f"{path}: expected the state of a stream as OnlineFdr.save writes it; {place}: {first['msg']}"
            ) from error
        return cls(found.model, found.statistic, Stream(**asdict(found.stream)), KnownGroups(found.groups))


@checked(frozen=True, kw_only=True)
class _State:
    fdr: Annotated[float, Field(gt=0, lt=1)]
    n: Annotated[int, Field(ge=1)]
    tests: Annotated[int, Field(ge=0)]
    discoveries: Annotated[int, Field(ge=0)]
    first: int | None
    recent: tuple[int, ...]


@checked(frozen=True, kw_only=True)
class _File:
    format: Literal["pofx-online-fdr-1"]
    model: str
    statistic: str
    stream: _State
    groups: dict[str, bool]


def begun(manifest: bundle.Manifest, score: bundle.Score, fdr: float, verdict: str | None) -> OnlineFdr:
    """A new stream; RequestInvalid for a rate at which the calibration items never allow a discovery."""
    size, needed = Size(score.calibration.n), least_items(fdr)
    if not 0 < fdr < 1:
        raise RequestInvalid(f"fdr: expected a rate between 0 and 1, got {fdr:g}", pointer="/fdr")
    if size.n < needed:
        detail = (
            f"fdr {fdr:g} over requests allows no discovery: it begins with half of fdr, and with {size.items} "
            f"p-values start at {size.smallest_p_value:.3g}; use a larger fdr, or {size.needed(needed)} ({RECIPE_LINE})"
        )
        raise too_few(detail, "/fdr", size, needed)
    return OnlineFdr(manifest.reference, deciding(score, verdict), Stream(fdr, size.n))


def note(stream: Stream) -> str | None:
    """A warning where the stream can find nothing more."""
    if stream.left:
        return None
    return (
        f"fdr {stream.fdr:g} over requests: this stream can discover nothing more, since its level has fallen below "
        f"the smallest p-value of {stream.n} calibration items, of which a discovery keeps it going for "
        f"{stream.later:,} tests; begin a new stream, which is a new promise, or calibrate on more, for one anomaly in "
        f"a hundred on some {round(500 / stream.fdr):,} ({RECIPE_LINE})"
    )
