"""A value of a recipe is set wherever the recipe has it, and nothing else changes."""

import tomllib

import pytest

from training.changes import changed
from training.errors import RecipeError

WRITTEN = {
    "inline table": '[data]\nsource = "digits"\nsplit = { validation = 0.2, test = 0.1 }\n',
    "inline table in one": 'data = { source = "digits", split = { validation = 0.2, test = 0.1 } }\n',
    "table": '[data]\nsource = "digits"\n[data.split]\nvalidation = 0.2\ntest = 0.1 # of them\n',
    "dotted keys": '[data]\nsource = "digits"\nsplit.validation = 0.2\nsplit.test = 0.1\n',
    "dotted keys from the top": 'data.source = "digits"\ndata.split.validation = 0.2\ndata.split.test = 0.1\n',
    "several lines": '[data]\nsplit = {validation = 0.2, test = 0.1}\nnormal = [\n  "1", # one\n  "2",\n]\n',
    "no table yet": '[data]\nsource = "digits"\n[[family]]\nname = "gmm"\nsplit = 3\n',
    "nothing": 'name = "x"\n',
}
CHANGES = [
    (("data", "split", "validation"), "0.3", 0.3),
    (("data", "split", "calibration"), "0.3", 0.3),
    (("data", "normal"), '["3"]', ["3"]),
    (("data", "path"), "a/b", "a/b"),
    (("seed",), "4", 4),
]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize(("keys", "value", "expected"), CHANGES)
def test_a_value_is_set_however_its_table_is_written(written, keys, value, expected):
    before = tomllib.loads(WRITTEN[written])
    after = tomllib.loads(changed(WRITTEN[written], f"{'.'.join(keys)}={value}"))
    table = before
    for key in keys[:-1]:
        table = table.setdefault(key, {})
    table[keys[-1]] = expected
    assert after == before


def test_comments_and_other_lines_stay():
    text = "# why\nseed = 1 # chosen\n[fit]\nepochs = 3\n"
    assert changed(text, "fit.epochs=5") == "# why\nseed = 1 # chosen\n[fit]\nepochs = 5\n"


@pytest.mark.parametrize(
    ("text", "change", "message"),
    [
        ("seed = 1", "epochs", "expected table.key=value"),
        ("seed = 1", "seed.x=2", "seed is 1 in the recipe, and no table"),
        ('[[family]]\nname = "gmm"', "family.name=pca", r"several \[\[family\]\]"),
        ("[data.split]\ntest = 0.1", "data.split={}", "set its values one by one"),
    ],
)
def test_what_cannot_be_set_is_said(text, change, message):
    with pytest.raises(RecipeError, match=message):
        changed(text, change)
