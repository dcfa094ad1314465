"""``pofx encode``."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from pofx.cli.ahead import ahead, behind
from pofx.cli.arrow_tables import TableFile
from pofx.cli.items_options import ExtraColumns, ItemsFile, WrongItems
from pofx.cli.npy_file import NpyRows
from pofx.cli.opening import USUAL_STORE, ModelName, StoreFolder, able, opened
from pofx.cli.progress import progress
from pofx.cli.score_table import check_folder, whole_or_nothing
from pofx.errors import RequestInvalid
from pofx.kinds.columns import joined
from pofx.kinds.files import Block, blocks, count
from pofx.rules.arrays import Array
from pofx.use import encode
from pofx.use.steps import run

Encoded = tuple[Block, Array]
Write = Callable[[Encoded], None]
_MOST_REASONS = 20
_FORMS, _TAKEN = (".csv", ".parquet", ".npy"), "encode"


def encode_command(
    path: ItemsFile,
    model: ModelName,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A .csv, .parquet or .npy file; without it CSV on standard output."),
    ] = None,
    extra: ExtraColumns = "keep",
    errors: WrongItems = "refuse",
    store: StoreFolder = USUAL_STORE,
) -> None:
    """Turn items into latent vectors.

    Tables keep their own columns before latent_0, latent_1 and so on, folders the names of their files; .npy holds the
    vectors alone, float32. Items stream through in blocks.
    """
    if output is not None:
        _check(output)
    loaded = able(opened(model, store), "encode")
    asked, spec = encode.plan(loaded.loaded), loaded.info.input
    items, dims = 0, asked.declared.dims
    left_out: dict[int, str] = {}
    with (
        _written(output, dims) as table,
        progress(f"encoding {path.name}", count(path, spec)) as advance,
        behind(table) as write,
    ):
        for block in ahead(blocks(path, spec, extra=extra, errors=errors)):
            write((block, run(asked.begin(block.decoded))))
            left_out |= block.decoded.faults.shifted(block.first).reasons
            items += len(block.decoded.array)
            advance(len(block.decoded.array))
    if output is not None:
        encoded = f"{items - len(left_out):,} items encoded with {loaded.info.reference}, {dims} numbers each: {output}"
        for words in (encoded, *_left_out(left_out)):
            Console().print(words, highlight=False, markup=False, soft_wrap=True)


def _left_out(reasons: Mapping[int, str]) -> list[str]:
    """How many items have no vector, and the first reasons."""
    if not reasons:
        return []
    some = list(reasons.items())[:_MOST_REASONS]
    return [f"{len(reasons):,} others left out", *(f"item {index}: {words}" for index, words in some)]


def _check(output: Path) -> None:
    if output.suffix not in _FORMS:
        raise RequestInvalid(f"{output}: expected a name that ends in {', '.join(_FORMS)}")
    check_folder(output)


@contextmanager
def _written(output: Path | None, dims: int) -> Iterator[Write]:
    """What takes encoded blocks; the file is there when it is whole."""
    if output is None:
        with _rows_of(TableFile(None, csv=True)) as write:
            yield write
        return
    with whole_or_nothing(output) as partial:
        if output.suffix == ".npy":
            with _vectors_of(NpyRows(partial, dims)) as write:
                yield write
        else:
            with _rows_of(TableFile(partial, output.suffix == ".csv")) as write:
                yield write


@contextmanager
def _vectors_of(file: NpyRows) -> Iterator[Write]:
    yield lambda encoded: file.append(encoded[1])
    file.close()


@contextmanager
def _rows_of(file: TableFile) -> Iterator[Write]:
    yield lambda encoded: file.write(_columns(*encoded))
    file.close()


def _columns(block: Block, codes: Array) -> dict[str, object]:
    own = {} if block.decoded.columns is None else block.decoded.columns.typed()
    named = {**({"file": block.decoded.files} if block.decoded.files else {}), **own}
    vectors = codes.astype(np.float32, copy=False).T
    found = {f"latent_{index}": np.ascontiguousarray(values) for index, values in enumerate(vectors)}
    said = {"error": block.decoded.faults.reasons_of(len(codes))} if block.decoded.faults.kept else {}
    return joined(named, {**found, **said}, _TAKEN)
