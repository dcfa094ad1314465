"""The sources a recipe can name, and what each of them needs to know."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from training.data import audio, bundled, images, mnist, npz, table, text
from training.data.dataset import Dataset
from training.data.splits import SplitOptions
from training.zoo.base import Options


class _Source(Options):
    split: SplitOptions = Field(default=SplitOptions(), description="shares of the items, see below")
    normal: tuple[str, ...] = Field(default=(), description="labels to fit on; items with others become anomalies")
    limit: int | None = Field(default=None, ge=2, description="most items to fit on; the other splits stay as they are")


class MnistSource(_Source):
    """MNIST from the four original idx files; `pofx data mnist` fetches them."""

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
    group: str | None = Field(default=None, description="name of the array that says which items belong together")


class ImagesSource(_Source):
    """A folder or zip of image files, read as the service does; labels from captions.csv or innermost sub-folders."""

    source: Literal["images"]
    path: Path = Field(description="the folder or zip")
    mode: Literal["auto", "grey", "rgb"] = Field(default="auto", description="auto is grey if no image has colours")
    size: int | None = Field(default=None, ge=1, description="side in pixels to resize to; without it all must agree")
    labels: str | None = Field(
        default=None, description="column of captions.csv; without it the innermost folder's name"
    )
    defects: Path | None = Field(
        default=None, description="a folder or zip of known defects, read alike; they count as anomalies"
    )
    group: str | None = Field(
        default=None,
        description="what images belong together (machine, patient, batch): `folder`, the innermost one, `top-folder`, "
        "the outermost one, or a column of captions.csv",
    )


class AudioSource(_Source):
    """A folder or zip of WAV files, 8 to 32 bits, channels mixed into one, all of one rate; labels from names."""

    source: Literal["audio"]
    path: Path = Field(description="the folder or zip")
    length: int = Field(ge=2, description="samples of an item; a shorter recording is followed by silence")
    hop: int | None = Field(
        default=None,
        ge=1,
        description="samples from one item to the next of a longer recording; without it only its beginning is used",
    )
    labels: Literal["folder", "file"] = Field(
        default="folder", description="the label is the sub-folder's name, or the file's without its suffix"
    )
    group: Literal["file", "folder", "top-folder"] = Field(
        default="file",
        description="what windows belong together: those of a file, or of its innermost or outermost folder",
    )
    rate_hz: int | None = Field(default=None, ge=1, description="samples per second to insist on; without it any")
    licence: str = Field(default="not stated", description="of the recordings, for the card")


class TableSource(_Source):
    """A CSV or Parquet file: numbers, and text with few different values, which is modelled as categories."""

    source: Literal["table"]
    path: Path = Field(description="the file")
    columns: tuple[str, ...] = Field(
        default=(), description="columns to model; without it all of numbers or categories"
    )
    labels: str | None = Field(default=None, description="column with labels; it is not modelled")
    group: str | None = Field(
        default=None,
        description="column that says which rows belong together (machine, patient, batch); it is not modelled",
    )
    categories: tuple[str, ...] = Field(
        default=(), description="columns that hold names, also where these look like numbers or times"
    )


class TextSource(_Source):
    """A UTF-8 text file with one item per line; empty lines do not count."""

    source: Literal["text"]
    path: Path = Field(description="the file")
    length: int | None = Field(
        default=None, ge=1, description="most characters; without it as many as the longest line"
    )
    cut: bool = Field(default=False, description="whether to cut longer lines rather than to refuse them")


class ColourNamesSource(_Source):
    """949 names of colours from the xkcd colour survey, as Matplotlib ships them."""

    source: Literal["colour-names"]


DataOptions = Annotated[
    MnistSource
    | DigitsSource
    | BreastCancerSource
    | ColourNamesSource
    | NpzSource
    | ImagesSource
    | AudioSource
    | TableSource
    | TextSource,
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
            return npz.load(options.path, options.array, options.labels, options.group)
        case ImagesSource():
            found = images.load(options.path, options.mode, options.size, options.labels, options.group)
            return found if options.defects is None else images.with_defects(found, options.defects, options.size)
        case AudioSource():
            recordings = audio.load(
                options.path, options.length, options.hop, options.labels, options.rate_hz, options.group
            )
            return replace(recordings, licence=options.licence)
        case TableSource():
            return table.load(options.path, options.columns, options.labels, options.categories, options.group)
        case TextSource():
            return text.load(options.path, options.length, options.cut)
        case ColourNamesSource():
            return bundled.colour_names()
