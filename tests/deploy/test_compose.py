import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def _interpolated(text: str) -> str:
    """The text as compose reads it when nothing is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


COMPOSE: dict[str, Any] = yaml.safe_load(_interpolated((ROOT / "docker-compose.yml").read_text()))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
BUILT = {name: service for name, service in SERVICES.items() if "build" in service}


def test_only_the_cpu_service_starts_by_default() -> None:
    profiles = {name: service.get("profiles", []) for name, service in SERVICES.items()}
    assert profiles == {
        "service": [],
        "service-gpu": ["gpu"],
        "training": ["training"],
        "prometheus": ["monitoring"],
        "grafana": ["monitoring"],
    }


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
class TestEveryContainer:
    def test_has_no_privileges_and_a_read_only_root(self, service: dict[str, Any]) -> None:
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
        assert "cap_add" not in service

    def test_is_reachable_from_this_machine_only(self, service: dict[str, Any]) -> None:
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))

    def test_has_a_pinned_image(self, service: dict[str, Any]) -> None:
        tag = service["image"].rpartition("/")[2].partition(":")[2]
        assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag)

    def test_has_a_memory_limit(self, service: dict[str, Any]) -> None:
        assert re.fullmatch(r"\d+[mg]", service["deploy"]["resources"]["limits"]["memory"])

    def test_mounts_what_is_declared_or_in_the_repository(self, service: dict[str, Any]) -> None:
        sources = [volume.split(":")[0] for volume in service.get("volumes", [])]
        made_by_the_operator = {"./data", "./runs"}
        for source in set(sources) - made_by_the_operator - COMPOSE["volumes"].keys():
            assert (ROOT / source).is_dir()


def test_ports_do_not_collide() -> None:
    ports = [port.rpartition(":")[0] for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == len(set(ports))


@pytest.mark.parametrize("service", BUILT.values(), ids=BUILT)
def test_builds_are_those_of_the_dockerfile(service: dict[str, Any]) -> None:
    build = service["build"]
    assert f" AS {build['target']}\n" in DOCKERFILE
    for name, value in build["args"].items():
        assert f"ARG {name}={value}\n" in DOCKERFILE


@pytest.mark.parametrize("name", ["service", "service-gpu"])
class TestServing:
    def test_settings_exist(self, name: str) -> None:
        fields = {f"SERVICE_{field.upper()}" for field in Settings.model_fields}
        assert set(SERVICES[name].get("environment", {})) <= fields

    def test_a_stop_waits_for_the_requests_in_flight(self, name: str) -> None:
        settings = Settings()
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > (
            settings.drain_pause_s + settings.drain_timeout_s
        )

    def test_bundles_are_mounted_read_only(self, name: str) -> None:
        assert "./models:/app/models:ro" in SERVICES[name]["volumes"]

    def test_the_health_check_is_in_the_image(self, name: str) -> None:
        path = SERVICES[name]["healthcheck"]["test"][2]
        assert f"COPY {path} " in DOCKERFILE
