"""Tables in the documentation are those of the code; run this file as a program to write them again."""

import re
from pathlib import Path

import pytest

from service.metrics import Metrics
from service.problems import TABLE
from service.settings import described
from training.data import sources
from training.data.splits import SplitOptions
from training.recipe import ChooseOptions, EvaluateOptions, ExportOptions, FitOptions, describe, parse
from training.transforms import TRANSFORMS
from training.zoo import FAMILIES

DOCS = Path(__file__).parents[2] / "docs"


def settings_table() -> str:
    lines = ["| variable | default | allowed | meaning |", "|---|---|---|---|"]
    for variable, default, values, meaning in described():
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{variable}` | {shown} | {values} | {meaning} |")
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


def options_table(options: type) -> str:
    rows = [
        f"| `{name}` | {f'`{default}`' if default else ''} | {values} | {text} |"
        for name, default, values, text in describe(options)
    ]
    return "\n".join(["| key | default | allowed | meaning |", "|---|---|---|---|", *rows]) if rows else "No options."


def sources_table() -> str:
    parts = []
    for source in sources.DataOptions.__origin__.__args__:
        name = source.model_fields["source"].annotation.__args__[0]
        parts.append(f'### `source = "{name}"`\n\n{source.__doc__}\n\n{options_table(source)}')
    return "\n\n".join(parts)


def named_table(registry: dict) -> str:
    parts = []
    for name, kind in registry.items():
        summary = kind.__doc__.partition("\n\n")[0].replace("\n    ", " ")
        parts.append(f'### `name = "{name}"`\n\n{summary}\n\n{options_table(kind.Options)}')
    return "\n\n".join(parts)


def generated() -> dict[str, str]:
    """What is written between the markers of a page, by the name of the marker."""
    return {
        "settings": settings_table(),
        "problems": problems_table(),
        "metrics": metrics_table(),
        "sources": sources_table(),
        "split": options_table(SplitOptions),
        "transforms": named_table(TRANSFORMS),
        "families": named_table(FAMILIES),
        "fit": options_table(FitOptions),
        "evaluate": options_table(EvaluateOptions),
        "choose": options_table(ChooseOptions),
        "export": options_table(ExportOptions),
    }


def renewed(text: str) -> str:
    for name, content in generated().items():
        pattern = rf"(<!-- {name} -->\n)(?:.*?\n)??(<!-- end -->)"
        text = re.sub(pattern, lambda found, new=content: f"{found[1]}{new}\n{found[2]}", text, flags=re.DOTALL)
    return text


@pytest.mark.parametrize("page", ["service.md", "recipes.md"])
def test_generated_tables_are_those_of_the_code(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    assert text == renewed(text), "run: python tests/architecture/test_documentation.py"


def test_every_generated_table_has_a_place():
    pages = "".join((DOCS / page).read_text(encoding="utf-8") for page in ("service.md", "recipes.md"))
    assert [name for name in generated() if f"<!-- {name} -->" not in pages] == []


@pytest.mark.parametrize("text", re.findall(r"```toml\n(.*?)```", (DOCS / "recipes.md").read_text("utf-8"), re.DOTALL))
def test_recipes_in_the_documentation_are_valid(text):
    parse(text)


if __name__ == "__main__":
    for page in ("service.md", "recipes.md"):
        (DOCS / page).write_text(renewed((DOCS / page).read_text(encoding="utf-8")), encoding="utf-8")
