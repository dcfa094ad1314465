"""Names and codes of categories lead to each other, and whatever is neither is named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.categories import code_of, codes_in, codes_of_cells, codes_of_names, names_of
from pofx.kinds.condition import Condition
from pofx.kinds.csv_text import decode_csv, encode_csv
from pofx.kinds.item import Item
from pofx.kinds.json_items import JsonItems
from pofx.kinds.known_values import decode_known
from pofx.kinds.npy import items_of
from pofx.kinds.place import item

names = st.text(min_size=1).map(str.strip).filter(bool)
vocabularies = st.lists(names, min_size=1, max_size=8, unique=True)
MANY = tuple(f"city {place:02}" for place in range(30))


def column(categories, name="town"):
    return bundle.Column(name=name, minimum=0, maximum=1, categories=tuple(categories))


def table(categories, missing="refused"):
    return bundle.RowSpec(columns=(column(categories), column((), "age")), missing=missing)


def json(**row):
    return JsonItems([Item.model_validate({"row": row}, strict=True)], 0)


@given(vocabularies, st.data())
def test_names_become_codes_and_codes_names(categories, data):
    chosen = data.draw(st.lists(st.sampled_from([None, *categories]), min_size=1))
    declared = column(categories)
    codes = codes_of_names(chosen, declared)
    assert names_of(codes, declared) == chosen
    assert [code_of(name, declared, item(0)) for name in chosen if name] == [code for code in codes if code == code]


@given(st.lists(st.sampled_from(["1", "2", "a,b", "Ä", 'say "x"', "NA", "nan"]), min_size=1))
def test_a_table_of_names_is_read_back_from_csv(chosen):
    spec = table(["1", "2", "a,b", "Ä", 'say "x"', "NA", "nan"])
    decoded = decode_csv(encode_csv({"age": np.ones(len(chosen)), "town": chosen}), spec)
    rows, columns = decoded.array, decoded.columns
    assert names_of(rows[:, 0], spec.columns[0]) == chosen
    assert list(columns.cells()["town"]) == chosen
    assert columns.typed()["town"] == columns.texts["town"]


def test_space_around_a_name_does_not_count_but_stays():
    spec = table(["red", "blue"])
    decoded = decode_csv(b"town,age\n red ,1\n", spec)
    rows, columns = decoded.array, decoded.columns
    assert rows.tolist() == [[0, 1]]
    assert columns.cells()["town"] == (" red ",)
    assert json(town=" blue", age=1.0).decode(spec).array.tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("name", "nearest"), [("City 07", "city 07"), ("citty 29", "city 29"), ("cty 12", "city 12"), ("Zürich", None)]
)
def test_an_unknown_name_is_refused_with_the_nearest_and_at_most_twenty_others(name, nearest):
    with pytest.raises(RequestInvalid) as refused:
        code_of(name, column(MANY), item(3).column("town", "row/town"))
    error = refused.value
    assert error.detail.startswith(f"item 3, column 'town': no category {name!r}")
    assert error.detail.endswith("'city 19' and 10 more")
    assert error.extra["categories"] == list(MANY[:20])
    assert error.extra["nearest"][:1] == ([nearest] if nearest else [])
    assert error.extra["errors"][0]["pointer"] == "/inputs/3/row/town"


def test_what_is_sent_is_not_repeated_at_length():
    with pytest.raises(RequestInvalid) as refused:
        codes_of_cells(["x" * 10_000], column(["y" * 10_000]))
    assert len(refused.value.detail) < 300
    assert len(str(refused.value.extra)) < 500


def test_the_first_unknown_name_of_a_column_is_named():
    with pytest.raises(RequestInvalid) as refused:
        codes_of_names(["a", None, "c", "d"], column(["a", "b"]))
    assert (refused.value.extra["index"], refused.value.extra["value"]) == (2, "c")


@pytest.mark.parametrize("value", [True, ["a"], {"a": 1}])
def test_only_text_names_a_category_in_an_array(value):
    with pytest.raises(RequestInvalid, match="expected the name of a category, got"):
        codes_in([value, 1.0], table(["a"]), item(0))


def test_an_array_of_another_length_stays_as_it_is_for_whoever_checks_shapes():
    assert codes_in(["a"], table(["a"]), item(0)) == ["a"]


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64"])
def test_codes_of_any_number_type_are_taken(dtype):
    assert items_of(np.array([[1, 5]], dtype), table(["a", "b"])).tolist() == [[1, 5]]


@pytest.mark.parametrize("value", [2, -1, 0.25])
def test_a_number_that_is_no_code_is_refused(value):
    with pytest.raises(RequestInvalid) as refused:
        items_of(np.array([[0, 5], [value, 5]]), table(["a", "b"]))
    assert f"item 1, column 'town': expected the code of a category, a whole number from 0 to 1, got {value:g}" in str(
        refused.value.detail
    )
    assert (refused.value.extra["index"], refused.value.extra["column"]) == (1, "town")


def test_missing_names_stay_missing_where_the_model_allows_that():
    spec = table(["a"], "marginalised")
    assert np.isnan(json(town=None, age=1.0).decode(spec).array[0, 0])
    assert np.isnan(items_of(np.array([[np.nan, 1]]), spec)[0, 0])
    with pytest.raises(RequestInvalid, match="expected a category, got a missing value"):
        json(town=None, age=1.0).decode(table(["a"]))


@pytest.mark.parametrize(
    "condition", [{"row": {"town": "b"}}, *({"array": ["b", 0], "mask": mask} for mask in ([1, 0], [True, False]))]
)
def test_a_name_can_be_known(condition):
    known, _ = decode_known(Condition.model_validate(condition, strict=True), table(["a", "b"]))
    assert (known.values.tolist(), known.mask.tolist()) == ([1, 0], [1, 0])


@pytest.mark.parametrize("unknown", ["b", "whatever", None, 7])
def test_what_the_mask_hides_may_be_anything_where_names_are_expected(unknown):
    condition = Condition.model_validate({"array": [unknown, 3.0], "mask": [0, 1]}, strict=True)
    known, _ = decode_known(condition, table(["a", "b"]))
    assert (known.values.tolist(), known.mask.tolist()) == ([0, 3], [0, 1])


@pytest.mark.parametrize(
    ("condition", "pointer"),
    [({"row": {"town": "c"}}, "/condition/row/town"), ({"array": ["c", 0], "mask": [1, 0]}, "/condition/array/0")],
)
def test_an_unknown_name_that_is_said_to_be_known_is_refused(condition, pointer):
    with pytest.raises(RequestInvalid, match="column 'town': no category 'c'") as refused:
        decode_known(Condition.model_validate(condition, strict=True), table(["a", "b"]))
    assert refused.value.extra["errors"][0]["pointer"] == pointer
