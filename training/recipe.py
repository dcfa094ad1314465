"""The recipe: one TOML file that says data, transform, family, fit and export; everything else has a default."""

import difflib
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError

from pofx.errors import RequestInvalid
from pofx.kinds.encodings import text_of
from pofx.rules.allowed import allowed
from training.changes import changed
from training.data.sources import DataOptions
from training.errors import RecipeError
from training.transforms import TRANSFORMS
from training.zoo import FAMILIES
from training.zoo.base import Options


class FitOptions(Options):
    """How the loops run; closed-form families ignore all of it."""

    epochs: int = Field(default=20, ge=1, description="passes over the fit split")
    batch_size: int = Field(default=128, ge=1, description="items per step")
    learning_rate: float = Field(default=1e-3, gt=0, description="of AdamW")
    schedule: Literal["cosine", "constant"] = Field(
        default="cosine", description="cosine falls to zero at the end; adversarial families keep theirs constant"
    )
    weight_decay: float = Field(default=0.0, ge=0, description="decoupled, as in AdamW")
    betas: tuple[float, float] = Field(default=(0.9, 0.999), description="averaging of the gradient's moments")
    ema: float = Field(default=0.999, ge=0, lt=1, description="decay of the weight average, warmed up; 0 turns it off")
    patience: int | None = Field(default=None, ge=1, description="epochs without a better validation loss, then stop")
    gradient_clip: float | None = Field(default=None, gt=0, description="largest gradient norm")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(default="32-true", description="of the arithmetic")


class EvaluateOptions(Options):
    """How the final numbers are measured."""

    importance_samples: int = Field(default=64, ge=1, description="k of the IWAE bound in the results")
    alphas: tuple[float, ...] = Field(default=(0.001, 0.01, 0.05, 0.1), description="false-alarm rates to check")
    published: str = Field(default="", description="the best figure known from elsewhere, for the card")


class ChooseOptions(Options):
    """What is chosen for a person: one of several families, and the statistic that gives the verdict."""

    by: Literal["likelihood", "defects"] = Field(
        default="likelihood",
        description="what families are compared by: the validation likelihood of the same data, or the share of "
        "defects found at `alpha`: labelled ones or, of images with fewer than 20, made-up ones",
    )
    verdict: Literal["combined", "best"] = Field(
        default="combined",
        description="what decides unless a request asks otherwise: the combined statistic, or the one that finds most "
        "labelled defects",
    )
    alpha: float = Field(default=0.01, gt=0, lt=1, description="false-alarm rate at which defects are to be found")
    minutes: float | None = Field(
        default=None,
        gt=0,
        description="most minutes of the fit of one family: loops stop there, and what a closed form would take longer "
        "to try is left out",
    )


class ExportOptions(Options):
    """What the bundle holds."""

    formats: tuple[Literal["onnx", "torchscript"], ...] = Field(
        default=("onnx",), description="first one is calibrated"
    )
    weights: Literal["float32", "float16"] = Field(
        default="float32", description="float16 rounds large weights once, before evaluation; arithmetic stays float32"
    )


class Recipe(Options):
    """A validated recipe. ``transform`` and ``family`` hold the options of the method named by their ``name``.

    Where the text names several families, ``[[family]]``, this is the recipe with one of them: number ``candidate`` of
    ``candidates``.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    summary: str
    seed: int = Field(default=0, ge=0)
    data: DataOptions
    transform_name: str
    transform: Options
    family_name: str
    family: Options
    candidate: int = Field(default=0, ge=0)
    candidates: int = Field(default=1, ge=1)
    fit: FitOptions = FitOptions()
    evaluate: EvaluateOptions = EvaluateOptions()
    choose: ChooseOptions = ChooseOptions()
    export: ExportOptions = ExportOptions()
    text: str = Field(repr=False, description="the TOML as written, kept in the bundle")


def read(path: Path, changes: Iterable[str] = ()) -> Recipe:
    """The recipe in a file, after changes like ``fit.epochs=5``.

    RecipeError names every mistake and, for an unknown key, the nearest known one.
    """
    text = _text(path)
    for change in changes:
        text = changed(text, change)
    return parse(text, str(path))


def _text(path: Path) -> str:
    try:
        return text_of(path.read_bytes()).replace("\r\n", "\n")
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}") from error
    except RequestInvalid as error:
        raise RecipeError(f"{path}: {error}") from error


def candidates(recipe: Recipe) -> tuple[Recipe, ...]:
    """The recipe with each of the families that its text names; itself where that is one."""
    return tuple(parse(recipe.text, recipe.name, candidate) for candidate in range(recipe.candidates))


def parse(text: str, source: str = "recipe", candidate: int = 0) -> Recipe:
    """The recipe written in a text; where that names several families, with the one of this number."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{source}: not valid TOML: {error}") from error
    problems: list[str] = []
    _resolve_methods(content, candidate, problems)
    if not problems:
        _check(content, problems)
    if problems:
        raise RecipeError(f"{source}:\n" + "\n".join(f"  {problem}" for problem in problems))
    return Recipe.model_validate({**content, "text": text})


def _resolve_methods(content: dict[str, Any], candidate: int, problems: list[str]) -> None:
    """Resolves ``[transform]`` and ``[family]``, or every ``[[family]]``, of which the one of this number is kept."""
    found = content.get("family")
    tables = found if isinstance(found, list) and found else None
    resolved = [{"transform": content.get("transform"), "family": found}]
    if tables is not None:
        resolved = [_with_its_transform(table, content.get("transform")) for table in tables]
    mistakes: list[str] = []
    for one in resolved:
        _resolve(one, "transform", TRANSFORMS, mistakes)
        _resolve(one, "family", FAMILIES, mistakes)
    problems += dict.fromkeys(mistakes)
    content.update(resolved[candidate])
    if tables is not None:
        content.update(candidate=candidate, candidates=len(tables))


def _with_its_transform(family: Any, shared: Any) -> dict[str, Any]:
    """A ``[[family]]`` and the transform it names in its own table, or that of all."""
    if not isinstance(family, dict):
        return {"transform": shared, "family": family}
    own = {key: value for key, value in family.items() if key != "transform"}
    return {"transform": family.get("transform", shared), "family": own}


def _resolve(content: dict[str, Any], section: str, known: dict[str, Any], problems: list[str]) -> None:
    """Replaces the table ``[section]`` by validated options of the method it names."""
    table = content.get(section)
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        problems.append(f"[{section}] is missing or has no name; one of: {', '.join(known)}")
        return
    name = table["name"]
    if name not in known:
        problems.append(f"{section}.name: no {name!r}{_nearest(name, known)}; there is: {', '.join(known)}")
        return
    options = {key: value for key, value in table.items() if key != "name"}
    try:
        content[section] = known[name].Options.model_validate(options)
        content[f"{section}_name"] = name
    except ValidationError as error:
        problems += _explain(error, known[name].Options, f"{section}.")


def _check(content: dict[str, Any], problems: list[str]) -> None:
    try:
        Recipe.model_validate({**content, "text": ""})
    except ValidationError as error:
        problems += _explain(error, Recipe, "")


def _explain(error: ValidationError, model: type[BaseModel], prefix: str) -> list[str]:
    """One line per mistake: where, what was expected, and the nearest known key for an unknown one."""
    lines = []
    for detail in error.errors():
        location = [str(part) for part in detail["loc"]]
        where = prefix + ".".join(location)
        if detail["type"] == "extra_forbidden":
            known = _known_keys(model, location[:-1])
            lines.append(f"{where}: unknown key{_nearest(location[-1], known)}; known: {', '.join(sorted(known))}")
        elif detail["type"] == "union_tag_invalid":
            known = re.findall(r"'([^']+)'", detail["ctx"]["expected_tags"])
            tag = detail["ctx"]["tag"]
            lines.append(f"{where}.source: no {tag!r}{_nearest(tag, known)}; there is: {', '.join(known)}")
        elif isinstance(detail["input"], str | int | float):
            lines.append(f"{where}: {detail['msg']}, got {detail['input']!r}")
        else:
            lines.append(f"{where}: {detail['msg']}")
    return lines


def _known_keys(model: type[BaseModel], path: list[str]) -> list[str]:
    """The keys of the table at a path of a model; a part that is no field is the tag of a union."""
    current: Any = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel) and part in current.model_fields:
            current = current.model_fields[part].annotation
        else:
            current = next(
                option for option in get_args(current) if part in get_args(option.model_fields["source"].annotation)
            )
    hidden = {"text", "transform_name", "family_name", "candidate", "candidates"}
    return [name for name in current.model_fields if name not in hidden]


def _nearest(word: str, known: Any) -> str:
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f", did you mean {matches[0]!r}?" if matches else ""


def describe(options: type[BaseModel]) -> list[tuple[str, str, str, str]]:
    """Name, default, allowed values and meaning of every option, for people."""
    return [
        (
            name,
            "required" if field.is_required() else _as_toml(field.default),
            allowed(field.annotation, field.metadata),
            field.description or "",
        )
        for name, field in options.model_fields.items()
        if name != "source"
    ]


def _as_toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return f"[{', '.join(_as_toml(item) for item in value)}]"
        case None:
            return ""
        case str() | Path():
            return f'"{value}"'
        case BaseModel():
            return ""
    return str(value)
