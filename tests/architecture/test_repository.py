"""The repository keeps its own rules: self-contained, small, honest."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_STORE_BYTES = 25_000_000


def _tracked() -> list[Path]:
    """Files git knows, or all but ignored folders where there is no git (an unpacked archive)."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    skipped = {".venv", "data", "runs", "__pycache__"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not skipped & set(path.relative_to(ROOT).parts)]


def _texts() -> list[tuple[Path, str]]:
    suffixes = {".py", ".md", ".toml", ".yml", ".yaml", ".json", ".txt", ".sh", ""}
    return [
        (path, path.read_text(encoding="utf-8", errors="replace"))
        for path in _tracked()
        if path.suffix in suffixes and path != Path(__file__) and path.stat().st_size < 1_000_000
    ]


@pytest.mark.parametrize(
    "pattern",
    [r"\.\./shared", r"/root/", r"/home/\w+/", r"/work/main", r"pypi\.org", r"files\.pythonhosted", r"extra-index-url"],
)
def test_nothing_refers_to_a_machine_or_a_registry(pattern):
    assert [str(path.relative_to(ROOT)) for path, text in _texts() if re.search(pattern, text)] == []


def test_the_shipped_store_is_small():
    assert sum(path.stat().st_size for path in (ROOT / "models").rglob("*") if path.is_file()) <= MAX_STORE_BYTES


def test_every_requirement_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {
        re.split(r"==", line)[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line and not line.startswith("#")
    }
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.match(r"[\w-]+", item).group().lower() for group in groups for item in group}
    assert names - pinned - {"pofx"} == set()


def test_tests_are_no_package():
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_no_test_is_skipped_or_left_to_fail():
    markers = re.compile(r"pytest\.(mark\.)?(skip|xfail|importorskip)|mark\.skipif")
    found = [path for path, text in _texts() if path.is_relative_to(ROOT / "tests") and markers.search(text)]
    assert found == []


def test_links_in_the_documentation_lead_somewhere():
    links = [
        (path, target)
        for path, text in _texts()
        if path.suffix == ".md"
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    ]
    assert [f"{path.name}: {target}" for path, target in links if not (path.parent / target).exists()] == []
