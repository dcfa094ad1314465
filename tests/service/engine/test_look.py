"""What is served follows the store: what was removed, replaced or promoted there while the service runs."""

import gc
import os
import shutil
import weakref
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pytest

from pofx import bundle
from pofx.bundle import Reference
from pofx.bundle.record import RECORDS
from pofx.errors import UnknownModel
from service.app import load_store, make_runtime
from service.engine.look import look
from service.engine.registry import Registry
from service.engine.stock import Stock
from service.errors import StillLoading

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NAME = "tiny-gan"


class Follower:
    """A store with two versions of a model, and a registry that looked at it once."""

    def __init__(self, root, draft, settings):
        self.store, self.draft, self.settings = bundle.Store(root), draft, settings(store=root, parallel_runs=1)
        self.registry = Registry(clock=lambda: NOW)
        for _ in range(2):
            draft.write(self.store)
        assert self.look() == [("loaded", 2), ("loaded", 1)]

    def look(self):
        """What happened since the last look."""
        known = len(self.registry.events)
        changed = load_store(self.settings, self.registry, make_runtime(self.settings))
        found = [(event.what, event.version) for event in self.registry.events[known:]]
        assert changed or not found
        return found

    def meant(self):
        return self.registry.find(NAME).manifest.version

    def replace(self, version, summary="another"):
        """Puts another bundle in the place of a version."""
        other = bundle.Store(self.store.root.parent / "other")
        body = self.draft.body().model_copy(update={"summary": summary})
        for _ in range(version):
            written = bundle.write(other, NAME, body, {**self.draft.files, "golden.npz": self.golden()})
        shutil.rmtree(self.store.folder(NAME, version))
        shutil.copytree(written.folder, self.store.folder(NAME, version))
        shutil.rmtree(other.root)

    def golden(self):
        return self.store.folder(NAME, 1).joinpath("golden.npz").read_bytes()


@pytest.fixture
def follower(tmp_path, drafts, settings):
    return Follower(tmp_path / "models", drafts["implicit_image"](), settings)


def test_nothing_happens_to_a_store_that_stays_as_it_is(follower):
    assert follower.look() == []


def test_a_removed_version_is_gone_and_the_name_means_the_next_lower(follower):
    follower.store.remove(NAME, 2)
    assert follower.look() == [("removed", 2)]
    assert follower.meant() == 1
    with pytest.raises(UnknownModel, match=r"tiny-gan:2 was removed from the store; noticed at 2026-01-02T03:04:05Z"):
        follower.registry.find(f"{NAME}:2")


def test_nobody_holds_what_was_removed(follower):
    graph = weakref.ref(follower.registry.find(NAME).graphs["generate"].graph)
    follower.store.remove(NAME, 2)
    follower.look()
    gc.collect()
    assert graph() is None


def test_a_name_without_versions_is_gone_and_says_that_it_was_removed(follower):
    shutil.rmtree(follower.store.root / NAME)
    assert follower.look() == [("removed", 1), ("removed", 2)]
    with pytest.raises(UnknownModel, match="was removed from the store"):
        follower.registry.find(NAME)


def test_a_replaced_version_is_loaded_anew_and_who_has_the_old_one_keeps_it(follower):
    old = follower.registry.find(NAME)
    follower.replace(2)
    assert follower.look() == [("replaced", 2)]
    new = follower.registry.find(NAME)
    assert (old.manifest.summary, new.manifest.summary) == ("a tiny model for tests", "another")
    z = np.zeros((1, 3), np.float32)
    graphs = [model.graphs["generate"] for model in (old, new)]
    assert np.array_equal(*(graph.run({"z": z}, ("sample",))["sample"] for graph in graphs))


def test_the_same_bytes_with_other_times_are_not_loaded_again(follower):
    old = follower.registry.find(NAME)
    for path in follower.store.folder(NAME, 2).iterdir():
        os.utime(path, (1, 1))
    assert follower.look() == []
    assert follower.registry.find(NAME) is old


def test_a_version_with_a_broken_replacement_is_served_on_until_the_replacement_is_whole(follower):
    old, card = follower.registry.find(NAME), follower.store.folder(NAME, 2) / "CARD.md"
    content = card.read_bytes()
    card.write_bytes(b"x" * len(content))
    assert follower.look() == [("refused", 2)]
    assert follower.look() == []
    assert follower.registry.find(NAME) is old
    assert [(item.version, "SHA-256" in item.reason) for item in follower.registry.refused] == [(2, True)]
    card.write_bytes(content)
    assert follower.look() == []
    assert follower.registry.refused == ()
    assert follower.registry.find(NAME) is old


def test_a_name_means_what_is_promoted(follower):
    follower.store.promote(NAME, 1)
    assert follower.look() == [("promoted", 1)]
    assert follower.meant() == 1
    follower.draft.write(follower.store)
    assert follower.look() == [("loaded", 3)]
    assert follower.meant() == 1
    assert [model.manifest.version for model in follower.registry.meant()] == [1]
    follower.store.rollback(NAME)
    assert follower.look() == [("promoted", 2)]
    assert follower.meant() == 2


def break_card(follower, version):
    (follower.store.folder(NAME, version) / "CARD.md").write_bytes(b"")


def test_a_promoted_version_that_is_refused_changes_nothing_while_the_service_runs(follower):
    follower.draft.write(follower.store)
    break_card(follower, 3)
    follower.store.promote(NAME, 3)
    assert follower.look() == [("promoted", 3), ("refused", 3), ("refused", None)]
    assert follower.meant() == 2


def test_a_promoted_version_that_is_refused_from_the_beginning_is_not_replaced_by_another(follower):
    follower.store.promote(NAME, 1)
    break_card(follower, 1)
    follower.registry.stock = Stock()  # as after a restart
    follower.look()
    with pytest.raises(UnknownModel, match=r"'tiny-gan' means is unclear: tiny-gan:1 is promoted but refused: .*CARD"):
        follower.registry.find(NAME)
    assert follower.registry.find(f"{NAME}:2").manifest.version == 2
    assert follower.registry.meant() == []


def test_a_damaged_record_changes_nothing_while_the_service_runs(follower):
    follower.store.promote(NAME, 1)
    follower.look()
    record = follower.store.root / RECORDS / f"{NAME}.json"
    whole = record.read_bytes()
    record.write_bytes(b"{")
    assert follower.look() == [("refused", None)]
    assert follower.look() == []
    assert follower.meant() == 1
    follower.registry.stock = Stock()
    follower.look()
    with pytest.raises(UnknownModel, match=r"tiny-gan\.json: expected a record of versions"):
        follower.registry.find(NAME)
    record.write_bytes(whole)
    follower.look()
    assert follower.meant() == 1


def test_a_store_that_is_not_there_for_a_moment_removes_nothing(follower):
    away = follower.store.root.rename(follower.store.root.parent / "away")
    with pytest.raises(FileNotFoundError):
        follower.look()
    assert follower.meant() == 2
    away.rename(follower.store.root)
    assert follower.look() == []


def test_only_the_latest_events_are_kept(follower):
    follower.registry.events *= 60
    follower.store.promote(NAME, 1)
    follower.look()
    assert len(follower.registry.events) == 100
    assert (follower.registry.events[-1].what, follower.registry.events[-1].version) == ("promoted", 1)


def test_every_model_serves_once_it_is_loaded_and_a_name_never_means_less_than_before(follower):
    follower.draft.write(follower.store)
    follower.store.promote(NAME, 3)
    registry, meant = follower.registry, []
    for stock in look(follower.store, registry.stock, make_runtime(follower.settings)):
        registry.stock = stock
        meant.append((follower.meant(), [str(item) for item in registry.stock.loading]))
        if registry.stock.loading:
            with pytest.raises(StillLoading, match=f"{NAME}:3 is still being loaded"):
                registry.find(f"{NAME}:3")
    assert meant == [(2, [f"{NAME}:3"]), (3, [])]


def test_at_the_start_the_meant_version_comes_first_and_nothing_is_unknown_until_all_were_tried(follower):
    registry = Registry(starting=True)
    for ask in (partial(registry.find, NAME), partial(registry.choose, None, "generate")):
        with pytest.raises(StillLoading):
            ask()
    first, second, third = look(follower.store, registry.stock, make_runtime(follower.settings))
    assert (first.loading, dict(first.meant)) == ((Reference(NAME, 2), Reference(NAME, 1)), {})
    assert (second.loading, dict(second.meant)) == ((Reference(NAME, 1),), {NAME: 2})
    assert (third.loading, dict(third.meant)) == ((), {NAME: 2})


def test_a_look_ends_after_the_bundle_that_is_being_loaded_when_it_is_stopped(follower):
    registry = Registry(starting=True)
    registry.stop()
    load_store(follower.settings, registry, make_runtime(follower.settings))
    assert registry.all() == []
