"""A version is written whole or not at all, and never replaced."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pofx import bundle


def test_versions_count_up(store, body, files):
    assert [bundle.write(store, "adder", body, files).manifest.version for _ in range(3)] == [1, 2, 3]


def test_writers_at_once_get_versions_of_their_own(store, body, files):
    with ThreadPoolExecutor(6) as pool:
        written = list(pool.map(lambda _: bundle.write(store, "adder", body, files).manifest.version, range(12)))
    assert sorted(written) == store.versions("adder") == list(range(1, 13))


def test_a_version_that_was_refused_uses_no_number(store, body, files):
    with pytest.raises(bundle.BundleCorrupt):
        bundle.write(store, "adder", body, {**files, "encode.onnx": b"no graph"})
    assert bundle.write(store, "adder", body, files).manifest.version == 1


def test_a_crash_before_the_rename_leaves_nothing_to_load(store, body, files, monkeypatch):
    def power_failure(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", power_failure)
    with pytest.raises(KeyboardInterrupt):
        bundle.write(store, "adder", body, files)
    assert store.names() == []
    assert list(store.root.rglob("*.onnx")) == []


def test_a_writer_that_was_slower_does_not_replace_the_faster_one(store, body, files, monkeypatch):
    rename = Path.rename

    def rename_second(self: Path, target: Path) -> Path:
        target.mkdir(parents=True)
        (target / "manifest.json").write_text("the faster one")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", rename_second)
    with pytest.raises(bundle.BundleExists):
        bundle.write(store, "adder", body, files)
    assert (store.folder("adder", 1) / "manifest.json").read_text() == "the faster one"


def test_every_file_is_synced_before_the_rename(store, body, files, monkeypatch):
    events: list[str] = []
    sync, rename = os.fsync, Path.rename
    monkeypatch.setattr(os, "fsync", lambda descriptor: (events.append("sync"), sync(descriptor))[1])
    monkeypatch.setattr(Path, "rename", lambda self, to: (events.append("rename"), rename(self, to))[1])
    bundle.write(store, "adder", body, files)
    assert events.index("rename") >= len(files) + 2  # the files, the manifest, their folder
    assert events[-1] == "sync"


def test_a_file_that_the_manifest_names_must_be_given(store, body, files):
    del files["golden.npz"]
    with pytest.raises(ValueError, match=r"golden\.npz"):
        bundle.write(store, "adder", body, files)


def test_what_a_check_refuses_never_becomes_visible(tmp_path, body, files):
    seen = []

    def refuse(staged):
        seen.append(staged.manifest.reference)
        raise ValueError("no")

    store = bundle.Store(tmp_path)
    with pytest.raises(ValueError, match="no"):
        bundle.write(store, "toy", body, files, check=refuse)
    assert seen == ["toy:1"]
    assert store.names() == []
