"""Samples as the content of a file."""

from typing import Any

from pofx import bundle
from pofx.kinds.audio import encode_wav, one_after_the_other
from pofx.kinds.csv_text import encode_csv
from pofx.kinds.image import encode_png
from pofx.kinds.json_text import write_json
from pofx.kinds.npy import encode_npy
from pofx.kinds.row import columns_of
from pofx.kinds.sheets import contact_sheet, envelopes
from pofx.rules.arrays import Array
from pofx.rules.texts import texts_of
from pofx.use.generate import Samples

FORMS: dict[str, tuple[str, ...]] = {
    "image": (".png", ".npy", ".json"),
    "row": (".csv", ".npy", ".json"),
    "audio": (".wav", ".png", ".npy", ".json"),
    "text": (".txt", ".npy", ".json"),
}
"""The suffixes that samples of a kind can be written with."""


def usual_form(spec: bundle.InputSpec) -> str | None:
    """How samples are written where no file is named; None where a terminal could not show them."""
    return {"row": ".csv", "text": ".txt"}.get(spec.kind)


def content_of(form: str, manifest: bundle.Manifest, samples: Samples) -> bytes:
    """The file; the form is one of those of the kind."""
    spec, values = samples.spec, samples.values
    match spec, form:
        case _, ".npy":
            return encode_npy(values)
        case _, ".json":
            return write_json(_as_json(manifest, samples))
        case bundle.RowSpec(), _:
            return encode_csv(columns_of(values, spec).cells())
        case bundle.TextSpec(), _:
            return "".join(f"{text}\n" for text in texts_of(values, spec.alphabet)).encode()
        case bundle.AudioSpec(), ".wav":
            return encode_wav(one_after_the_other(values, spec.rate_hz), spec.rate_hz)
        case bundle.AudioSpec(), _:
            return encode_png(contact_sheet(envelopes(values)))
        case _:
            return encode_png(contact_sheet(values))


def _as_json(manifest: bundle.Manifest, samples: Samples) -> dict[str, Any]:
    return {
        "model": manifest.name,
        "version": manifest.version,
        "seed": samples.seed,
        "samples": _plain(samples.spec, samples.values),
        "notes": list(samples.notes),
    }


def _plain(spec: bundle.InputSpec, values: Array) -> list[Any]:
    """Rows by column, texts, or nested lists of numbers."""
    match spec:
        case bundle.TextSpec():
            return list(texts_of(values, spec.alphabet))
        case bundle.RowSpec():
            columns = {name: _listed(cells) for name, cells in columns_of(values, spec).cells().items()}
            return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    numbers: list[Any] = values.tolist()
    return numbers


def _listed(cells: Any) -> list[Any]:
    found: list[Any] = cells.tolist() if hasattr(cells, "tolist") else list(cells)
    return found
