"""Every command of the README is executed, in its order, and gives the answer that stands below it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"```(bash|json|python)\n(.*?)```", re.DOTALL)
READY_TIMEOUT_S = 60


def _blocks() -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))


def _shipped() -> list[str]:
    """The names in the last column of the table of families."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    cells = re.findall(r"\| ((?:`[\w-]+`(?:, )?)+) \|$", readme, re.MULTILINE)
    return re.findall(r"[\w-]+", " ".join(cells))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder that looks like a clone; what is trained there stays there."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "recipes", folder / "recipes")
    for name in _shipped():
        shutil.copytree(ROOT / "models" / name, folder / "models" / name)
    for name, target in (("docs", ROOT / "docs"), (".venv", Path(sys.prefix))):
        (folder / name).symlink_to(target)
    return folder


@pytest.fixture(scope="module")
def address(workplace):
    """The service, started by the README's own command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "SERVICE_PORT": str(port), "SERVICE_STORE": str(workplace / "models")}
    environment |= {"SERVICE_DRAIN_PAUSE_S": "0", "VENV": sys.prefix}
    process = subprocess.Popen(["make", "serve"], cwd=ROOT, env=environment, start_new_session=True)
    _wait_for(f"http://127.0.0.1:{port}", workplace / "models")
    yield f"127.0.0.1:{port}"
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


def _wait_for(address: str, store: Path) -> None:
    """Until every bundle of the store is served."""
    wanted = {path.parts[-3] for path in store.glob("*/*/manifest.json")}
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/models", timeout=5) as answer:
                if {model["name"] for model in json.load(answer)["models"]} >= wanted:
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"{address} does not serve {wanted}")


def test_every_command_works_and_answers_as_written(workplace, address):
    blocks = _blocks()
    commands = 0
    for (language, text), following in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if language == "python":
            text = f".venv/bin/python - <<'EOF'\n{text}EOF\n"
        elif language != "bash" or text.startswith("make "):
            text = "" if language != "bash" else text.partition("\n")[2]
        if not text.strip():
            continue
        commands += 1
        _wait_for(f"http://{address}", workplace / "models")
        output = _run(text.replace("localhost:8000", address), workplace)
        if following[0] == "json":
            _assert_like(json.loads(output), json.loads(following[1]))
    assert commands >= 8
    assert "anomaly" in (workplace / "scored.csv").read_text(encoding="utf-8").partition("\n")[0]
    assert "<html" in (workplace / "report" / "report.html").read_text(encoding="utf-8")
    for name in ("samples.png", "heat.png", "my-digits.png"):
        picture = np.asarray(Image.open(workplace / name))
        assert picture.size > 10_000
        assert picture.std() > 10


def _run(script: str, folder: Path) -> str:
    environment = {**os.environ, "NO_PROXY": "*"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _assert_like(got: object, want: object, where: str = "answer") -> None:
    """Equal, but for the last digits of numbers."""
    if isinstance(want, dict):
        assert isinstance(got, dict), where
        assert set(got) == set(want), where
        for key in want:
            _assert_like(got[key], want[key], f"{where}.{key}")
    elif isinstance(want, list):
        assert isinstance(got, list), where
        assert len(got) == len(want), where
        for index, (one, other) in enumerate(zip(got, want, strict=True)):
            _assert_like(one, other, f"{where}[{index}]")
    elif isinstance(want, float):
        assert got == pytest.approx(want, rel=5e-3, abs=1e-5), where
    else:
        assert got == want, where


def test_the_make_targets_exist():
    targets = re.findall(r"`?make ([a-z-]+)`?", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert {"serve", "test", "install-all"} <= set(targets)
    for target in set(targets):
        done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
