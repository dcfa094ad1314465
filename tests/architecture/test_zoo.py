"""The zoo can be read: a family is found by its name, understood from few files, and tried by every law."""

import ast
from pathlib import Path

import pytest

from tests.training.zoo.cases import CASES
from training.zoo import FAMILIES

ZOO = Path(__file__).parents[2] / "training" / "zoo"
MOST_FILES = 4
PARTS = sorted(path.stem for path in (ZOO / "parts").glob("*.py") if path.stem != "__init__")


def _imported(path: Path) -> set[Path]:
    """The files of the zoo that a file of the zoo imports from."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    inside = [name.removeprefix("training.zoo.") for name in names if name.startswith("training.zoo")]
    return {(ZOO / name.replace(".", "/")).with_suffix(".py") for name in inside}


def _to_open(path: Path) -> set[Path]:
    """What a reader of a file of the zoo may have to open: the file, and all it builds on."""
    found, left = set(), {path}
    while left:
        found |= left
        left = {file for item in left for file in _imported(item)} - found
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_in_the_file_of_its_name_and_understood_from_few_files(name):
    assert FAMILIES[name].__module__ == f"training.zoo.{name}"
    files = _to_open(ZOO / f"{name}.py")
    assert all(file.is_file() for file in files)
    assert len(files) <= MOST_FILES, sorted(file.name for file in files)


def test_every_file_beside_the_parts_is_a_family():
    assert {path.stem for path in ZOO.glob("*.py")} == {"__init__", "base", *FAMILIES}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_has_at_least_two_users(part):
    path = ZOO / "parts" / f"{part}.py"
    assert sum(path in _to_open(ZOO / f"{name}.py") for name in FAMILIES) >= 2


def test_no_family_lacks_a_case():
    assert FAMILIES.keys() - {case.family for case in CASES.values()} == set()
