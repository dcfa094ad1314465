"""Recipe → Prepared: splits, transform and an unfitted family that fit together."""

from dataclasses import dataclass

import torch

from training.cells import InCells
from training.cost import refuse_too_large
from training.data import Dataset, Splits, fingerprint, load, split
from training.data.splits import sliver, some_of
from training.errors import RecipeError
from training.missing import Missing, marginalises, missing_in, usable
from training.recipe import FitOptions, Recipe
from training.transforms import TRANSFORMS, DataFacts, Transform
from training.transforms.rows import RowTransform
from training.zoo import FAMILIES
from training.zoo.base import Facts, Family, spaces


@dataclass(frozen=True)
class Prepared:
    """Everything a recipe asks for, ready to be fitted.

    ``smoke`` marks a rehearsal on a sliver of the data. ``data`` is the fingerprint of the data as they were split,
    before any transform. ``missing`` is what rows of a table miss, None where they are complete.
    """

    recipe: Recipe
    dataset: Dataset
    splits: Splits
    transform: Transform
    family: Family
    smoke: bool
    data: str
    missing: Missing | None = None

    @property
    def name(self) -> str:
        """Name of the bundle; a rehearsal never hides the real model."""
        return f"{self.recipe.name}-smoke" if self.smoke else self.recipe.name

    @property
    def fit_options(self) -> FitOptions:
        """The recipe's options, cut to two epochs, with a short average, for a rehearsal."""
        return self.recipe.fit.model_copy(update={"epochs": 2, "ema": 0.5}) if self.smoke else self.recipe.fit


def prepare(recipe: Recipe, *, smoke: bool = False) -> Prepared:
    """What a recipe asks for; RecipeError where data, transform and family do not fit together.

    TooCostly, before anything large is allocated, for a family that does not fit into memory.
    """
    dataset = load(recipe.data)
    splits = split(dataset, recipe.data.split, recipe.seed, recipe.data.normal)
    if recipe.data.limit is not None:
        splits = splits.map(lambda name, part: some_of(part, recipe.data.limit) if name == "fit" else part)
    if smoke:
        splits = sliver(splits)
    return assemble(recipe, dataset, splits, smoke=smoke)


def assemble(recipe: Recipe, dataset: Dataset, splits: Splits, *, smoke: bool = False) -> Prepared:
    """What a recipe asks for, on these splits of a dataset."""
    transform, data = _transform(recipe, dataset), fingerprint(dataset, splits)
    splits = _stored(splits, transform, recipe.seed)
    torch.manual_seed(recipe.seed)  # initial weights
    family_type = FAMILIES[recipe.family_name]
    if transform.space not in spaces(family_type):
        raise RecipeError(
            f"family {recipe.family_name!r} models {' or '.join(spaces(family_type))} data, "
            f"transform {recipe.transform_name!r} gives {transform.space}"
        )
    facts = _facts(transform, dataset)
    try:
        refuse_too_large(recipe, family_type, facts, len(splits.fit) + len(splits.validation))
        family = family_type(facts, recipe.family)
    except ValueError as error:
        raise RecipeError(f"family {recipe.family_name!r}: {error}") from error
    missing = missing_in(splits, marginalised=marginalises(family, transform))
    complete = splits if missing is None else usable(splits, missing, dataset.columns, dataset.source)
    transform.fit(splits.fit.x if missing is not None and missing.marginalised else complete.fit.x)
    if isinstance(transform, RowTransform) and isinstance(family, InCells):
        family.take_cells(transform.cells)
    return Prepared(recipe, dataset, complete, transform, family, smoke, data, missing)


def _facts(transform: Transform, dataset: Dataset) -> Facts:
    """What a family is told about the transformed dataset."""
    classes = len(dataset.label_names)
    return Facts(transform.event_shape, transform.space, transform.levels, transform.end, classes)


def _transform(recipe: Recipe, dataset: Dataset) -> Transform:
    transform_type = TRANSFORMS[recipe.transform_name]
    if transform_type.raw != dataset.kind:
        raise RecipeError(
            f"transform {recipe.transform_name!r} takes {_plural(transform_type.raw)}, {dataset.source} has "
            f"{_plural(dataset.kind)}"
        )
    try:
        return transform_type(data_facts(dataset), recipe.transform)
    except ValueError as error:
        raise RecipeError(f"transform {recipe.transform_name!r}: {error}") from error


def data_facts(dataset: Dataset) -> DataFacts:
    """What a transform is told about a dataset."""
    categories = tuple(map(len, dataset.categories))
    return DataFacts(dataset.kind, dataset.x.shape[1:], dataset.alphabet or "", categories)


def _plural(kind: str) -> str:
    return {"image": "images", "row": "rows of a table", "audio": "recordings", "text": "texts"}[kind]


def _stored(splits: Splits, transform: Transform, seed: int) -> Splits:
    """The splits as the transform's protocol stores them; each split is drawn with a seed of its own."""
    offsets = {name: offset for offset, name in enumerate(splits.parts)}
    return splits.map(lambda name, part: part.with_x(transform.prepare(part.x, seed + offsets[name])))
