"""Scores of a stream as a file: a partial file first, which gets its name when it is whole."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pofx.cli.arrow_tables import TableFile, with_column
from pofx.cli.tally import Found
from pofx.errors import RequestInvalid
from pofx.kinds.columns import joined
from pofx.kinds.files import Block
from pofx.use.scores import Scores

_TAKEN, _FILE, _DISCOVERY, _DECIDES, _GROUP = "score", "file", "discovery", "p_value", "group"


@dataclass(frozen=True)
class Target:
    """A CSV or Parquet file; without a path, CSV on standard output."""

    path: Path | None = None

    @property
    def csv(self) -> bool:
        """Whether text is written."""
        return self.path is None or self.path.suffix == ".csv"


def target_of(path: Path) -> Target:
    """The file to be written; RequestInvalid where its name says no format, or its folder is not there."""
    if path.suffix not in (".csv", ".parquet"):
        raise RequestInvalid(f"{path}: expected a name that ends in .csv or .parquet")
    check_folder(path)
    return Target(path)


def check_folder(path: Path) -> None:
    """Raises RequestInvalid if a file cannot lie there."""
    if not path.absolute().parent.is_dir():
        raise RequestInvalid(f"{path}: there is no folder {path.parent}")


@contextmanager
def whole_or_nothing(path: Path) -> Iterator[Path]:
    """A partial file beside a path, which replaces it at the end; an error leaves neither it nor a changed file."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


class ScoreTable:
    """The table under way. With ``spill`` all of it waits there until the discoveries among all items are known."""

    def __init__(self, path: Path | None, csv: bool, spill: Path | None) -> None:
        self._path, self._csv, self._spill = path, csv, spill
        self._file = TableFile(path if spill is None else spill, csv and spill is None)
        self._decides, self._discovery = _DECIDES, _DISCOVERY

    def write(self, scored: tuple[Block, Scores]) -> None:
        """Appends a block: the columns of its table or the names of its files, then scores."""
        block, scores = scored
        columns = {} if block.decoded.columns is None else block.decoded.columns.typed()
        own = {**({_FILE: block.decoded.files} if block.decoded.files else {}), **columns}
        found = scores.columns()
        self._file.write(joined(own, found, _TAKEN))
        decides = _DECIDES if not scores.groups else _GROUP
        self._decides, self._discovery = list(joined(own, {decides: 0, _DISCOVERY: 0}, _TAKEN))[-2:]

    def finish(self, found: Found | None) -> None:
        """Ends the file; with discoveries it gets their column."""
        self._file.close()
        if self._spill is None or found is None:
            return
        final = TableFile(self._path, self._csv)
        for part in with_column(self._spill, self._decides, found.among, self._discovery):
            final.append(part)
        final.close()


@contextmanager
def score_table(target: Target, with_discoveries: bool) -> Iterator[ScoreTable]:
    """The table to write; nothing is left of it if it is not finished."""
    with _partial(target.path) as path:
        if not with_discoveries:
            yield ScoreTable(path, target.csv, None)
            return
        with tempfile.TemporaryDirectory(dir=None if path is None else path.absolute().parent) as folder:
            yield ScoreTable(path, target.csv, Path(folder) / "scores.parquet")


@contextmanager
def _partial(path: Path | None) -> Iterator[Path | None]:
    if path is None:
        yield None
        return
    with whole_or_nothing(path) as partial:
        yield partial
