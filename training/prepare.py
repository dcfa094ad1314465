"""Recipe → splits, transform and an unfitted family that fit together."""

from dataclasses import dataclass

import torch

from training.data import Split, Splits, load, split
from training.data.dataset import Dataset
from training.data.splits import sliver
from training.errors import RecipeError
from training.recipe import FitOptions, Recipe
from training.transforms import TRANSFORMS, Transform
from training.zoo import FAMILIES
from training.zoo.base import Family


@dataclass(frozen=True)
class Experiment:
    """Everything a recipe asks for, ready to be fitted. ``smoke`` marks a rehearsal on a sliver of the data."""

    recipe: Recipe
    dataset: Dataset
    splits: Splits
    transform: Transform
    family: Family
    smoke: bool

    @property
    def name(self) -> str:
        """Name of the bundle; a rehearsal never hides the real model."""
        return f"{self.recipe.name}-smoke" if self.smoke else self.recipe.name

    @property
    def fit_options(self) -> FitOptions:
        """The recipe's options, cut to two epochs, with a short average, for a rehearsal."""
        return self.recipe.fit.model_copy(update={"epochs": 2, "ema": 0.5}) if self.smoke else self.recipe.fit


def prepare(recipe: Recipe, *, smoke: bool = False) -> Experiment:
    """The experiment of a recipe; RecipeError where data, transform and family do not fit together."""
    dataset = load(recipe.data)
    transform = _transform(recipe, dataset)
    splits = split(dataset, recipe.data.split, recipe.seed, recipe.data.normal)
    if smoke:
        splits = sliver(splits)
    splits = _stored(splits, transform, recipe.seed)
    transform.fit(splits.fit.x)
    torch.manual_seed(recipe.seed)  # initial weights
    family_type = FAMILIES[recipe.family_name]
    if family_type.space != transform.space:
        raise RecipeError(
            f"family {recipe.family_name!r} models {family_type.space} data, "
            f"transform {recipe.transform_name!r} gives {transform.space}"
        )
    try:
        family = family_type(transform.event_shape, recipe.family)
    except ValueError as error:
        raise RecipeError(f"family {recipe.family_name!r}: {error}") from error
    return Experiment(recipe, dataset, splits, transform, family, smoke)


def _transform(recipe: Recipe, dataset: Dataset) -> Transform:
    transform_type = TRANSFORMS[recipe.transform_name]
    kind = "image" if dataset.is_image else "row"
    if transform_type.raw != kind:
        raise RecipeError(
            f"transform {recipe.transform_name!r} takes {transform_type.raw}s, {dataset.source} has {kind}s"
        )
    return transform_type(dataset.x.shape[1:], recipe.transform)


def _stored(splits: Splits, transform: Transform, seed: int) -> Splits:
    """The splits as the transform's protocol stores them; each split is drawn with a seed of its own."""
    offsets = {name: offset for offset, name in enumerate(splits.parts)}
    return splits.map(lambda name, part: Split(transform.prepare(part.x, seed + offsets[name]), part.labels))
