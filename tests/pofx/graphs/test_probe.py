"""The rows of a probe are all different, and all as legal as the golden ones."""

import numpy as np
import pytest

from pofx.graphs.probe import probe_rows


@pytest.mark.parametrize("make", ["exact_image", "recording", "table", "text", "labelled_image", "translation", "told"])
@pytest.mark.parametrize("rows", [3, 5, 32])
def test_rows_differ_and_keep_their_form(drafts, make, rows):
    draft = drafts[make]()
    for name, spec in draft.graphs.items():
        golden = {item.name: draft.golden[f"{name}.in.{item.name}"] for item in spec.inputs}
        probe = probe_rows(spec, golden, rows)
        for item in spec.inputs:
            assert probe[item.name].shape == (rows, *item.shape[1:])
            assert probe[item.name].dtype == item.dtype
        first = probe[spec.inputs[0].name].reshape(rows, -1)
        if first.shape[1] > 30:  # fewer numbers have fewer different rows
            assert len(np.unique(first, axis=0)) == rows


def test_texts_stay_texts(drafts):
    draft = drafts["text"]()
    spec = draft.graphs["score"]
    golden = {"text": np.array([[1, 2, 3, 1, 2, 0], [2, 2, 0, 0, 0, 0]], np.uint8)}
    codes = probe_rows(spec, golden, 32)["text"]
    assert not ((codes[:, 1:] > 0) & (codes[:, :-1] == 0)).any()
    assert np.array_equal(codes[:2], golden["text"])
