"""Samples as JSON, npy, and what else their kind has: one picture of all, CSV, one recording, or lines of text."""

from typing import Literal

from pofx import bundle
from pofx.graphs.loaded import LoadedModel
from pofx.kinds.audio import encode_wav, one_after_the_other
from pofx.kinds.category_names import names_of
from pofx.kinds.csv_text import encode_csv
from pofx.kinds.image import encode_png
from pofx.kinds.json_text import to_base64, write_json
from pofx.kinds.npy import encode_npy
from pofx.kinds.row import columns_of
from pofx.kinds.sheets import contact_sheet, envelopes
from pofx.rules.arrays import Array
from pofx.rules.texts import texts_of
from pofx.use.generate import Samples
from service.schemas.generate import GenerateAnswer, Sample

Form = Literal["png", "array"] | None


def as_json(model: LoadedModel, samples: Samples, form: Form) -> bytes:
    """The answer as text."""
    answer: GenerateAnswer = {
        "model": model.manifest.name,
        "version": model.manifest.version,
        "seed": samples.seed,
        "samples": as_json_samples(samples.spec, samples.values, form),
    }
    if samples.passes is not None:
        answer["passes"] = {"mean": float(samples.passes.mean()), "max": int(samples.passes.max())}
    if samples.conditional is not None:
        answer["conditional"] = samples.conditional
    if samples.notes:
        answer["notes"] = list(samples.notes)
    return write_json(answer)


def as_npy(samples: Samples) -> bytes:
    """The array of all samples, shape (n, …)."""
    return encode_npy(samples.values)


def as_csv(spec: bundle.RowSpec, samples: Samples) -> bytes:
    """A line per sample."""
    return encode_csv(columns_of(samples.values, spec).cells())


def as_sheet(spec: bundle.InputSpec, values: Array) -> bytes:
    """A PNG with all samples; recordings are drawn."""
    return encode_png(contact_sheet(values if spec.kind == "image" else envelopes(values)))


def as_wav(spec: bundle.AudioSpec, samples: Samples) -> bytes:
    """A WAV file with all samples, one after the other."""
    return encode_wav(one_after_the_other(samples.values, spec.rate_hz), spec.rate_hz)


def as_lines(spec: bundle.TextSpec, samples: Samples) -> bytes:
    """A line per sample."""
    return "".join(f"{text}\n" for text in texts_of(samples.values, spec.alphabet)).encode()


def as_json_samples(spec: bundle.InputSpec, values: Array, form: Form) -> list[Sample]:
    """Each sample in one form."""
    if form == "array" and spec.kind != "row":
        return [{"array": value.tolist()} for value in values]
    match spec:
        case bundle.ImageSpec():
            return [{"image": to_base64(encode_png(value))} for value in values]
        case bundle.AudioSpec():
            return [{"audio": to_base64(encode_wav(value, spec.rate_hz))} for value in values]
        case bundle.TextSpec():
            return [{"text": text} for text in texts_of(values, spec.alphabet)]
    names, rows = [column.name for column in spec.columns], _rows(spec, values)
    if form == "array":
        return [{"array": row} for row in rows]
    return [{"row": dict(zip(names, row, strict=True))} for row in rows]


def _rows(spec: bundle.RowSpec, values: Array) -> list[list[float | str | None]]:
    """The numbers, and the names of categories, of every row."""
    columns = [
        names_of(values[:, place], column) if column.categories else values[:, place].tolist()
        for place, column in enumerate(spec.columns)
    ]
    return [list(row) for row in zip(*columns, strict=True)]
