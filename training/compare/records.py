"""What was measured, kept in a JSON file after every method, so that nothing finished is lost or done again."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from training.compare.scores import Quality
from training.errors import DataError

OURS = "ours: "


@dataclass(frozen=True)
class Record:
    """One method on one split of one set. ``key`` changes with all that the numbers depend on."""

    set: str
    protocol: str
    seed: int
    method: str
    key: str
    quality: Quality
    fit_s: float
    score_s: float
    family: str = ""


@dataclass
class Records:
    """The records in a file, in memory where there is none."""

    path: Path | None
    found: list[Record] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path | None) -> "Records":
        """What an earlier run left; nothing if there was none."""
        if path is None or not path.is_file():
            return cls(path)
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))["records"]
            return cls(path, [Record(**{**row, "quality": Quality(**row["quality"])}) for row in rows])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: expected the records of an earlier comparison, got {error!r}; move it") from error

    def has(self, key: str) -> bool:
        """Whether something with this key was measured."""
        return any(record.key == key for record in self.found)

    def of(self, keys: set[str]) -> list[Record]:
        """The records with one of these keys."""
        return [record for record in self.found if record.key in keys]

    def add(self, records: Iterable[Record]) -> None:
        """Keeps these too, in the file as well."""
        self.found.extend(records)
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps({"records": [asdict(record) for record in self.found]}, indent=1))
        partial.replace(self.path)
