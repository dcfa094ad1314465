"""What a score says per position is of the size of the item and sums to the whole, whatever a transform averages."""

import pytest
import torch

from training.finish import finish
from training.fit import Hardware, fit
from training.prepare import prepare
from training.recipe import parse
from training.run import Run
from training.scoring import Scoring


@pytest.mark.parametrize("pool", [1, 2, 4])
def test_blocks_of_averaged_pixels_share_their_surprise(text, tmp_path, pool):
    ready = prepare(parse(text("gmm-images").replace('name = "dequantise"', f'name = "dequantise"\npool = {pool}')))
    finished = finish(fit(ready, Run.of(ready, tmp_path), Hardware("cpu", "1"), resume=False), lambda _: None)
    scoring = Scoring(ready.family, ready.transform, finished.statistics).eval()
    raw = torch.from_numpy(ready.splits.test.x[:20])
    with torch.no_grad():
        named = dict(zip(scoring.names, scoring(raw, *scoring.shared_noise()), strict=True))
        _, said = scoring.said(raw, *scoring.shared_noise())
    assert named["dim_log_prob"].shape == (20, 8, 8)
    torch.testing.assert_close(named["dim_log_prob"].sum((1, 2)), named["log_prob"], rtol=1e-4, atol=1e-3)
    blocks = named["dim_log_prob"].reshape(20, 8 // pool, pool, 8 // pool, pool)
    assert torch.equal(blocks.amax((2, 4)), blocks.amin((2, 4)))
    torch.testing.assert_close(named["surprise"], -said["dim_log_prob"].flatten(1).amin(1))
