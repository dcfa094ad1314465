"""Samples as JSON, npy, CSV, or a contact sheet."""

import base64
from typing import Literal

import numpy as np

import bundle
from service.inference.graph import Array
from service.inference.model import Model
from service.operations.generation import Samples
from service.payloads.array import encode_npy
from service.payloads.image import encode_png
from service.payloads.json_text import write_json
from service.payloads.picture import contact_sheet
from service.payloads.table import encode_csv
from service.schemas.generate import GenerateAnswer, Sample

Form = Literal["png", "array"] | None


def as_json(model: Model, samples: Samples, seed: int, form: Form) -> bytes:
    """The answer as text."""
    answer: GenerateAnswer = {
        "model": model.manifest.name,
        "version": model.manifest.version,
        "seed": seed,
        "samples": [_sample(model.manifest.input, value, form) for value in samples.values],
    }
    if samples.passes is not None:
        answer["passes"] = {"mean": float(samples.passes.mean()), "max": int(samples.passes.max())}
    return write_json(answer)


def as_npy(samples: Samples) -> bytes:
    """The array of all samples, shape (n, …)."""
    return encode_npy(samples.values)


def as_csv(spec: bundle.RowSpec, samples: Samples) -> bytes:
    """A line per sample."""
    return encode_csv([column.name for column in spec.columns], np.asarray(samples.values).T.tolist())


def as_sheet(samples: Samples) -> bytes:
    """A PNG with all samples."""
    return encode_png(contact_sheet(samples.values))


def _sample(spec: bundle.InputSpec, value: Array, form: Form) -> Sample:
    if form == "array":
        return {"array": value.tolist()}
    if spec.kind == "image":
        return {"image": base64.b64encode(encode_png(value)).decode()}
    return {"row": dict(zip([column.name for column in spec.columns], value.tolist(), strict=True))}
