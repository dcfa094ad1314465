"""What is loaded at one moment, which version every name means, and what changed from one moment to the next."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pofx.bundle import Reference
from pofx.graphs.loaded import LoadedModel

Files = frozenset[tuple[str, int, int, int]]
"""Name, size and times of change of every file in a folder."""

Happening = Literal["loaded", "replaced", "removed", "promoted", "refused"]


@dataclass(frozen=True)
class Refused:
    """A bundle that is in the store but not served, and why; ``files`` is what its folder held then."""

    name: str
    version: int
    reason: str
    files: Files = frozenset()

    @property
    def reference(self) -> Reference:
        """Name and version."""
        return Reference(self.name, self.version)


@dataclass(frozen=True)
class Event:
    """Something that happened to a version; without one, to what the store remembers of the name."""

    at: datetime
    what: Happening
    name: str
    version: int | None
    detail: str | None = None


@dataclass(frozen=True)
class Stock:
    """Immutable: a reader sees the old or the new as a whole.

    ``files`` is what the folder of every loaded version held, ``meant`` the loaded version that a name means,
    ``promoted`` the one that the store promotes, ``unclear`` why the latter is not known or not loaded, ``loading`` the
    versions in the store that are still to be tried, next one first.
    """

    models: Mapping[str, Mapping[int, LoadedModel]] = field(default_factory=dict)
    files: Mapping[Reference, Files] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()
    meant: Mapping[str, int] = field(default_factory=dict)
    promoted: Mapping[str, int] = field(default_factory=dict)
    unclear: Mapping[str, str] = field(default_factory=dict)
    loading: tuple[Reference, ...] = ()

    def model(self, reference: Reference) -> LoadedModel | None:
        """The model of that name and version, or that the name means; None if there is none."""
        version = reference.version or self.meant.get(reference.name, 0)
        return self.models.get(reference.name, {}).get(version)

    def refusal(self, reference: Reference) -> Refused | None:
        """The refusal of that version, or of any without one."""
        for item in self.refused:
            if item.name == reference.name and reference.version in (None, item.version):
                return item
        return None

    def awaits(self, reference: Reference) -> bool:
        """Whether that version, or any without one, is still to be tried."""
        return any(item.name == reference.name and reference.version in (None, item.version) for item in self.loading)

    def loaded(self) -> Iterator[tuple[Reference, LoadedModel]]:
        """Every loaded version, by name and version."""
        for name, versions in sorted(self.models.items()):
            for version in sorted(versions):
                yield Reference(name, version), versions[version]


def changes(before: Stock, after: Stock, at: datetime) -> list[Event]:
    """What happened between two moments."""
    old, new = dict(before.loaded()), dict(after.loaded())
    gone = [(what, None) for what in old if what not in new]
    fresh = [what for what in new if what not in old]
    other = [what for what in new if what in old and new[what] is not old[what]]
    refused = [(item.reference, item.reason) for item in after.refused if item not in before.refused]
    unclear = [(Reference(name), why) for name, why in after.unclear.items() if before.unclear.get(name) != why]
    promoted = [
        Reference(name, version)
        for name, version in after.promoted.items()
        if name in before.models and before.promoted.get(name) != version
    ]
    found: dict[Happening, list[tuple[Reference, str | None]]] = {
        "removed": [*gone],
        "replaced": [(what, None) for what in other],
        "loaded": [(what, None) for what in fresh],
        "refused": [*refused, *unclear],
        "promoted": [(what, None) for what in promoted],
    }
    return [Event(at, what, item.name, item.version, why) for what, items in found.items() for item, why in items]
