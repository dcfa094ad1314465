"""Tables in the documentation are those of the code; run this file as a program to write them again."""

import re
import sys
from pathlib import Path

from service.metrics import Metrics
from service.problems import TABLE
from service.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "service.md"


def settings_table() -> str:
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in ((), None) else f"`{field.default}`"
        lines.append(f"| `SERVICE_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)


def problems_table() -> str:
    rows = [f"| {kind.status} | `urn:pofx:problem:{kind.slug}` | {kind.title} |" for kind in TABLE.values()]
    return "\n".join(["| status | type | title |", "|---|---|---|", *rows])


def metrics_table() -> str:
    lines = ["| metric | meaning |", "|---|---|"]
    for family in Metrics().registry.collect():
        if family.name.startswith("pofx_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            lines.append(f"| `{name}` | {family.documentation} |")
    return "\n".join(lines)


def test_the_tables_of_the_service_page_are_those_of_the_code():
    text = PAGE.read_text(encoding="utf-8")
    for table in (settings_table(), problems_table(), metrics_table()):
        assert table in text, f"run: python {Path(__file__).name}"


def write() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for heading, table in (
        ("Settings", settings_table()),
        ("What can go wrong", problems_table()),
        ("Watching it", metrics_table()),
    ):
        pattern = rf"(## {heading}\n(?:(?!\n## ).)*?\n\n)(?:@@\w+@@|\|.*?)(?=\n\n)"
        text = re.sub(pattern, lambda found, table=table: found.group(1) + table, text, count=1, flags=re.S)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(write())
