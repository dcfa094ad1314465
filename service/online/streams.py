"""The stream of every model and API key that asked for discoveries across requests, by name and version."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pofx.graphs.loaded import LoadedModel
from pofx.rules.lord import Stream
from pofx.use.online_fdr import OnlineFdr, begun
from pofx.use.score import score_of
from pofx.use.verdict import deciding

ANYBODY = b""
"""The caller where the service knows no keys."""


@dataclass(frozen=True)
class Totals:
    """What the streams of one model have come to; ``spent`` of them can discover nothing more."""

    streams: int
    tests: int
    discoveries: int
    spent: int


class Streams:
    """Made as they are asked for, kept in memory; there are at most as many as served versions times keys."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, bytes], tuple[LoadedModel, OnlineFdr]] = {}

    def of(self, model: LoadedModel, caller: bytes, fdr: float, verdict: str | None) -> OnlineFdr:
        """The stream of a caller, begun if there is none; RequestInvalid for another rate or statistic than its own."""
        declared = score_of(model)
        found = self.find(model, caller)
        if found is None:
            found = begun(model.manifest, declared, fdr, verdict)
            self._streams[model.manifest.reference, caller] = (model, found)
        found.check(model.manifest.reference, deciding(declared, verdict), fdr)
        return found

    def find(self, model: LoadedModel, caller: bytes) -> OnlineFdr | None:
        """The stream of a caller, if it has begun."""
        of_model, stream = self._streams.get((model.manifest.reference, caller), (None, None))
        return stream if of_model is model else None  # a version that was replaced begins anew

    def reset(self, model: LoadedModel, caller: bytes) -> None:
        """Forgets the stream of a caller: the next request begins another, with a new promise."""
        self._streams.pop((model.manifest.reference, caller), None)

    def keep(self, models: Collection[LoadedModel]) -> None:
        """Forgets the streams of all models but these, which are still served."""
        self._streams = {key: found for key, found in self._streams.items() if found[0] in models}

    def read(self) -> Iterator[tuple[str, int, Totals]]:
        """Name, version and totals of every model with streams."""
        states: dict[tuple[str, int], list[Stream]] = {}
        for model, stream in self._streams.values():
            states.setdefault((model.manifest.name, model.manifest.version), []).append(stream.stream)
        for (name, version), found in states.items():
            yield name, version, _totals(found)


def _totals(found: list[Stream]) -> Totals:
    return Totals(
        streams=len(found),
        tests=sum(item.tests for item in found),
        discoveries=sum(item.discoveries for item in found),
        spent=sum(item.left == 0 for item in found),
    )
