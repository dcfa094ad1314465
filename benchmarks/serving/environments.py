"""A virtual environment for each peer, made when it is first needed and kept in a cache folder; never the project's."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.processes import CannotRun

REQUIREMENTS = Path(__file__).parent / "requirements"
_INSTALL_S = 900


def cache_folder() -> Path:
    """Where environments are kept unless told otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pofx-benchmarks"


def python_of(peer: str, base: str, folder: Path) -> Path:
    """The interpreter that has exactly what requirements/PEER.txt pins; raises CannotRun with pip's own words."""
    requirements = REQUIREMENTS / f"{peer}.txt"
    interpreter = shutil.which(base)
    if interpreter is None:
        raise CannotRun(f"needs {base}, which is not here")
    home = folder / f"{peer}-{hashlib.sha256(interpreter.encode() + requirements.read_bytes()).hexdigest()[:12]}"
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        print(f"installing {peer} into {home}", file=sys.stderr, flush=True)
        shutil.rmtree(home, ignore_errors=True)
        _run([interpreter, "-m", "venv", str(home)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)])
        (home / "complete").touch()
    return python


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_S)
    except subprocess.TimeoutExpired:
        raise CannotRun(f"could not be installed within {_INSTALL_S} s") from None
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.startswith("ERROR")] or error.stderr.splitlines()
        raise CannotRun(f"could not be installed: {(lines or ['pip said nothing'])[-1][:300]}") from None
