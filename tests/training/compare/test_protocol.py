"""Every method gets the same rows; labels only split and judge."""

import numpy as np
import pytest

from training.compare.protocol import available, selected, trial
from training.errors import DataError


@pytest.fixture
def archive(tmp_path):
    """1,000 rows whose first value is their place, every tenth an anomaly."""
    path = tmp_path / "7_numbers.npz"
    places = np.arange(1000.0)
    np.savez(path, X=np.stack([places, -places], 1), y=(places % 10 == 0).astype(int))
    return path


def rows(x: np.ndarray) -> set[int]:
    return set(x[:, 0].astype(int).tolist())


@pytest.mark.parametrize("protocol", ["one-class", "contaminated"])
def test_fit_and_test_rows_are_disjoint_and_stratified(archive, protocol):
    found = trial("numbers", archive, protocol, 0, 10_000)
    assert not rows(found.fit) & rows(found.test)
    assert len(found.test) == 300
    assert found.anomalous.sum() == 30
    assert {place for place in rows(found.test) if place % 10 == 0} == rows(found.test[found.anomalous])


def test_only_the_contaminated_protocol_fits_on_anomalies(archive):
    clean, mixed = (trial("numbers", archive, protocol, 0, 10_000) for protocol in ("one-class", "contaminated"))
    assert len(mixed.fit) == 700
    assert rows(clean.fit) == {place for place in rows(mixed.fit) if place % 10}
    np.testing.assert_array_equal(clean.test, mixed.test)


def test_a_seed_is_a_split(archive):
    one, same, other = (trial("numbers", archive, "one-class", seed, 10_000) for seed in (0, 0, 1))
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_halves_share_rows_and_anomalies_evenly(archive):
    found = trial("numbers", archive, "one-class", 0, 10_000)
    assert found.first_half.sum() == 150
    assert found.anomalous[found.first_half].sum() == 15


def test_a_large_set_is_cut_and_keeps_its_share_of_anomalies(archive):
    found = trial("numbers", archive, "contaminated", 0, 200)
    assert (len(found.fit), len(found.test), int(found.anomalous.sum())) == (140, 60, 6)


def test_sets_are_named_like_their_files(archive):
    assert available(archive.parent) == {"numbers": archive}
    assert selected(archive.parent, []) == {"numbers": archive}
    with pytest.raises(DataError, match="no set 'letters'; there is: numbers"):
        selected(archive.parent, ["letters"])


def test_what_is_no_such_set_is_refused(tmp_path):
    with pytest.raises(DataError, match="found none"):
        available(tmp_path)
    np.savez(tmp_path / "x.npz", X=np.ones((9, 2)), y=np.zeros(9, int))
    with pytest.raises(DataError, match="expected y to be 0 or 1"):
        trial("x", tmp_path / "x.npz", "one-class", 0, 100)


def test_missing_values_are_refused_since_not_every_detector_takes_them(tmp_path):
    x = np.ones((4, 2))
    x[2, 1] = np.nan
    np.savez(tmp_path / "1_gappy.npz", X=x, y=np.array([0, 0, 1, 1]))
    with pytest.raises(DataError, match="row 2, column x1"):
        trial("gappy", tmp_path / "1_gappy.npz", "one-class", 0, 100)
