"""Recordings in a card can be looked at and listened to, and no class shares are claimed for them."""

import io
import wave

import numpy as np
import pytest
from PIL import Image

from training.evaluate.coverage import evaluate_coverage
from training.evaluate.recordings import as_wav, waves
from training.publish.pictures import pictures


def test_recordings_follow_each_other_with_a_pause_between():
    recordings = np.arange(1, 9, dtype=np.int16).reshape(2, 4)
    with wave.open(io.BytesIO(as_wav(recordings, rate_hz=8))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8, 1, 2)
        heard = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert heard.tolist() == [1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 0, 0]


def _brightness(picture: bytes, column: int) -> float:
    """Mean brightness of a quarter of the picture's width."""
    with Image.open(io.BytesIO(picture)) as image:
        grey = np.asarray(image.convert("L"), dtype=float)
    width = grey.shape[1] // 4
    return float(grey[:, column * width : (column + 1) * width].mean())


@pytest.mark.filterwarnings("error")
def test_a_picture_shows_noise_brighter_than_silence():
    silence = np.zeros((2, 800), np.int16)
    noise = np.random.default_rng(0).normal(0, 8000, (2, 800)).astype(np.int16)
    assert _brightness(waves(silence, noise, 8000), 3) > _brightness(waves(noise, silence, 8000), 3) + 20


def test_a_card_has_samples_to_see_and_to_hear(experiment):
    ready = experiment("wavenet")
    shown = pictures(ready, [])
    assert set(shown.files) == set(shown.captions) == {"samples.png", "samples.wav"}
    with wave.open(io.BytesIO(shown.files["samples.wav"])) as file:
        assert file.getframerate() == 8000


def test_no_class_shares_are_claimed_for_recordings(experiment):
    ready = experiment("wavenet")
    assert ready.splits.fit.labels is not None
    assert evaluate_coverage(ready.family, ready.transform, ready.splits, seed=0) == []
