"""What a store remembers of a name: the numbers that were used, and which version the bare name means.

One file per name, ``<root>/.versions/<name>.json``, apart from the bundles: it outlives a folder removed by hand.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pofx.bundle.durable import replace
from pofx.bundle.errors import RecordDamaged

RECORDS = ".versions"
_LOCK = ".lock"


class Record(BaseModel):
    """``highest`` is the highest number ever used; ``before`` is what the name meant before the latest promotion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    highest: int = Field(ge=0)
    promoted: int | None = Field(default=None, ge=1)
    before: int | None = Field(default=None, ge=1)

    def knowing(self, version: int) -> Self:
        """The same, with a number that was used."""
        return self if version <= self.highest else self.model_copy(update={"highest": version})


def read_record(root: Path, name: str) -> Record:
    """The record of a name, empty if there is none; RecordDamaged names file and cure."""
    path = _path(root, name)
    try:
        return Record.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Record(highest=0)
    except ValidationError as error:
        cure = "restore the file, or delete it, which forgets the numbers of removed versions and the promoted version"
        raise RecordDamaged(path, f"expected a record of versions, got {error.errors()[0]['msg']}; {cure}") from error


def write_record(root: Path, name: str, record: Record) -> None:
    """Replaces the record of a name as a whole; the store must be locked."""
    replace(_path(root, name), record.model_dump_json().encode() + b"\n")


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Keeps other processes and threads from changing the store; waits for those that do."""
    folder = root / RECORDS
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed, also when the process dies
        yield


def _path(root: Path, name: str) -> Path:
    return root / RECORDS / f"{name}.json"
