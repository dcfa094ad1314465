"""Transforms invert, and their log-determinants are those of the map."""

import numpy as np
import pytest
import torch

from training.data import bundled
from training.prepare import data_facts
from training.transforms import Binarise, DataFacts, Dequantise, Levels, Mulaw, SignedUnit, Standardise, Symbols

SHAPE = (4, 5, 3)


def _images(count: int = 6) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *SHAPE), dtype=np.uint8)


@pytest.mark.parametrize("transform_type", [Dequantise, Levels, SignedUnit])
def test_image_transforms_invert_exactly(transform_type):
    transform = transform_type(DataFacts("image", SHAPE), transform_type.Options())
    raw = torch.from_numpy(_images())
    noise = [item.draw(len(raw), torch.Generator().manual_seed(0)) for item in transform.score_noise]
    x = transform(raw, *noise)
    assert x.shape == (6, *transform.event_shape)
    assert torch.equal(transform.inverse(x), raw)


def test_pooled_levels_are_block_means_and_their_density_sums_to_at_most_one():
    transform = Dequantise(DataFacts("image", (2, 2, 1)), Dequantise.Options(pool=2))
    raw = torch.from_numpy(_images(50)[:, :2, :2, :1])
    x = transform(raw, torch.full(transform.event_shape, 0.5))
    assert x.shape == (50, 1, 1, 1)
    means = raw.double().mean((1, 2, 3))
    torch.testing.assert_close(x.flatten().double() * 256, means + 0.125)
    assert torch.equal(
        transform.inverse(x), torch.floor(means + 0.125).to(torch.uint8)[:, None, None, None].expand_as(raw)
    )
    uniform_density = torch.zeros(1020 + 1)  # log of the density 1 on [0, 1), at every sum of four levels
    assert float((uniform_density + transform.log_det.flatten()).exp().sum()) <= 1.0


def test_blocks_must_fill_the_picture():
    with pytest.raises(ValueError, match="expected pool to divide 5x4 pixels, got 2"):
        Dequantise(DataFacts("image", SHAPE), Dequantise.Options(pool=2))


def test_binarised_images_are_unchanged_by_a_second_pass():
    transform = Binarise(DataFacts("image", SHAPE), Binarise.Options())
    once = transform.inverse(transform(torch.from_numpy(_images())))
    assert set(once.unique().tolist()) == {0, 255}
    assert torch.equal(transform.inverse(transform(once)), once)


def test_dynamic_binarisation_has_the_grey_level_as_mean_and_is_drawn_anew():
    transform = Binarise(DataFacts("image", (1, 2, 1)), Binarise.Options(mode="dynamic"))
    raw = torch.tensor([64, 255], dtype=torch.uint8).reshape(1, 1, 2, 1).expand(20_000, 1, 2, 1)
    torch.manual_seed(0)
    first, second = transform.training_view(raw), transform.training_view(raw)
    assert float(first[:, 0, 0, 0].mean()) == pytest.approx(64 / 255, abs=0.01)
    assert float(first[:, 0, 0, 1].mean()) == 1.0
    assert not torch.equal(first, second)


def test_static_binarisation_is_drawn_once_with_the_grey_level_as_probability():
    transform = Binarise(DataFacts("image", (10, 10, 1)), Binarise.Options(mode="static"))
    raw = np.full((500, 10, 10, 1), 64, np.uint8)
    raw[:, 0, 0], raw[:, 0, 1] = 0, 255
    stored = transform.prepare(raw, seed=1)
    np.testing.assert_array_equal(stored, transform.prepare(raw, seed=1))
    assert (stored != transform.prepare(raw, seed=2)).any()
    assert (stored[:, 1:] == 255).mean() == pytest.approx(64 / 255, abs=0.01)
    assert (stored[:, 0, 0] == 0).all()
    assert (stored[:, 0, 1] == 255).all()


def test_dequantised_density_sums_to_at_most_that_of_the_levels():
    transform = Dequantise(DataFacts("image", (1, 1, 1)), Dequantise.Options())
    raw = torch.arange(256, dtype=torch.uint8).reshape(-1, 1, 1, 1)
    x = transform(raw, torch.full((1, 1, 1), 0.5))
    uniform_density = torch.zeros(256)  # log of the density 1 on [0, 1)
    assert float(torch.logsumexp(uniform_density + transform.log_det.sum(), 0)) == pytest.approx(0, abs=1e-5)
    assert float(x.min()) > 0
    assert float(x.max()) < 1


def test_standardise_has_the_log_determinant_of_its_jacobian():
    raw = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32) * [1.0, 50.0, 0.01] + 7
    transform = Standardise(DataFacts("row", (3,)), Standardise.Options())
    transform.fit(raw.astype(np.float32))
    point = torch.tensor(raw[0], dtype=torch.float32)
    jacobian = torch.autograd.functional.jacobian(lambda row: transform(row[None])[0], point)
    torch.testing.assert_close(
        torch.linalg.slogdet(jacobian)[1].double(), transform.log_det.sum(), atol=1e-5, rtol=1e-5
    )
    torch.testing.assert_close(transform.inverse(transform(point[None]))[0], point)


def test_a_constant_column_is_only_shifted():
    transform = Standardise(DataFacts("row", (2,)), Standardise.Options())
    transform.fit(np.array([[1.0, 5.0], [3.0, 5.0]], np.float32))
    assert transform.log_det.tolist() == [0.0, 0.0]
    assert transform(torch.tensor([[2.0, 6.0]])).tolist() == [[0.0, 1.0]]


def test_symbols_are_codes_as_they_are():
    dataset = bundled.colour_names()
    transform = Symbols(data_facts(dataset), Symbols.Options())
    raw = torch.from_numpy(dataset.x)
    assert transform.levels == len(dataset.alphabet) + 1 == int(raw.max()) + 1
    assert transform.end == 0
    assert transform.log_det.shape == transform.event_shape
    assert torch.equal(transform.inverse(transform(raw)), raw)


def _mulaw(count: int) -> Mulaw:
    return Mulaw(DataFacts("audio", (count,)), Mulaw.Options(count=count))


@pytest.mark.parametrize("count", [16, 17, 255, 256])
def test_every_mu_law_level_survives_the_way_to_16_bits_and_back(count):
    transform, levels = _mulaw(count), torch.arange(count).float()[None]
    samples = transform.inverse(levels)
    assert samples.dtype == torch.int16
    assert torch.equal(transform(samples), levels)
    assert (samples.diff() > 0).all()


@pytest.mark.parametrize("count", [16, 255, 256])
def test_mu_law_follows_g711_keeps_silence_and_never_leaves_its_levels(count):
    transform = Mulaw(DataFacts("audio", (2**16,)), Mulaw.Options(count=count))
    samples = np.arange(-(2**15), 2**15)
    levels = transform(torch.from_numpy(samples.astype(np.int16))[None])[0].double().numpy()
    companded = np.sign(samples) * np.log1p((count - 1) * np.abs(samples) / 2**15) / np.log(count)
    inside = levels < count - 1  # the topmost step is cut off
    assert np.abs(levels - count // 2 - companded * count / 2)[inside].max() <= 0.5 + 1e-9
    assert (np.diff(levels) >= 0).all()
    assert (levels.min(), levels.max()) == (0, count - 1)
    silence = torch.zeros(1, 2**16, dtype=torch.int16)
    assert torch.equal(transform.inverse(transform(silence)), silence)


def test_a_quantum_blurs_rows_in_training_by_centred_noise_of_its_width_and_no_score():
    raw = torch.arange(40.0).reshape(20, 2).repeat(400, 1)
    plain, blurred = (
        Standardise(DataFacts("row", (2,)), Standardise.Options(quantum=quantum)) for quantum in (0.0, 0.5)
    )
    for transform in (plain, blurred):
        transform.fit(raw.numpy())
    assert torch.equal(plain(raw), blurred(raw))
    assert torch.equal(plain.training_view(raw), plain(raw))
    torch.manual_seed(0)
    noise = blurred.inverse(blurred.training_view(raw)) - raw
    assert float(noise.abs().max()) <= 0.25 + 1e-5
    assert float(noise.mean()) == pytest.approx(0, abs=0.01)
    assert float(noise.std()) == pytest.approx(0.5 / 12**0.5, rel=0.02)
    assert plain.protocol == "the row in original units"
    probability = "the row: a probability, since all columns are categories or evenly spaced numbers"
    assert blurred.protocol == f"{probability}, blurred by uniform noise of width 0.5"


def test_what_is_counted_is_never_blurred():
    raw = torch.tensor([[0.0, 5.0], [1.0, 7.3]]).repeat(100, 1) + torch.tensor([0.0, 1.0]) * torch.rand(200, 1)
    transform = Standardise(DataFacts("row", (2,)), Standardise.Options(quantum=1.0))
    transform.fit(raw.numpy())
    view = transform.training_view(raw)
    assert torch.equal(view[:, 0], transform(raw)[:, 0])
    assert not torch.equal(view[:, 1], transform(raw)[:, 1])
