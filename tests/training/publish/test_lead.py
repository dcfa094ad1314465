"""The lines a card begins with say what the manifest says, in words."""

from dataclasses import replace

import pytest

from training.calibrate import calibrate
from training.evaluate.measurement import Measurement
from training.export.export import export
from training.finish import finish
from training.fit import Hardware, fit
from training.publish.lead import Told, _duration, _subject, lead
from training.publish.manifest import manifest_body
from training.run import Run

RATE = Measurement("false_alarm_rate_0.01", 0.03, "rate", "held out", "p", band=(0.0, 0.02), statistic="combined")


@pytest.fixture
def told(experiment, tmp_path):
    ready = experiment("bernoulli")
    fitted = fit(ready, Run.of(ready, tmp_path), Hardware("cpu", "1", quiet=True), resume=False)
    calibrated = calibrate(export(finish(fitted, lambda _: None), lambda _: None), lambda _: None)
    measured = (Measurement("nll", 24.786, "nats", "test", "exact, thresholded, seed 0", 0.2), RATE)
    return Told(manifest_body(calibrated, measured), "RNN", "Graves 2013, arXiv 1308.0850", measured, "23.1 nats")


def test_the_lines_are_five_and_short(told):
    lines = lead(told).splitlines()
    assert len(lines) == 5
    assert all(len(line.split()) <= 60 for line in lines)
    assert "An RNN (Graves 2013), fitted on 512 images" in lines[0]
    assert "24.79 ± 0.2 nats on 128 test images (exact, thresholded). Published: 23.1 nats." in lines[2]


@pytest.mark.parametrize(("rate", "loud"), [(0.03, True), (0.02, False), (0.0, False)])
def test_more_alarms_than_promised_are_said_aloud_and_fewer_are_not(told, rate, loud):
    measured = (replace(RATE, value=rate),)
    assert ("**more alarms than promised**" in lead(replace(told, measurements=measured))) == loud


def test_separation_from_anomalies_comes_before_likelihood(told):
    auroc = Measurement("auroc", 0.9876, "area", "test against anomalies", "p", statistic="combined", anomalies=1)
    other = replace(auroc, value=0.5, statistic="log_prob")
    line = lead(replace(told, measurements=(other, *told.measurements, auroc))).splitlines()[2]
    assert "AUROC 0.9876 of `combined`" in line


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "in less than a second"), (1.2, "in 1 second"), (90, "in 90 seconds"), (150, "in 2 minutes")],
)
def test_durations_are_in_units_that_people_use(seconds, words):
    assert _duration(seconds) == words


@pytest.mark.parametrize(
    ("summary", "subject"),
    [
        ("Digits, black and white: exact samples.", "Digits, black and white."),
        ("Showers: how unlike a gamma is this event?", "Showers: how unlike a gamma is this event?"),
        ("Is this a three? A mixture.", "Is this a three? A mixture."),
    ],
)
def test_a_subject_is_the_data_or_the_question(summary, subject):
    assert _subject(summary) == subject
