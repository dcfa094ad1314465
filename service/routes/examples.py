"""Requests for people who try the service out: every one of them runs on the bundles that are shipped."""

import math
from typing import Any

Examples = dict[str, Any]

_SEVEN = (
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAxUlEQVR4nGNgGDaAEUKFpD77sfTFHeyS9xQYGBg+X4UKPuk6w8DAwMDAAuGm6l/T"
    "MnSweCzLwPDntSTDozPIOhkYGBgYBA3PmDIw/Lh1XShnGi5nBP+9KIRLTuzl/2AokwlDMlv0/U1cGq1//rPDJcfQ+m83Ky45zrM/rHBqrPu3Daec"
    "9+8PlrjkhO/+W4ZLjvn0v9vKuCTV/v3zxSUn/+BfMSMuydZ//0xwydl+QpdEClsbHoa7X1AkWZA5F53f4TIWEwAAaRE8kJuHrgAAAAAASUVORK5C"
    "YII="
)
_UPPER_HALF = (
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAF0lEQVR42mP8z4AbMDGMSg6I5CgYjAAAbDQBGzYOrHAAAAAASUVORK5CYII="
)
_TONE = (
    "UklGRsQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YaAAAAAAAOYCngX8B9wJHguwC4cLpwoeCQMHeASnAbz+5PtO+SL3hPWM9Ev0"
    "xPTw9bz3DPq6/J3/hQJGBbIHpQn9CqcLmAvPClsJUgfUBAkCH/9C/KD5ZPex9aP0SfSp9L71d/e3+Vv8Ov8jAuwEZgdrCdkKmwukC/QKlgmeBy4F"
    "awKC/6H89fmp9+L1vPRK9JL0j/U092T5/fvW/sEBkQQYBy4J"
)
_TUMOUR = {
    "worst_radius": 13.1,
    "worst_texture": 24.2,
    "worst_perimeter": 84.5,
    "worst_area": 527,
    "worst_smoothness": 0.125,
    "worst_compactness": 0.18,
    "worst_concavity": 0.14,
    "worst_concave_points": 0.07,
    "worst_symmetry": 0.27,
    "worst_fractal_dimension": 0.08,
}
_FEWEST = 20  # items to calibrate on


def score_examples() -> Examples:
    """Bodies of POST /score."""
    return {
        "image": _body("mnist-made", {"image": _SEVEN}, explain=True),
        "row": _body("breast-cancer-gmm", {"row": _TUMOUR}, alpha=0.05, explain=True),
        "audio": _body("words-wavenet", {"audio": _TONE}),
        "label": _body("mnist-rnn", {"image": _SEVEN}, label="7"),
    }


def encode_examples() -> Examples:
    """Bodies of POST /encode."""
    return {
        "image": _body("mnist-vae", {"image": _SEVEN}),
        "row": _body("breast-cancer-gmm", {"row": _TUMOUR}),
    }


def calibrate_examples() -> Examples:
    """Bodies of POST /calibrate: the fewest rows it takes, each a little different."""
    rows = [{"row": _changed(place)} for place in range(_FEWEST)]
    body = _body("breast-cancer-gmm", *rows, data="an example, to be replaced by rows of your own")
    return {"row": {"summary": "writes a new version, which is served: put in rows of your own", **body}}


def generate_examples() -> Examples:
    """Bodies of POST /generate."""
    known = {"image": _SEVEN, "mask": _UPPER_HALF}
    return {
        "samples": {"value": {"model": "mnist-made", "n": 16, "seed": 7, "temperature": 0.9}},
        "rows": {"value": {"model": "breast-cancer-gmm", "n": 4, "seed": 7}},
        "completion": {"value": {"model": "mnist-made", "n": 4, "seed": 7, "condition": known}},
    }


PARAMETERS = {"name": "mnist-made", "with": "mnist-nade"}
"""Of routes about one model."""


def _body(model: str, *inputs: Examples, **options: object) -> Examples:
    return {"value": {"model": model, "inputs": list(inputs), **options}}


def _changed(place: int) -> dict[str, float]:
    """The row with every value a few percent larger or smaller."""
    pairs = enumerate(_TUMOUR.items())
    return {name: float(f"{value * (1 + 0.05 * math.sin(place + column)):.3g}") for column, (name, value) in pairs}
