"""``pofx sample``."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pofx.cli.opening import USUAL_STORE, ModelName, StoreFolder, able, opened
from pofx.cli.sample_files import FORMS, content_of, usual_form
from pofx.cli.score_table import check_folder, whole_or_nothing
from pofx.errors import RequestInvalid
from pofx.kinds.condition import Condition
from pofx.model import Model
from pofx.use import generate
from pofx.use.generate import GenerateAsked, Samples
from pofx.use.steps import run


def sample_command(
    model: ModelName,
    n: Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many.")] = 16,
    seed: Annotated[int | None, typer.Option(min=0, metavar="N", help="The same seed draws the same samples.")] = None,
    label: Annotated[
        str | None, typer.Option(metavar="LABEL", help="Samples with this label, where the model has labels.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(metavar="T", help="Below 1 more usual samples, above 1 more varied ones.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A .png, .npy, .csv, .wav, .txt or .json file; without it rows and texts go to standard output.",
        ),
    ] = None,
    store: StoreFolder = USUAL_STORE,
) -> None:
    """Draw samples.

    Pictures come as one sheet (.png) or an array (.npy), recordings one after the other (.wav), rows as .csv and texts
    as .txt, a line each; .json holds everything and the seed.
    """
    if output is not None:
        check_folder(output)
    loaded = able(opened(model, store), "generate")
    form = _form(loaded, output)
    options = {} if temperature is None else {"temperature": temperature}
    asked = GenerateAsked(n, seed, options, Condition(label=label))
    samples = run(generate.plan(loaded.loaded, asked).begin())
    content = content_of(form, loaded.info, samples)
    if output is None:
        sys.stdout.buffer.write(content)
        return
    with whole_or_nothing(output) as partial:
        partial.write_bytes(content)
    _tell(Console(), loaded, samples, output)


def _form(model: Model, output: Path | None) -> str:
    """How the samples are to be written; raises RequestInvalid before any is drawn."""
    makes = model.info.makes
    known = FORMS[makes.kind]
    form = usual_form(makes) if output is None else output.suffix
    if form in known:
        return form
    got = "no file" if output is None else output.name
    raise RequestInvalid(f"samples of {model.info.reference}: expected -o with {', '.join(known)}, got {got}")


def _tell(console: Console, model: Model, samples: Samples, output: Path) -> None:
    lines = [f"{len(samples.values)} samples of {model.info.reference}, seed {samples.seed}: {output}"]
    for line in [*lines, *(f"note: {note}" for note in samples.notes)]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
