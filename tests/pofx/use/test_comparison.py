"""Items among those of their label: the rate holds within every class, where one calibration for all breaks it."""

import numpy as np
import pytest

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.rules.conformal import ranked
from pofx.use.comparison import Comparison, Peers
from pofx.use.discoveries import benjamini_hochberg, check_fdr, power_note
from pofx.use.sizes import Size
from pofx.use.verdict import rule

ALPHA, REPEATS = 0.05, 300
HIGH = bundle.Statistic(name="distance", unit="", tail="high", description="how far out")
SPREAD = {"narrow": 1.0, "wide": 2.0, "shifted": 0.5}  # every class has a law of its own
COUNTS = {"narrow": 400, "wide": 120, "shifted": 199}


def draw(random, label, count):
    return abs(random.normal(label == "shifted", SPREAD[label], count))


def groups(random):
    """A calibration as the exporter writes it, and read as the service does: all items, and those of every label."""
    labels = np.repeat(np.arange(len(COUNTS)), list(COUNTS.values()))
    values = np.concatenate([draw(random, label, n) for label, n in COUNTS.items()])
    stored = ranked({"distance": values}, labels)
    of_label = {
        label: Peers(Size(n, label), {"distance": stored["distance"][stored["distance.label"] == place]})
        for place, (label, n) in enumerate(COUNTS.items())
    }
    return Peers(Size(len(values)), {"distance": stored["distance"]}), of_label


def score(sizes, alpha, promise="marginal"):
    calibration = bundle.Calibration(file="c.npz", n=sum(COUNTS.values()), data="")
    declared = bundle.Score(graph="g", statistics=(HIGH,), calibration=calibration)
    return rule(declared, sizes, None, alpha, promise, 0.01)


def rates(promise, *, per_label):
    """The realised false-alarm rate of every class, (repeats,) each."""
    random, found = np.random.default_rng(0), {label: [] for label in COUNTS}
    for _ in range(REPEATS):
        everything, of_label = groups(random)
        for label in COUNTS:
            compared = Comparison((of_label[label] if per_label else everything,))
            p = compared.p_values(HIGH, draw(random, label, 400))
            found[label].append((p <= score(compared.sizes, ALPHA, promise).thresholds[0]).mean())
    return {label: np.array(values) for label, values in found.items()}


def test_one_calibration_for_all_breaks_the_rate_within_a_class_and_that_of_its_own_keeps_it():
    marginal = {label: found.mean() for label, found in rates("marginal", per_label=False).items()}
    assert marginal["wide"] > 3 * ALPHA
    assert max(marginal["narrow"], marginal["shifted"]) < 0.6 * ALPHA
    for found in rates("marginal", per_label=True).values():
        error = found.std() / REPEATS**0.5
        assert found.mean() <= ALPHA + 3 * error
        assert found.mean() >= ALPHA - 1 / (min(COUNTS.values()) + 1) - 3 * error


def test_the_strict_promise_holds_within_every_class():
    """Of calibration sets 5 % may be exceeded; that the rate is measured on 400 items adds as many again or fewer."""
    for label, found in rates("pac", per_label=True).items():
        noise = (ALPHA * (1 - ALPHA) / 400) ** 0.5
        assert (found > ALPHA + 2 * noise).mean() <= 0.05, label
        assert 0 < found.mean() < ALPHA


def test_the_promise_about_all_labels_at_once_holds_for_all_of_them_and_that_about_each_does_not():
    """Uniform statistics: the realised rate of a threshold is the calibration value at its rank, without test items."""
    random, labels, n, sets = np.random.default_rng(3), 10, 500, 4000
    calibration = np.sort(random.random((sets, labels, n)), axis=2)
    listed = tuple(bundle.LabelCount(name=str(label), n=n) for label in range(labels))
    declared = bundle.Score(
        graph="g",
        statistics=(HIGH,),
        calibration=bundle.Calibration(file="c.npz", n=n * labels, data="", labels=listed),
    )
    broken = {}
    for promise in ("pac", "pac_all"):
        (threshold,) = rule(declared, [Size(n, "0")], None, ALPHA, promise, 0.01).thresholds
        realised = calibration[:, :, round(threshold * (n + 1)) - 1]  # the share of p ≤ k / (n + 1), (sets, labels)
        broken[promise] = (realised > ALPHA).any(axis=1).mean()
    assert broken["pac"] > 0.25
    assert 0.02 < broken["pac_all"] <= 0.05 + 3 * (0.05 * 0.95 / sets) ** 0.5
    with pytest.raises(RequestInvalid, match="pac_all holds within every label at once: expected label"):
        rule(declared, [Size(n)], None, ALPHA, "pac_all", 0.01)
    with pytest.raises(RequestInvalid, match="with the promise pac_all: 18 calibration items of label 'r'"):
        rule(declared, [Size(18, "r")], None, ALPHA, "pac_all", 0.01)


def mixed(random, of_label):
    """Four hundred items of all labels in any order, and their comparison."""
    labels = random.choice(list(COUNTS), 400)
    values = np.array([draw(random, label, 1)[0] for label in labels])
    return values, Comparison(tuple(of_label[label] for label in dict.fromkeys(labels)), tuple(labels))


def test_labels_may_be_mixed_and_every_item_gets_the_p_value_of_its_own():
    random = np.random.default_rng(1)
    _, of_label = groups(random)
    values, compared = mixed(random, of_label)
    together = compared.p_values(HIGH, values)
    thresholds = score(compared.sizes, ALPHA, "pac").thresholds
    for index, (value, label) in enumerate(zip(values, compared.labels, strict=True)):
        own = of_label[label].values["distance"]
        assert together[index] == (1 + (own >= value).sum()) / (len(own) + 1)
        assert compared.sizes[compared.places(400)[index]].label == label
        alone = score([Size(len(own), label)], ALPHA, "pac").thresholds
        assert thresholds[compared.places(400)[index]] == alone[0]


def test_the_share_of_false_discoveries_is_bounded_over_mixed_labels():
    random, shares, powers, fdr = np.random.default_rng(2), [], [], 0.2
    for _ in range(200):
        _, of_label = groups(random)
        values, compared = mixed(random, of_label)
        values[:60] += 9  # anomalies of every label
        found = benjamini_hochberg(compared.p_values(HIGH, values), fdr).found
        shares.append(found[60:].sum() / max(1, found.sum()))
        powers.append(found[:60].mean())
    assert np.mean(shares) <= fdr * 340 / 400 + 3 * np.std(shares) / len(shares) ** 0.5
    assert np.mean(powers) > 0.5


def test_the_smallest_class_bounds_what_can_be_asked():
    sizes = [Size(400, "narrow"), Size(18, "rare")]
    with pytest.raises(RequestInvalid, match=r"18 calibration items of label 'rare'.*calibrated on 19 items of that"):
        score(sizes, 0.05)
    with pytest.raises(RequestInvalid, match=r"18 calibration items of label 'rare'.*59 items of that label"):
        score(sizes, 0.05, "pac")
    with pytest.raises(RequestInvalid, match="allows no discovery: with 18 calibration items of label 'rare'"):
        check_fdr(0.05, sizes[1])
    assert score(sizes, None).alpha == 1 / 19
    assert score(sizes, None, "pac").thresholds == (pytest.approx(50 / 401, abs=0.03), 1 / 19)


def test_an_item_of_a_label_is_found_only_among_as_many_as_the_note_says():
    note = power_note(benjamini_hochberg(np.ones(40), 0.1), Size(18, "rare"))
    least = int(note.split("fewer than ")[1].split()[0])
    assert "for one of that label to be discovered" in note
    others = np.full(40, 0.9)
    others[: least - 1] = 1e-9  # anomalies of a label with very many calibration items
    found = [benjamini_hochberg(np.r_[1 / 19, others[extra : extra + 39]], 0.1).found[0] for extra in (0, 1)]
    assert found == [True, False]
