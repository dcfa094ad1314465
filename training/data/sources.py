"""The sources a recipe can name, and what each of them needs to know."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from training.data import bundled, images, mnist, npz, table
from training.data.dataset import Dataset
from training.data.splits import SplitOptions
from training.zoo.base import Options


class _Source(Options):
    split: SplitOptions = Field(default=SplitOptions(), description="shares of the items, see below")
    normal: tuple[str, ...] = Field(default=(), description="labels to fit on; items with others become anomalies")
    limit: int | None = Field(default=None, ge=2, description="most items to fit on; the other splits stay as they are")


class MnistSource(_Source):
    """MNIST from the four original idx files; `python -m training data mnist` fetches them."""

    source: Literal["mnist"]
    folder: Path = Field(default=Path("data/mnist"), description="folder with the four files")


class DigitsSource(_Source):
    """The 8×8 digits that scikit-learn ships."""

    source: Literal["digits"]


class BreastCancerSource(_Source):
    """The Wisconsin breast-cancer table that scikit-learn ships; labels benign and malignant."""

    source: Literal["breast-cancer"]
    columns: tuple[str, ...] = Field(default=(), description="columns to model; without it all 30")


class NpzSource(_Source):
    """A NumPy archive: images uint8 (items, height, width[, channels]) or rows (items, features)."""

    source: Literal["npz"]
    path: Path = Field(description="the archive")
    array: str = Field(default="x", description="name of the array with the items")
    labels: str | None = Field(default=None, description="name of the array with the labels")


class ImagesSource(_Source):
    """A folder or zip of image files; labels from a column of captions.csv or from the names of sub-folders."""

    source: Literal["images"]
    path: Path = Field(description="the folder or zip")
    mode: Literal["auto", "grey", "rgb"] = Field(default="auto", description="auto is grey if no image has colours")
    size: int | None = Field(default=None, ge=1, description="side in pixels to resize to; without it all must agree")
    labels: str | None = Field(default=None, description="column of captions.csv; without it the sub-folder's name")


class TableSource(_Source):
    """A CSV or Parquet file."""

    source: Literal["table"]
    path: Path = Field(description="the file")
    columns: tuple[str, ...] = Field(default=(), description="columns to model; without it all numeric ones")
    labels: str | None = Field(default=None, description="column with labels; it is not modelled")


DataOptions = Annotated[
    MnistSource | DigitsSource | BreastCancerSource | NpzSource | ImagesSource | TableSource,
    Field(discriminator="source"),
]


def load(options: DataOptions) -> Dataset:
    """The dataset a recipe names; DataError says what is missing and how to get it."""
    match options:
        case MnistSource():
            return mnist.load(options.folder)
        case DigitsSource():
            return bundled.digits()
        case BreastCancerSource():
            return bundled.breast_cancer(options.columns)
        case NpzSource():
            return npz.load(options.path, options.array, options.labels)
        case ImagesSource():
            return images.load(options.path, options.mode, options.size, options.labels)
        case TableSource():
            return table.load(options.path, options.columns, options.labels)
