"""How far a use is, with what is drawn so far: a picture of images and recordings, other samples as they are."""

from typing import NotRequired

from typing_extensions import TypedDict

from pofx import bundle
from pofx.kinds.json_text import to_base64, write_json
from pofx.rules.arrays import Array
from service.answers.generate import as_json_samples, as_sheet
from service.schemas.generate import Sample

MOST_SHOWN = 64


class Progress(TypedDict):
    """From 0 to 1; ``image`` is a PNG in base64, ``samples`` have the form they have in an answer."""

    progress: float
    image: NotRequired[str]
    samples: NotRequired[list[Sample]]


def as_json(spec: bundle.InputSpec, progress: float, preview: Array | None) -> bytes:
    """One line; the first of the samples are shown, where there are any."""
    told: Progress = {"progress": round(progress, 4)}
    if preview is not None:
        shown = preview[:MOST_SHOWN]
        if spec.kind in ("image", "audio"):
            told["image"] = to_base64(as_sheet(spec, shown))
        else:
            told["samples"] = as_json_samples(spec, shown, None)
    return write_json(told)
