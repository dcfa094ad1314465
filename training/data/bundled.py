"""The data sets that scikit-learn and Matplotlib ship: nothing to download."""

import numpy as np
from matplotlib.colors import XKCD_COLORS
from sklearn.datasets import load_breast_cancer, load_digits

from training.data import text
from training.data.dataset import Dataset
from training.errors import DataError


def digits() -> Dataset:
    """1,797 handwritten digits 8×8 with 17 grey levels, spread over 0..255 (E. Alpaydin, C. Kaynak, UCI, 1998)."""
    raw = load_digits()
    levels = np.rint(raw.images * (255 / 16)).astype(np.uint8)
    return Dataset(
        x=levels[..., None],
        labels=raw.target.astype(np.int64),
        label_names=tuple(str(digit) for digit in range(10)),
        source="digits 8x8 (UCI optical recognition, as shipped by scikit-learn)",
        licence="CC BY 4.0",
    )


def breast_cancer(columns: tuple[str, ...] = ()) -> Dataset:
    """569 tumours, benign or malignant, up to 30 measurements of cell nuclei (W. Wolberg et al., UCI, 1995)."""
    raw = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in raw.feature_names]
    unknown = [name for name in columns if name not in names]
    if unknown:
        raise DataError(f"breast-cancer: no column {unknown[0]!r}; there is: {', '.join(names)}")
    kept = list(columns) or names
    return Dataset(
        x=raw.data[:, [names.index(name) for name in kept]].astype(np.float32),
        labels=raw.target.astype(np.int64),
        label_names=tuple(str(name) for name in raw.target_names),
        columns=tuple(kept),
        source="breast cancer Wisconsin, diagnostic (UCI, as shipped by scikit-learn)",
        licence="CC BY 4.0",
    )


def colour_names() -> Dataset:
    """949 names that people gave to colours, up to 26 characters (R. Munroe, colour survey, 2010)."""
    names = [name.removeprefix("xkcd:") for name in XKCD_COLORS]
    return text.encoded(names, "names of colours (xkcd colour survey, as shipped by Matplotlib)", "CC0 1.0")
