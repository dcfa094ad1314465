"""Recordings: every PCM file is read as the same 16-bit sound, and everything that is none is refused by name."""

import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.audio import decode_beginning, decode_wav, encode_wav, one_after_the_other
from pofx.kinds.place import item

SPEC = bundle.AudioSpec(rate_hz=8000, length=50)
SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")


def wav(values, bits=16, channels=1, rate_hz=8000):
    """A file as the standard library writes it; values are whole numbers with that many bits."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((channels, bits // 8, rate_hz, 0, "NONE", ""))
        offset = 128 if bits == 8 else 0
        numbers = [int(value) + offset for value in np.ravel(values)]
        file.writeframes(b"".join(number.to_bytes(bits // 8, "little", signed=bits > 8) for number in numbers))
    return buffer.getvalue()


def extensible(samples, coding=1, tail=SUBFORMAT):
    data = samples.astype("<i2").tobytes()
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 4) + struct.pack("<H", coding) + tail
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"LIST\x03\x00\x00\x00abc\x00"
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


@pytest.fixture
def samples():
    return np.random.default_rng(0).integers(-(2**15), 2**15, 50).astype(np.int16)


def test_sixteen_bits_are_lossless_both_ways(samples):
    found, note = decode_wav(encode_wav(samples, 8000), SPEC, item(0))
    assert np.array_equal(found, samples)
    assert note is None
    with wave.open(io.BytesIO(encode_wav(samples, 8000))) as file:
        assert file.getparams()[:4] == (1, 2, 8000, 50)
        assert file.readframes(50) == samples.tobytes()


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_width_is_rounded_to_sixteen_bits_and_channels_are_averaged(bits, channels):
    values = np.random.default_rng(1).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (50, channels))
    expected = np.clip(np.rint(values.mean(axis=1) / 2.0 ** (bits - 16)), -(2**15), 2**15 - 1)
    found, note = decode_wav(wav(values, bits, channels), SPEC, item(0))
    assert np.array_equal(found, expected)
    assert (note is None) == (bits == 16 and channels == 1)
    assert ("two channels" in str(note)) == (channels == 2)
    assert (f"from {bits} to 16 bits" in str(note)) == (bits != 16)


def test_an_extensible_header_and_other_chunks_are_read(samples):
    assert np.array_equal(decode_wav(extensible(samples), SPEC, item(0))[0], samples)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000])
def test_a_size_that_was_not_known_when_it_was_written_is_read_to_the_end(samples, size):
    content = encode_wav(samples, 8000)
    streamed = content.replace(b"data" + struct.pack("<I", 100), b"data" + struct.pack("<I", size))
    assert np.array_equal(decode_wav(streamed, SPEC, item(0))[0], samples)


def test_a_short_one_is_padded_with_silence_and_that_is_noted(samples):
    found, note = decode_wav(wav(samples[:20]), SPEC, item(0))
    assert np.array_equal(found, np.pad(samples[:20], (0, 30)))
    assert note == "padded with silence to 50 samples (0.00625 s)"
    beginning, note = decode_beginning(wav(samples[:20]), SPEC, item(0))
    assert np.array_equal(beginning, samples[:20])
    assert note is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a WAV file"),
        (b"RIFF\x00\x00\x00\x00AVI ", "not a WAV file"),
        (wav([]), "empty"),
        (wav(np.zeros(51)), "at most 50 samples (0.00625 s), got 51 samples (0.006375 s)"),
        (wav(np.zeros(50), rate_hz=44100), "expected 8000 samples per second, the header of the file says 44100"),
        (wav(np.zeros((2, 6)), channels=6), "in one or two channels, got 16 in 6"),
        (wav(np.zeros(20))[:-1], "truncated"),
        (wav(np.zeros(20))[:40], "damaged"),
        (wav(np.zeros(20)).replace(b"data(\0\0\0", b"data'\0\0\0"), "no whole number of samples"),
        (wav(np.zeros(20)).replace(b"\x10\0\0\0\x01\0", b"\x10\0\0\0\x03\0"), "got floating-point numbers"),
        (extensible(np.zeros(20), coding=7), "got mu-law"),
        (extensible(np.zeros(20), tail=bytes(14)), "expected PCM samples"),
        (b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 100_000, "damaged"),
        (b"RIFF\0\0\0\0WAVEdata\x02\0\0\0\0\0", "damaged"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_index(content, words):
    with pytest.raises(RequestInvalid) as refused:
        decode_wav(content, SPEC, item(3))
    assert words in refused.value.detail
    assert refused.value.extra["index"] == 3


@pytest.mark.parametrize("whole", [wav(np.zeros(20)), wav(np.zeros((9, 2)), 24, 2), extensible(np.zeros(20))])
def test_every_truncation_is_refused(whole):
    for length in range(len(whole)):
        with pytest.raises(RequestInvalid):
            decode_wav(whole[:length], SPEC, item(0))


@given(
    st.binary(max_size=120), st.sampled_from([b"", b"RIFF\0\0\0\0WAVE", wav([1, 2])[:36], extensible(np.zeros(2))[:60]])
)
def test_no_bytes_raise_anything_but_our_errors(content, start):
    try:
        found, _ = decode_wav(start + content, SPEC, item(0))
    except RequestInvalid:
        return
    assert found.shape == (50,)


@given(st.lists(st.tuples(st.integers(0, 71), st.integers(0, 255)), max_size=6))
def test_no_damage_raises_anything_but_our_errors(damage):
    content = bytearray(wav(np.arange(14)))
    for place, byte in damage:
        content[place] = byte
    try:
        found, _ = decode_wav(bytes(content), SPEC, item(0))
    except RequestInvalid:
        return
    assert (found.shape, found.dtype) == ((50,), np.int16)


def test_recordings_follow_each_other_with_a_silence_between():
    joined = one_after_the_other(np.ones((3, 50), np.int16), 8000)
    gaps = [np.ones(50), np.zeros(2000), np.ones(50), np.zeros(2000), np.ones(50)]
    assert np.array_equal(joined, np.concatenate(gaps))
    assert len(one_after_the_other(np.ones((1, 50), np.int16), 8000)) == 50
