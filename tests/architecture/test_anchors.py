"""Links to a heading of a page lead to one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)#([^)\s]+)\)")
FENCED = re.compile(r"```.*?```", re.DOTALL)


def _anchors(page: Path) -> set[str]:
    """The headings as GitHub names them: lower case, hyphens for spaces, nothing else but letters, digits and `_`."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_headings_lead_to_one(page):
    links = LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    targets = [((page.parent / name) if name else page, anchor) for name, anchor in links]
    assert [f"{target.name}#{anchor}" for target, anchor in targets if anchor not in _anchors(target)] == []
