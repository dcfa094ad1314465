"""WAV files to arrays and back. The header is checked before any sample is decoded.

They are not read with the standard library: before Python 3.12 it refuses WAVE_FORMAT_EXTENSIBLE, which many programs
write.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.kinds.place import Place

_PCM, _EXTENSIBLE = 1, 0xFFFE
_CODINGS = {3: "floating-point numbers", 6: "A-law", 7: "mu-law"}
_PCM_SUBFORMAT = struct.pack("<H", _PCM) + bytes.fromhex("000000001000800000aa00389b71")
_BITS = (8, 16, 24, 32)
_LEAST_UNKNOWN_SIZE = 0x7FFFF000  # what sox, and ffmpeg with a larger number, write to a pipe in the place of a size
_MAX_CHUNKS = 64
_GAP_S = 0.25

Recording = NDArray[np.int16]
Cut = Callable[[int], int]
"""Which of the samples that a window of a longer recording may begin with it begins with; it is told how many."""


@dataclass(frozen=True)
class Header:
    """What a WAV file holds, and where its samples lie, in bytes."""

    rate_hz: int
    channels: int
    bits: int
    start: int
    stop: int

    @property
    def frames(self) -> int:
        """Samples per channel."""
        return (self.stop - self.start) // (self.channels * self.bits // 8)


def beginning(_: int) -> int:
    """Cuts a recording to its beginning."""
    return 0


def decode_wav(
    content: bytes, spec: bundle.AudioSpec, place: Place, *, cut: Cut | None = None
) -> tuple[Recording, str | None]:
    """A recording of the model's length, padded with silence, shape (length,), and a note of what was changed.

    A longer one is refused, or ``cut``: begun at one of the first so many samples.
    """
    header = _header(content, spec, place)
    if cut is None:
        _check_length(header, spec, place)
    start = 0 if cut is None else cut(max(header.frames - spec.length, 0) + 1)
    samples, changes = mono(content, header)[start : start + spec.length], _changes(header)
    if header.frames > spec.length:
        where = "its first" if cut is beginning else "a stretch of it, drawn at random, of"
        changes.append(f"only {where} {_lasting(spec.length, spec)} used")
    if header.frames < spec.length:
        changes.append(f"padded with silence to {_lasting(spec.length, spec)}")
    return np.pad(samples, (0, spec.length - len(samples))), _joined(changes)


def decode_beginning(content: bytes, spec: bundle.AudioSpec, place: Place) -> tuple[Recording, str | None]:
    """The samples as they are, shape (at most length,), and a note of what was changed."""
    header = _header(content, spec, place)
    _check_length(header, spec, place)
    return mono(content, header), _joined(_changes(header))


def _check_length(header: Header, spec: bundle.AudioSpec, place: Place) -> None:
    if header.frames > spec.length:
        raise place.refusal(
            f"expected at most {_lasting(spec.length, spec)}, got {_lasting(header.frames, spec)}",
            expected=spec.length,
            got=header.frames,
        )


def _header(content: bytes, spec: bundle.AudioSpec, place: Place) -> Header:
    """The header of a recording at the model's rate; raises RequestInvalid."""
    header = read_header(content, place)
    if header.rate_hz != spec.rate_hz:
        raise place.refusal(
            f"expected {spec.rate_hz} samples per second, the header of the file says {header.rate_hz}; resample it",
            expected=spec.rate_hz,
            got=header.rate_hz,
        )
    return header


def read_header(content: bytes, place: Place) -> Header:
    """The header of a WAV file with PCM samples in one or two channels; raises RequestInvalid."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise place.refusal("not a WAV file")
    chunks = _chunks(content)
    if b"fmt " not in chunks or b"data" not in chunks:
        raise place.refusal("the WAV file is damaged: it has no fmt or no data chunk")
    form = content[slice(*chunks[b"fmt "])]
    start, stop = chunks[b"data"]
    if len(form) < 16 or stop > len(content):
        raise place.refusal("the WAV file is truncated")
    coding, channels, rate_hz, _, align, bits = struct.unpack_from("<HHIIHH", form)
    if coding != _PCM and not (coding == _EXTENSIBLE and form[24:40] == _PCM_SUBFORMAT):
        raise place.refusal(f"expected PCM samples, got {_coding(coding, form)}; convert it first")
    if bits not in _BITS or channels not in (1, 2):
        raise place.refusal(f"expected 8, 16, 24 or 32 bits in one or two channels, got {bits} in {channels}")
    if align != channels * bits // 8 or (stop - start) % align:
        raise place.refusal("the WAV file is damaged: its data are no whole number of samples")
    if start == stop:
        raise place.refusal("the recording is empty")
    return Header(rate_hz, channels, bits, start, stop)


def encode_wav(samples: Recording, rate_hz: int) -> bytes:
    """A mono WAV file with 16 bits per sample."""
    data = samples.astype("<i2", copy=False).tobytes()
    form = struct.pack("<HHIIHH", _PCM, 1, rate_hz, 2 * rate_hz, 2, 16)
    return struct.pack("<4sI8sI16s4sI", b"RIFF", 36 + len(data), b"WAVEfmt ", 16, form, b"data", len(data)) + data


def one_after_the_other(recordings: Recording, rate_hz: int) -> Recording:
    """Recordings of shape (n, length) as one, with a short silence between."""
    gap = max(1, round(_GAP_S * rate_hz))
    return np.pad(recordings, ((0, 0), (0, gap))).reshape(-1)[:-gap]


def _chunks(content: bytes) -> dict[bytes, tuple[int, int]]:
    """Start and end of the chunks up to the samples, by name."""
    chunks: dict[bytes, tuple[int, int]] = {}
    offset = 12
    while offset + 8 <= len(content) and len(chunks) < _MAX_CHUNKS and b"data" not in chunks:
        name, size = struct.unpack_from("<4sI", content, offset)
        stop = len(content) if size >= _LEAST_UNKNOWN_SIZE else offset + 8 + size
        chunks[name] = (offset + 8, stop)
        offset = stop + size % 2
    return chunks


def _coding(coding: int, form: bytes) -> str:
    if coding == _EXTENSIBLE and len(form) >= 26:
        (coding,) = struct.unpack_from("<H", form, 24)
    return _CODINGS.get(coding, f"coding {coding}")


def mono(content: bytes, header: Header) -> Recording:
    """Both channels' mean in 16 bits, shape (frames,)."""
    raw = np.frombuffer(content, np.uint8, header.stop - header.start, header.start)
    if header.bits == 16 and header.channels == 1:
        return raw.view("<i2").astype(np.int16, copy=False)
    mixed = _in_16_bits(raw, header.bits).reshape(-1, header.channels).mean(axis=1)
    return np.asarray(np.rint(mixed).clip(-(2**15), 2**15 - 1), np.int16)


def _in_16_bits(raw: NDArray[np.uint8], bits: int) -> NDArray[np.float64]:
    """Samples in units of the lowest of 16 bits."""
    if bits == 8:
        return (raw.astype(np.float64) - 128) * 256  # the only width without a sign
    if bits == 24:
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)
        raw, bits = wide.reshape(-1), 32
    return raw.view(f"<i{bits // 8}") / 2.0 ** (bits - 16)


def _changes(header: Header) -> list[str]:
    changes = [] if header.channels == 1 else ["two channels mixed into one"]
    if header.bits != 16:
        changes.append(f"converted from {header.bits} to 16 bits")
    return changes


def _joined(changes: list[str]) -> str | None:
    return ", ".join(changes) or None


def _lasting(samples: int, spec: bundle.AudioSpec) -> str:
    return f"{samples} samples ({samples / spec.rate_hz:.4g} s)"
