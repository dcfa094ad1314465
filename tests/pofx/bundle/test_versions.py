"""A number is never used twice, and a bare name always means a version that is there."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import integers

from pofx import bundle
from pofx.bundle.record import RECORDS

NAME = "adder"


@pytest.fixture
def three(store, body, files):
    for _ in range(3):
        bundle.write(store, NAME, body, files)
    return store


def meant(store):
    return int(store.locate(bundle.Reference(NAME)).name)


def test_a_bare_name_means_the_promoted_version_whatever_is_written_later(three, body, files):
    assert (meant(three), three.promoted(NAME)) == (3, None)
    three.promote(NAME, 2)
    bundle.write(three, NAME, body, files)
    assert (meant(three), three.promoted(NAME)) == (2, 2)
    assert three.locate(bundle.Reference(NAME, 4)).name == "4"


def test_rollback_names_what_the_name_meant_before_and_goes_back_once(three):
    three.promote(NAME, 1)
    three.promote(NAME, 2)
    three.promote(NAME, 2)  # says nothing new
    assert three.rollback(NAME) == 1 == three.promoted(NAME)
    with pytest.raises(bundle.BundleNotFound, match="promote the version"):
        three.rollback(NAME)


def test_the_first_promotion_rolls_back_to_the_version_that_was_the_latest(three):
    three.promote(NAME, 2)
    assert three.rollback(NAME) == 3


def test_the_promoted_version_cannot_be_removed(three):
    three.promote(NAME, 3)
    with pytest.raises(bundle.VersionInUse, match="promote another"):
        three.remove(NAME, 3)
    three.remove(NAME, 1)
    assert three.versions(NAME) == [2, 3]
    assert sorted(path.name for path in (three.root / NAME).iterdir()) == ["2", "3"]


@pytest.mark.parametrize("version", [3, 7])
def test_a_number_is_not_used_again_after_a_removal(version, three, body, files):
    if version == 7:  # came there by copying
        shutil.copytree(three.folder(NAME, 3), three.folder(NAME, 7))
        assert three.next_version(NAME) == 8
        three.promote(NAME, 7)
        three.promote(NAME, 3)
    three.remove(NAME, 2)
    shutil.rmtree(three.root / NAME)
    assert three.names() == []
    assert bundle.write(three, NAME, body, files).manifest.version == three.next_version(NAME) - 1 == version + 1


def test_a_promoted_version_that_was_removed_by_hand_is_no_longer_meant(three):
    three.promote(NAME, 2)
    shutil.rmtree(three.folder(NAME, 2))
    assert (meant(three), three.promoted(NAME)) == (3, None)


def test_what_to_go_back_to_may_have_been_removed(three):
    three.promote(NAME, 2)
    three.remove(NAME, 3)
    with pytest.raises(bundle.BundleNotFound, match="promote the version"):
        three.rollback(NAME)


def test_a_version_that_is_not_there_can_neither_be_promoted_nor_removed(three, tmp_path):
    for change in (three.promote, three.remove):
        with pytest.raises(bundle.BundleNotFound, match="there is: 1, 2, 3"):
            change(NAME, 4)
    nowhere = bundle.Store(tmp_path / "nowhere")
    with pytest.raises(bundle.BundleNotFound, match="no model"):
        nowhere.rollback(NAME)
    assert not nowhere.root.exists()


def test_a_store_without_records_counts_on_from_what_is_there(three, body, files):
    shutil.rmtree(three.root / RECORDS)
    assert (meant(three), three.next_version(NAME)) == (3, 4)
    assert bundle.write(three, NAME, body, files).manifest.version == 4


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"highest": "3"}', '{"highest": -1}', '{"highest":1,"a":2}'])
def test_a_damaged_record_is_an_error_that_says_what_to_do(content, three, body, files):
    record = three.root / RECORDS / f"{NAME}.json"
    record.write_text(content)
    for change in (
        lambda: bundle.write(three, NAME, body, files),
        lambda: three.promote(NAME, 1),
        lambda: meant(three),
    ):
        with pytest.raises(bundle.RecordDamaged, match=rf"{NAME}\.json.*restore the file, or delete it"):
            change()
    assert record.read_text() == content
    assert three.locate(bundle.Reference(NAME, 2)).name == "2"


def test_a_record_is_replaced_as_a_whole(three, monkeypatch):
    before = (three.root / RECORDS / f"{NAME}.json").read_bytes()

    def power_failure(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", power_failure)
    with pytest.raises(KeyboardInterrupt):
        three.promote(NAME, 1)
    assert (three.root / RECORDS / f"{NAME}.json").read_bytes() == before
    assert {path.name for path in (three.root / RECORDS).iterdir()} == {f"{NAME}.json", ".lock"}


class Versions(RuleBasedStateMachine):
    """Everything that can happen to the versions of a name, in any order."""

    body, files = None, None

    def __init__(self):
        super().__init__()
        self.store = bundle.Store(Path(tempfile.mkdtemp()))
        self.used = set()

    def teardown(self):
        shutil.rmtree(self.store.root)

    def some(self, place):
        versions = self.store.versions(NAME)
        return versions[place % len(versions)]

    @rule()
    def write(self):
        version = bundle.write(self.store, NAME, self.body, self.files).manifest.version
        assert version not in self.used
        self.used.add(version)

    @precondition(lambda self: self.store.names())
    @rule(place=integers(0, 9))
    def promote(self, place):
        version = self.some(place)
        self.store.promote(NAME, version)
        assert self.store.promoted(NAME) == meant(self.store) == version

    @precondition(lambda self: self.store.names())
    @rule()
    def rollback(self):
        before = meant(self.store)
        try:
            version = self.store.rollback(NAME)
        except bundle.BundleNotFound:
            assert meant(self.store) == before
        else:
            assert version == meant(self.store)

    @precondition(lambda self: self.store.names())
    @rule(place=integers(0, 9))
    def remove(self, place):
        version = self.some(place)
        try:
            self.store.remove(NAME, version)
        except bundle.VersionInUse:
            assert meant(self.store) == version
        else:
            assert version not in self.store.versions(NAME)

    @precondition(lambda self: self.store.names())
    @rule(place=integers(0, 9))
    def remove_by_hand(self, place):
        shutil.rmtree(self.store.folder(NAME, self.some(place)))

    @precondition(lambda self: self.store.names())
    @rule()
    def remove_all_by_hand(self):
        shutil.rmtree(self.store.root / NAME)

    @invariant()
    def a_name_means_a_version_that_is_there(self):
        if self.store.names():
            assert meant(self.store) in self.store.versions(NAME)


def test_no_sequence_of_changes_uses_a_number_twice(body, files):
    case = type("Case", (Versions,), {"body": body, "files": files}).TestCase
    case.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
    case().runTest()
