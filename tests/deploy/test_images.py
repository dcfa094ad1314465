import fnmatch
import json
import re
import tomllib
from pathlib import Path

import pytest

from service.settings import Settings

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# instructions without comments, continuation lines joined
DOCKERFILE = re.sub(
    r"\\\n\s*",
    " ",
    "\n".join(line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")),
)
TARGETS = ["service", "service-gpu", "training"]


def _stages() -> dict[str, str]:
    """Each named stage's instructions, by its name."""
    parts = re.split(r"^FROM (\S+)(?: AS (\S+))?$", DOCKERFILE, flags=re.MULTILINE)
    return {name: body for name, body in zip(parts[2::3], parts[3::3], strict=True) if name}


STAGES = _stages()


@pytest.mark.parametrize("target", TARGETS)
class TestFinalStage:
    def test_runs_without_privileges(self, target: str) -> None:
        assert re.findall(r"^USER (\S+)$", STAGES[target], re.MULTILINE) == ["10001:10001"]

    def test_entrypoint_is_the_process_that_gets_the_signals(self, target: str) -> None:
        (entrypoint,) = re.findall(r"^ENTRYPOINT (.+)$", STAGES[target], re.MULTILINE)
        assert json.loads(entrypoint) == ["python", "-m", target.removesuffix("-gpu")]

    def test_installs_nothing_itself(self, target: str) -> None:
        assert not re.search(r"^RUN ", STAGES[target], re.MULTILINE)

    def test_labels_say_version_and_licence_of_the_project(self, target: str) -> None:
        labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', STAGES[target]))
        assert labels.keys() == {"title", "description", "licenses", "version"}
        assert (labels["version"], labels["licenses"]) == (PROJECT["version"], PROJECT["license"])


@pytest.mark.parametrize("target", ["service", "service-gpu"])
def test_a_served_image_checks_its_health(target: str) -> None:
    (command,) = re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", STAGES[target], re.MULTILINE)
    assert (ROOT / json.loads(command)[1]).is_file()
    assert "EXPOSE 8000" in STAGES[target]


def test_every_install_is_of_a_declared_extra_under_the_pins() -> None:
    installs = re.findall(r"^RUN .*pip --python .*$", DOCKERFILE, re.MULTILINE)
    extras = [extra for line in installs for extra in re.findall(r"'\.\[([\w,]+)\]'", line)]
    assert sorted(extras) == ["gpu,parquet", "service,parquet", "training"]
    assert set(",".join(extras).split(",")) <= PROJECT["optional-dependencies"].keys()
    assert all("--constraint constraints.txt" in line and "--mount=type=secret,id=pip" in line for line in installs)


def test_settings_of_the_images_exist() -> None:
    fields = {f"SERVICE_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bSERVICE_[A-Z_]+(?==)", DOCKERFILE)) <= fields


def test_no_package_index_and_no_moving_tag_is_written_down() -> None:
    texts = [
        (ROOT / name).read_text() for name in ("Dockerfile", "docker-compose.yml", "deploy/build-without-engine.sh")
    ]
    for text in texts:
        assert not re.search(r"index-url|find-links|trusted-host|https?://(?!127\.0\.0\.1|prometheus:)", text)
        assert not re.search(r":latest\b", text)
    assert all(
        ":" in image.rpartition("/")[2] for image in re.findall(r"^ARG \w*BASE_IMAGE=(\S+)$", DOCKERFILE, re.MULTILINE)
    )


def test_what_is_copied_is_in_the_build_context() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = {source for copy in copies for source in copy.split()}
    assert sources == set(allowed)
    assert not any(fnmatch.fnmatch("data", pattern) or fnmatch.fnmatch(".git", pattern) for pattern in allowed)
