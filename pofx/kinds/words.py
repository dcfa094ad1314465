"""The kinds of data in words, and in which forms each comes besides JSON and npy."""

from pofx import bundle

PLURAL = {"image": "images", "row": "rows of a table", "audio": "recordings", "text": "texts"}
_FORMS = {"image": "image files", "row": "CSV, Parquet", "audio": "WAV files", "text": "plain text"}


def takes(spec: bundle.InputSpec) -> str:
    """What a model takes, and how it may be sent."""
    return f"this model takes {PLURAL[spec.kind]}; send JSON, {_FORMS[spec.kind]} or npy"


MARGINALISING = ("gmm", "gda", "naive_bayes")
"""The families whose scores of a row can leave out columns, for the words of a refusal."""
