"""Recordings to look at and to listen to."""

import io
import wave

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.signal import spectrogram

from training.evaluate.pictures import ACCENT, INK, figure_png

_GAP_S = 0.25  # between recordings of one file
_FLOOR_DB = -80.0  # of a spectrogram, below full scale
_WINDOW_S = 0.016


def waves(real: np.ndarray, generated: np.ndarray, rate_hz: int) -> bytes:
    """PNG of waveforms and spectrograms, data on the left, samples on the right; both int16 (count, time)."""
    count = len(generated)
    figure = Figure((8, 1.15 * count + 0.3), layout="constrained")
    axes = figure.subplots(count, 4, sharex=True, width_ratios=(2, 3, 2, 3))
    for row in range(count):
        for column, (recording, colour) in enumerate(((real[row], INK), (generated[row], ACCENT))):
            _waveform(axes[row, 2 * column], recording, rate_hz, colour)
            _spectrogram(axes[row, 2 * column + 1], recording, rate_hz)
    for column, title in enumerate(("data", "kHz", "samples", "kHz")):
        axes[0, column].set_title(title, fontsize=8, color=INK)
        axes[-1, column].set_xlabel("s", fontsize=7)
    return figure_png(figure)


def _waveform(axes: Axes, recording: np.ndarray, rate_hz: int, colour: str) -> None:
    axes.plot(np.arange(len(recording)) / rate_hz, recording / 2**15, color=colour, linewidth=0.3)
    axes.set_ylim(-1, 1)
    axes.set_yticks([])
    axes.tick_params(labelsize=6)


def _spectrogram(axes: Axes, recording: np.ndarray, rate_hz: int) -> None:
    width = min(max(16, round(_WINDOW_S * rate_hz)), len(recording))
    frequency, time, power = spectrogram(recording / 2**15, rate_hz, nperseg=width, noverlap=width // 2)
    decibel = 10 * np.log10(power * rate_hz / 2 + 1e-12)
    axes.pcolormesh(time, frequency / 1000, decibel, vmin=_FLOOR_DB, vmax=0, cmap="magma", rasterized=True)
    axes.tick_params(labelsize=6)


def as_wav(recordings: np.ndarray, rate_hz: int) -> bytes:
    """A WAV file of recordings int16 (count, time), one after the other with a pause between them."""
    pause = np.zeros((len(recordings), round(_GAP_S * rate_hz)), np.int16)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.concatenate([recordings, pause], 1).astype("<i2").tobytes())
    return buffer.getvalue()
