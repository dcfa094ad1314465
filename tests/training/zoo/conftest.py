import pytest

from training.zoo import made


@pytest.fixture(autouse=True)
def _blocks_of_few_weights(monkeypatch):
    """Compact forms as large networks have them, at the sizes of these tests."""
    monkeypatch.setattr(made, "BLOCK_WEIGHTS", 8)
