"""What a bundle says about a column: names of categories, and nothing where it holds numbers."""

import pytest
from pydantic import ValidationError

from pofx import bundle


def test_a_column_has_no_categories_unless_it_says_so():
    assert bundle.Column.model_validate_json('{"name": "age", "minimum": 0, "maximum": 9}').categories == ()


def test_categories_keep_their_order():
    column = bundle.Column(name="colour", minimum=0, maximum=1, categories=("red", "blue"))
    assert bundle.Column.model_validate_json(column.model_dump_json()).categories == ("red", "blue")


@pytest.mark.parametrize(("categories", "words"), [(("a", "a"), "must be unique"), (("a", ""), "at least 1 character")])
def test_a_category_has_a_name_of_its_own(categories, words):
    with pytest.raises(ValidationError, match=words):
        bundle.Column(name="colour", minimum=0, maximum=1, categories=categories)
