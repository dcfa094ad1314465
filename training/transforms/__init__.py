"""Raw data ↔ model space, exported inside every graph; by the name a recipe uses."""

from training.transforms.audio import Mulaw
from training.transforms.base import DataFacts, Transform
from training.transforms.columns import Columns
from training.transforms.image import Binarise, Dequantise, Levels, SignedUnit
from training.transforms.table import Standardise
from training.transforms.text import Symbols

TRANSFORMS: dict[str, type[Transform]] = {
    "binarise": Binarise,
    "columns": Columns,
    "dequantise": Dequantise,
    "levels": Levels,
    "mulaw": Mulaw,
    "signed_unit": SignedUnit,
    "standardise": Standardise,
    "symbols": Symbols,
}

__all__ = [
    "TRANSFORMS",
    "Binarise",
    "Columns",
    "DataFacts",
    "Dequantise",
    "Levels",
    "Mulaw",
    "SignedUnit",
    "Standardise",
    "Symbols",
    "Transform",
]
