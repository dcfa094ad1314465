"""Pages say of the shipped bundles what their manifests say; ``python -m benchmarks.figures`` writes them anew."""

from pathlib import Path

import pytest

from benchmarks.figures import numbers, renewed, tables, written_by_hand
from benchmarks.manifests import shipped

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
BUNDLES = shipped(ROOT / "models")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_say_what_the_manifests_say(page):
    text = page.read_text(encoding="utf-8")
    assert text == renewed(text, BUNDLES), "run: python -m benchmarks.figures"


def test_every_table_of_bundles_has_one_place():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {name: text.count(f"<!-- bundles:begin {name} -->") for name in tables(BUNDLES)} == dict.fromkeys(
        tables(BUNDLES), 1
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_likelihood_of_a_bundle_is_typed_by_hand(page):
    likelihoods = {text for name, text in numbers(BUNDLES).items() if name.endswith((" nll", " elbo", " iwae_64"))}
    words = set(written_by_hand(page.read_text(encoding="utf-8")).replace("*", " ").split())
    assert likelihoods & words == set()


def test_a_number_and_a_table_of_another_store_are_replaced():
    page = "99.99<!-- mnist-rnn nll --> and\n<!-- bundles:begin costs -->\nold\n<!-- bundles:end -->\n"
    text = renewed(page, BUNDLES)
    assert "99.99" not in text
    assert "old" not in text
    assert tables(BUNDLES)["costs"] in text


def test_an_unknown_figure_is_refused():
    with pytest.raises(KeyError, match="mnist-rnn speed"):
        renewed("1<!-- mnist-rnn speed -->", BUNDLES)
