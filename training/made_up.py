"""Made-up defects: normal images, each with a patch of another image, a spot or a scratch.

Where nobody has shown a defect, they tell detectors apart whatever these compute, as densities of different spaces and
errors of codes do not. Patches are those of C.-L. Li et al., "CutPaste: Self-Supervised Learning for Anomaly Detection
and Localization", CVPR 2021, arXiv 2104.04015. They look like no real defect in particular.
"""

import math

import numpy as np

_AREA = (0.01, 0.08)  # shares of the image
_CONTRAST = (48, 160)  # grey levels from what is there
_PATCHES = 3  # to choose from, since one of an empty corner in another is none
_SEED = 7


def with_defects(images: np.ndarray, seed: int) -> np.ndarray:
    """The images, uint8 (n, height, width, channels), with a visible defect each; the kinds take turns."""
    random = np.random.default_rng((seed, _SEED))
    kinds = (_patched, _spotted, _scratched)
    return np.stack([kinds[place % len(kinds)](images, place, random) for place in range(len(images))])


def _patched(images: np.ndarray, place: int, random: np.random.Generator) -> np.ndarray:
    """With a rectangle of any image, from anywhere in it: of some, drawn by chance, the one that changes most."""
    image = images[place]
    height, width = _sides(image, random)
    found = [_pasted(image, images[random.integers(len(images))], height, width, random) for _ in range(_PATCHES)]
    return max(found, key=lambda changed: float(np.abs(changed.astype(np.float64) - image).sum()))


def _pasted(image: np.ndarray, other: np.ndarray, height: int, width: int, random: np.random.Generator) -> np.ndarray:
    changed = image.copy()
    (to_row, to_column), (row, column) = (_corner(image, height, width, random) for _ in range(2))
    changed[to_row : to_row + height, to_column : to_column + width] = other[
        row : row + height, column : column + width
    ]
    return changed


def _spotted(images: np.ndarray, place: int, random: np.random.Generator) -> np.ndarray:
    """With an ellipse that is lighter or darker."""
    image = images[place]
    height, width = _sides(image, random)
    row, column = _corner(image, height, width, random)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    down, across = (rows - row - (height - 1) / 2) / height, (columns - column - (width - 1) / 2) / width
    return _marked(image, down**2 + across**2 <= 0.25, random)


def _scratched(images: np.ndarray, place: int, random: np.random.Generator) -> np.ndarray:
    """With a straight line that is lighter or darker, a pixel wide and up to half of the image long."""
    image = images[place]
    length, angle = random.uniform(0.2, 0.5) * min(image.shape[:2]), random.uniform(0, math.pi)
    along = np.linspace(-length / 2, length / 2, 2 * math.ceil(length) + 1)
    middle = [random.uniform(0.25, 0.75) * side for side in image.shape[:2]]
    mask = np.zeros(image.shape[:2], bool)
    mask[tuple((centre + along * turn).astype(int) for centre, turn in zip(middle, _turns(angle), strict=True))] = True
    return _marked(image, mask, random)


def _turns(angle: float) -> tuple[float, float]:
    return math.sin(angle), math.cos(angle)


def _sides(image: np.ndarray, random: np.random.Generator) -> tuple[int, int]:
    """Height and width of what changes, at least two pixels."""
    area, ratio = random.uniform(*_AREA) * image.shape[0] * image.shape[1], math.exp(random.uniform(-0.7, 0.7))
    wanted = (math.sqrt(area * ratio), math.sqrt(area / ratio))
    return tuple(min(max(2, round(side)), most) for side, most in zip(wanted, image.shape[:2], strict=True))


def _corner(image: np.ndarray, height: int, width: int, random: np.random.Generator) -> tuple[int, int]:
    return int(random.integers(image.shape[0] - height + 1)), int(random.integers(image.shape[1] - width + 1))


def _marked(image: np.ndarray, mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The image with other levels where the mask, (height, width), says: away from the mean, if there is room."""
    mean, contrast = float(image[mask].mean()), random.uniform(*_CONTRAST)
    lighter = mean + contrast <= 255 and (random.random() < 0.5 or mean - contrast < 0)
    changed = image.astype(np.float64)
    changed[mask] += contrast if lighter else -contrast
    return changed.clip(0, 255).astype(np.uint8)
