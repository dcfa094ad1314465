"""What an install without extras can do: the contract is a leaf, and neither library nor service needs torch."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "onnx", "lightning", "sklearn", "matplotlib", "pandas")


def _loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_bundle_needs_only_pydantic():
    assert not _loaded_after("import pofx.bundle") & {*HEAVY, "numpy", "onnxruntime", "fastapi", "typer"}


def test_the_library_opens_bundles_without_service_training_or_pandas():
    assert not _loaded_after("import pofx; pofx.load('models/digits-bernoulli')") & {
        *HEAVY,
        "pyarrow",
        "fastapi",
        "service",
        "training",
        "typer",
    }


@pytest.mark.parametrize("module", ["service.app", "service.__main__"])
def test_the_service_runs_without_training_libraries(module):
    assert not _loaded_after(f"import {module}") & {*HEAVY, "training"}
