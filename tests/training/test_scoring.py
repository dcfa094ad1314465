"""What a score says per position sums to the whole, whatever a transform averages, and can be scaled to the item."""

import pytest
import torch

from pofx import bundle
from pofx.rules.maps import scaled
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
    assert named["dim_log_prob"].shape == (20, 8 // pool, 8 // pool)
    spec = bundle.ImageSpec(height=8, width=8, channels=1)
    shares = torch.from_numpy(scaled(named["dim_log_prob"].numpy(), spec)).float()
    torch.testing.assert_close(shares.sum((1, 2)), named["log_prob"], rtol=1e-4, atol=1e-3)
    blocks = shares.reshape(20, 8 // pool, pool, 8 // pool, pool)
    assert torch.equal(blocks.amax((2, 4)), blocks.amin((2, 4)))
    torch.testing.assert_close(named["surprise"], -said["dim_log_prob"].flatten(1).amin(1))
