"""What an install without extras must be able to do: `bundle` is a leaf, and the service needs no torch."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "onnx", "lightning", "sklearn", "matplotlib", "pandas")


def _loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_bundle_needs_only_pydantic():
    assert not _loaded_after("import bundle") & {*HEAVY, "numpy", "onnxruntime", "fastapi"}


@pytest.mark.parametrize("module", ["service.app", "service.__main__"])
def test_the_service_runs_without_training_libraries(module):
    assert not _loaded_after(f"import {module}") & {*HEAVY, "training"}
