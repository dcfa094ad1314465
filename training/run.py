"""The folder of a run, and what earlier runs left in it.

runs/<name>/<digest of the recipe>-<digest of the data>/
    recipe.toml   checkpoints/   logs/leg-1/metrics.csv …   logs/tensorboard/   fitted.pt   report.json   finished.pt

A recipe with several families has such a folder for each of them inside that of its digest. Another recipe or other
data have another folder, so nothing that was fitted is overwritten, or taken for what it is not.
"""

import hashlib
import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from training.errors import FitError, TooCostly
from training.prepare import Prepared

_DIGITS = 10
_FITTED = "fitted.pt"
_LEFT_OUT = "left-out.txt"
_TENSOR_WRITERS = ("iostream", "inline_container")  # what torch calls its own when the disk refuses them


@dataclass(frozen=True)
class FitReport:
    """What a finished fit says about itself."""

    seconds: float
    epochs: int
    chosen: dict[str, float | str]


@dataclass(frozen=True)
class Run:
    """The folder of one recipe's run on some data; ``other_data`` is that of its latest run on other data, if any."""

    folder: Path
    other_data: Path | None = None

    @classmethod
    def of(cls, prepared: Prepared, runs: Path) -> "Run":
        """Where a recipe is fitted on its data."""
        recipe = prepared.recipe
        digest = hashlib.sha256(recipe.text.encode()).hexdigest()[:_DIGITS]
        place = Path() if recipe.candidates == 1 else Path(f"{recipe.candidate}-{recipe.family_name}")
        folder = runs / prepared.name / f"{digest}-{prepared.data[:_DIGITS]}" / place
        others = (runs / prepared.name).glob(f"{digest}-{'?' * _DIGITS}")
        fitted = [other / place for other in others if (other / place / _FITTED).is_file() and other / place != folder]
        return cls(folder, max(fitted, key=lambda other: other.stat().st_mtime, default=None))

    @property
    def last_checkpoint(self) -> Path:
        """Where an unfinished run continues."""
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def fitted(self) -> Path:
        """The weights of the finished run."""
        return self.folder / _FITTED

    @property
    def finished(self) -> Path:
        """The statistics of the finished run."""
        return self.folder / "finished.pt"

    @property
    def metrics(self) -> list[Path]:
        """Losses per epoch, a file for every leg of the run, in order."""
        legs = sorted(self.folder.glob("logs/leg-*"), key=lambda leg: int(leg.name.rpartition("-")[2]))
        return [leg / "metrics.csv" for leg in legs]

    def leave_out(self, reason: str) -> None:
        """Keeps why this family was left out of several, for the next time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / _LEFT_OUT).write_text(reason, encoding="utf-8")

    def refuse_left_out(self) -> None:
        """TooCostly, as it was then, for a family that was left out before."""
        if (path := self.folder / _LEFT_OUT).is_file():
            raise TooCostly(path.read_text(encoding="utf-8"))

    def story(self) -> str | None:
        """What earlier runs mean for the next fit, in words; None where there are none."""
        if self.fitted.is_file():
            return f"this recipe was fitted already ({self.folder}); --fresh starts over"
        if self.last_checkpoint.is_file():
            return f"this recipe continues from its last checkpoint ({self.folder}); --fresh starts over"
        if self.other_data is not None:
            return f"its data changed since it was fitted ({self.other_data}), so this is another run ({self.folder})"
        return None

    def set_aside(self) -> None:
        """Keeps what an earlier run left under another name, so that this one starts over and nothing is lost."""
        if self.folder.exists():
            kept = len(list(self.folder.parent.glob(f"{self.folder.name}.kept-*"))) + 1
            self.folder.rename(self.folder.with_name(f"{self.folder.name}.kept-{kept}"))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Errors of the disk within, while files of the run are written, as a FitError that names the file."""
        try:
            yield
        except OSError as error:
            raise _unwritable(error.filename or self.folder, error.strerror or str(error)) from error
        except RuntimeError as error:
            if not any(writer in str(error) for writer in _TENSOR_WRITERS):
                raise
            raise _unwritable(self.folder, str(error)) from error

    def save(self, path: Path, state: dict[str, Any]) -> None:
        """Writes tensors to a file of the run, whole or not at all; FitError where it cannot."""
        partial = path.with_suffix(".partial")
        try:
            torch.save(state, partial)
            partial.replace(path)
        except (OSError, RuntimeError) as error:
            partial.unlink(missing_ok=True)
            raise _unwritable(path, str(error)) from error

    def load(self, path: Path) -> dict[str, Any]:
        """The tensors in a file of the run; FitError if it is damaged."""
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
            raise _damaged(path) from error

    def checkpoint(self) -> Path | None:
        """Where to continue, None where nothing was begun; FitError if the file is damaged."""
        if not self.last_checkpoint.is_file():
            return None
        try:  # our own file, which also holds the state of optimiser and loops
            torch.load(self.last_checkpoint, map_location="cpu", weights_only=False)
        except Exception as error:
            raise _damaged(self.last_checkpoint) from error
        return self.last_checkpoint

    def save_report(self, report: FitReport) -> None:
        """Writes what the fit says about itself."""
        (self.folder / "report.json").write_text(json.dumps(asdict(report), indent=1))

    def report(self) -> FitReport:
        """The report of the finished run; FitError if there is none."""
        if self.fitted.is_file():
            return _read_report(self.folder / "report.json")
        if self.other_data is not None:
            raise FitError(
                f"the data of this recipe changed since it was fitted ({self.other_data}); `pofx fit` "
                "fits it on what is there now"
            )
        raise FitError(f"{self.folder}: not fitted yet; `pofx fit` does that")


def _unwritable(path: Path | str, reason: str) -> FitError:
    return FitError(f"{path}: cannot be written, is the disk full? ({reason})")


def _damaged(path: Path) -> FitError:
    """What to say of a file that cannot be read."""
    return FitError(f"{path}: damaged, it cannot be read; `fit --fresh` starts over, and keeps what is there")


def _read_report(path: Path) -> FitReport:
    try:
        return FitReport(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path) from error
