"""What a Python program sees of a model, of every kind: names, conventions, and the same numbers however it asks."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import pofx
from pofx import bundle
from pofx.errors import CapabilityMissing, RequestInvalid

COLUMNS = ("alcohol", "ash", "hue")


@pytest.fixture(scope="module")
def opened(store):
    """Opens a tiny model once."""
    found = {}
    return lambda name: found.setdefault(name, pofx.load(name, store=store.root, parallel_runs=1))


def test_a_model_is_found_by_folder_name_and_version(store):
    by_folder = pofx.load(store.root / "tiny-made")
    for model in (pofx.load(store.root / "tiny-made" / "1"), pofx.load("tiny-made:1", store=store.root)):
        assert model.info == by_folder.info
    assert repr(by_folder) == "<pofx.Model tiny-made:1: generate, score; exact>"
    with pytest.raises(bundle.BundleNotFound, match="no model 'tiny-mad' in"):
        pofx.load("tiny-mad", store=store.root)


def test_scores_are_higher_for_what_is_more_normal(opened, pixels, rows):
    table = opened("tiny-table")
    assert table.score_samples(rows).argmax() == np.square(rows).sum(1).argmin()
    reconstruction = opened("tiny-pca").score(pixels).statistics["reconstruction"]
    assert np.array_equal(opened("tiny-pca").score_samples(pixels), -reconstruction)


def test_it_drops_into_a_pipeline(opened, rows):
    model = opened("tiny-table")
    pipeline = clone(make_pipeline(FunctionTransformer(), model))
    assert np.array_equal(pipeline.score_samples(rows), model.score_samples(rows))
    verdicts = pipeline.predict(np.r_[rows, [[50, 50, 50]]])
    assert verdicts[-1] == -1
    assert (verdicts[:-1] == 1).mean() > 0.9
    coded = make_pipeline(model, FunctionTransformer()).transform(rows[:3])
    assert np.array_equal(coded, model.encode(rows[:3]))


@pytest.mark.parametrize(
    "given",
    [
        lambda rows: pd.DataFrame(rows, columns=COLUMNS)[["hue", "alcohol", "ash"]],
        lambda rows: pa.table(dict(zip(COLUMNS, rows.T, strict=True))),
        lambda rows: dict(zip(COLUMNS, rows.T, strict=True)),
        lambda rows: [dict(zip(COLUMNS, row.tolist(), strict=True)) for row in rows],
        lambda rows: rows.tolist(),
        lambda rows: rows.astype(np.float64),
    ],
)
def test_a_table_scores_alike_in_every_form(opened, rows, given):
    expected = opened("tiny-table").score(rows)
    found = opened("tiny-table").score(given(rows))
    assert np.array_equal(found.log_prob, expected.log_prob)
    assert np.array_equal(found.p_value, expected.p_value)


def test_pictures_score_as_their_pixels(opened, pixels):
    model = opened("tiny-made")
    pictures = [Image.fromarray(picture[..., 0]) for picture in pixels]
    assert np.array_equal(model.score(pictures).log_prob, model.score(pixels).log_prob)
    assert np.array_equal(model.score(pictures[3]).log_prob, model.score(pixels[3]).log_prob)


def test_results_are_tables(opened, rows):
    frame = pd.DataFrame(rows, columns=COLUMNS).assign(log_prob="mine")
    result = opened("tiny-table").score(frame, fdr=0.2, extra="keep")
    table = result.to_pandas()
    assert list(table.columns[:4]) == [*COLUMNS, "log_prob"]
    assert np.array_equal(table["score_log_prob"], result.log_prob)
    assert table["discovery"].tolist() == result.discovery.tolist()
    assert result.to_arrow().column("p_value").to_pylist() == result.p_value.tolist()
    assert result.notes[0] == "not read, since the model has no such columns: 'log_prob'"


def test_maps_add_up(opened, pixels):
    result = opened("tiny-made").score(pixels, explain=True)
    assert result.maps.shape == (40, 6, 6)
    assert np.allclose(-result.maps.sum((1, 2)), result.log_prob, atol=1e-4)
    squared = opened("tiny-pca").score(pixels, explain=True)
    assert np.allclose(squared.maps.sum((1, 2)), squared.statistics["reconstruction"], rtol=1e-5)


def test_without_a_density_there_is_a_verdict_and_no_log_prob(opened, pixels):
    result = opened("tiny-pca").score(pixels, alpha=0.1)
    assert result.log_prob is None
    assert result.bits_per_dim is None
    assert "log_prob" not in result.columns()
    assert np.array_equal(result.anomaly, result.p_value <= 0.1)


@pytest.mark.parametrize("name", ["tiny-made", "tiny-vae", "tiny-gan", "tiny-table", "tiny-audio", "tiny-text"])
def test_a_seed_draws_the_same_samples_again(opened, name):
    drawn = opened(name).sample(5)
    again = opened(name).sample(9, seed=drawn.seed)
    assert np.array_equal(drawn.values, again.values[:5])


def test_codes_decode(opened, pixels):
    for name in ("tiny-pca", "tiny-vae"):
        model = opened(name)
        codes = model.encode(pixels)
        assert model.decode(codes).shape == pixels.shape
    with pytest.raises(CapabilityMissing, match="cannot decode"):
        opened("tiny-made").decode(codes)


def test_a_source_is_what_samples_are_made_from(opened, pixels):
    model = opened("tiny-translation")
    listed = [{"array": picture[..., 0].tolist()} for picture in pixels[:3]]
    found = model.sample(condition={"source": listed, "target": ["same", "other", "same"]}).values
    assert np.array_equal(found, np.stack([pixels[0], 255 - pixels[1], pixels[2]]))
    one = model.sample(4, condition={"source": listed[0], "target": "other"}).values
    assert np.array_equal(one, np.repeat(255 - pixels[:1], 4, 0))


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({}, "tiny-translation:1 needs condition.source"),
        ({"source": {"array": [[0] * 6] * 6}}, "needs condition.target: one of same, other"),
        ({"source": {"array": [[0] * 5] * 6}, "target": "same"}, "condition.source 0: expected shape"),
        ({"source": {"array": [[0] * 6] * 6}, "target": "blue"}, "no domain 'blue'; this model has: same, other"),
        ({"source": {"array": [[0] * 6] * 6}, "target": "same", "label": "a"}, "takes no label"),
        ({"source": {"array": [[0] * 6] * 6}, "target": "same", "code": {"a": 1}}, "takes no code"),
    ],
)
def test_what_is_needed_or_not_understood_is_refused(opened, condition, words):
    with pytest.raises(RequestInvalid, match=words):
        opened("tiny-translation").sample(2, condition=condition)


def test_attributes_code_and_caption_reach_the_graph(opened):
    condition = {"attributes": {"bright": True}, "code": {"slant": 0.5, "digit": 2}, "caption": "ban"}
    found = opened("tiny-told").sample(2, condition=condition)
    assert found.spec.kind == "row"
    assert np.array_equal(found.values, np.array([[1, 2, 0.5, 0, 0, 1, 3]] * 2, np.float32))


def test_parts_of_a_code_that_are_left_out_are_drawn(opened):
    model = opened("tiny-told")
    drawn = model.sample(400, seed=1, condition={"caption": "a"}).values
    assert np.array_equal(drawn[:7], model.sample(7, seed=1, condition={"caption": "a"}).values)
    assert set(np.unique(drawn[:, 3:6].argmax(1))) == {0, 1, 2}
    assert (drawn[:, 3:6].sum(1) == 1).all()
    assert -1 <= drawn[:, 2].min() < -0.9 < 0.9 < drawn[:, 2].max() <= 1


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"attributes": {"dark": True}}, "no attribute 'dark'; this model has: bright, size"),
        ({"attributes": {"size": 9}}, "attribute 'size': expected 2 to 5, got 9"),
        ({"code": {"digit": 3}}, "part of the code 'digit': expected 0 to 2, got 3"),
        ({"caption": "xyz"}, "character 'x' at position 0 is none of the model's"),
        ({}, "needs condition.caption"),
    ],
)
def test_what_a_condition_cannot_be_is_refused(opened, condition, words):
    with pytest.raises(RequestInvalid, match=words):
        opened("tiny-told").sample(1, condition={"caption": "a", **condition} if condition else {})


def test_what_a_model_cannot_do_is_refused(opened, pixels):
    with pytest.raises(CapabilityMissing, match="cannot score"):
        opened("tiny-gan").score(pixels)
    with pytest.raises(CapabilityMissing, match="cannot generate"):
        opened("tiny-pca").sample(1)
