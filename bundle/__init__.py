"""The contract between training and serving: what a bundle is, how it is written, verified and found.

Standard library and pydantic only; both ``training`` and ``service`` import it, it imports neither.
"""

from bundle.errors import BundleCorrupt, BundleError, BundleExists, BundleNotFound, BundleUnsupported
from bundle.inputs import DATA_DTYPES, MARGINALISING, AudioSpec, Column, ImageSpec, InputSpec, RowSpec, TextSpec
from bundle.manifest import (
    SCHEMA_VERSION,
    ArraySpec,
    Calibration,
    Completion,
    ConditionInput,
    DataInput,
    DataProvenance,
    Encode,
    FileEntry,
    Generate,
    Golden,
    Graph,
    GraphInput,
    LabelCount,
    Manifest,
    ManifestBody,
    Metric,
    NoiseInput,
    OptionInput,
    Provenance,
    Score,
    Statistic,
    Tolerance,
)
from bundle.promises import CONFIDENCE, Promise, at_least, smallest_alpha
from bundle.reader import MANIFEST_FILE, Bundle, read
from bundle.recalibrated import LEAST_ITEMS, NewCalibration, recalibrated
from bundle.store import Reference, Store
from bundle.writer import write

__all__ = [
    "CONFIDENCE",
    "DATA_DTYPES",
    "LEAST_ITEMS",
    "MANIFEST_FILE",
    "MARGINALISING",
    "SCHEMA_VERSION",
    "ArraySpec",
    "AudioSpec",
    "Bundle",
    "BundleCorrupt",
    "BundleError",
    "BundleExists",
    "BundleNotFound",
    "BundleUnsupported",
    "Calibration",
    "Column",
    "Completion",
    "ConditionInput",
    "DataInput",
    "DataProvenance",
    "Encode",
    "FileEntry",
    "Generate",
    "Golden",
    "Graph",
    "GraphInput",
    "ImageSpec",
    "InputSpec",
    "LabelCount",
    "Manifest",
    "ManifestBody",
    "Metric",
    "NewCalibration",
    "NoiseInput",
    "OptionInput",
    "Promise",
    "Provenance",
    "Reference",
    "RowSpec",
    "Score",
    "Statistic",
    "Store",
    "TextSpec",
    "Tolerance",
    "at_least",
    "read",
    "recalibrated",
    "smallest_alpha",
    "write",
]
