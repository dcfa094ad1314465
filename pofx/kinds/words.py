"""The kinds of data in words, and in which forms each comes besides JSON and npy."""

from pofx import bundle

PLURAL = {"image": "images", "row": "rows of a table", "audio": "recordings", "text": "texts"}
_FORMS = {"image": "image files", "row": "CSV, Parquet", "audio": "WAV files", "text": "plain text"}


def takes(spec: bundle.InputSpec) -> str:
    """What a model takes, and how it may be sent."""
    return f"this model takes {PLURAL[spec.kind]}; send JSON, {_FORMS[spec.kind]} or npy"


_ON_DISK = {
    "image": "an image file, a folder or a zip of them",
    "row": ".csv or .parquet",
    "audio": "a WAV file, a folder or a zip of them",
    "text": ".txt, with a text in each line",
}


def reads(spec: bundle.InputSpec) -> str:
    """What a model takes, and in which files it may be."""
    return f"this model takes {PLURAL[spec.kind]}; expected {_ON_DISK[spec.kind]}, or .npy or .npz"


MARGINALISING = ("gmm", "gda", "naive_bayes")
"""The families whose scores of a row can leave out columns, for the words of a refusal."""
