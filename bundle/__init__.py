"""The contract between training and serving: what a bundle is, how it is written, verified and found.

Standard library and pydantic only; both ``training`` and ``service`` import it, it imports neither.
"""

from bundle.errors import BundleCorrupt, BundleError, BundleExists, BundleNotFound, BundleUnsupported
from bundle.manifest import (
    SCHEMA_VERSION,
    ArraySpec,
    Calibration,
    Column,
    DataInput,
    DataProvenance,
    Encode,
    FileEntry,
    Generate,
    Golden,
    Graph,
    GraphInput,
    ImageSpec,
    InputSpec,
    Manifest,
    ManifestBody,
    Metric,
    NoiseInput,
    OptionInput,
    Provenance,
    RowSpec,
    Score,
    Statistic,
    Tolerance,
)
from bundle.reader import MANIFEST_FILE, Bundle, read
from bundle.store import Reference, Store
from bundle.writer import write

__all__ = [
    "MANIFEST_FILE",
    "SCHEMA_VERSION",
    "ArraySpec",
    "Bundle",
    "BundleCorrupt",
    "BundleError",
    "BundleExists",
    "BundleNotFound",
    "BundleUnsupported",
    "Calibration",
    "Column",
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
    "Manifest",
    "ManifestBody",
    "Metric",
    "NoiseInput",
    "OptionInput",
    "Provenance",
    "Reference",
    "RowSpec",
    "Score",
    "Statistic",
    "Store",
    "Tolerance",
    "read",
    "write",
]
