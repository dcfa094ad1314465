"""References name a version, or mean the latest."""

import pytest

from pofx import bundle


def test_without_a_version_the_latest_is_meant(store, body, files):
    for _ in range(11):
        bundle.write(store, "adder", body, files)
    assert store.locate(bundle.Reference.parse("adder")).name == "11"
    assert store.locate(bundle.Reference.parse("adder:9")).name == "9"
    assert store.versions("adder") == list(range(1, 12))


@pytest.mark.parametrize("text", ["", ":1", "a:", "a:0", "a:01", "a:b", "../a", "a/b", "A", "a:1:2", "a" * 65])
def test_what_cannot_name_a_bundle_is_not_found(text):
    with pytest.raises(bundle.BundleNotFound):
        bundle.Reference.parse(text)


def test_what_is_not_there_is_answered_with_what_is(store, written):
    with pytest.raises(bundle.BundleNotFound, match=r"no model 'subtractor'.*adder"):
        store.locate(bundle.Reference.parse("subtractor"))
    with pytest.raises(bundle.BundleNotFound, match=r"no version 7 of 'adder'; there is: 1"):
        store.locate(bundle.Reference.parse("adder:7"))


def test_other_things_in_the_store_are_not_bundles(store, written):
    (store.root / "README").write_text("")
    (store.root / "adder" / "notes").mkdir()
    (store.root / ".git").mkdir()
    assert store.names() == ["adder"]
    assert store.versions("adder") == [1]
    assert bundle.Store(store.root / "nowhere").names() == []
