import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from pofx import bundle
from service import problems
from service.drift.monitor import Monitor, Rules
from service.engine.threads import BatchReport
from service.metrics import Metrics
from service.trace import STAGES, Trace

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/pofx.json").read_text())
RULES = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"][0]["rules"]
SCRAPES = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
ADDED_BY_PROMETHEUS = {"job", "instance"}


def _expressions() -> Iterator[tuple[str, str]]:
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        yield variable["name"], variable["query"]["query"]


EXPRESSIONS = list(_expressions())


@pytest.fixture(scope="module")
def exposed() -> dict[str, set[str]]:
    """The label names of each sample that a service with one answered request exposes, by the sample's name."""
    metrics = Metrics()
    trace = Trace("id", 0.0, model="m", version="1", rejected="overloaded")
    for stage in STAGES:
        trace.add(stage, 0.1)
    metrics.request("/score", trace, 200, 0.4)
    metrics.batch(BatchReport("m", rows=1, passed_s=0.1, device_s=0.1))
    metrics.watch_models({"loaded": lambda: 1, "loading": int, "refused": int})
    statistic = bundle.Statistic(name="log_prob", unit="nats", tail="low", description="log-probability")
    state = Monitor(statistic, np.arange(9.0), Rules(), np.random.default_rng(0)).read()
    metrics.watch_drift(lambda: [("m", 1, state)])
    samples: dict[str, set[str]] = {"up": set()}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            samples[sample.name] = set(sample.labels)
    return samples


def _selectors(expression: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each metric of an expression with its label conditions."""
    for name, conditions in re.findall(r"\b(up|[a-z]+_[a-z0-9_]+)\b(?:\{([^}]*)\})?(?!\s*\()", expression):
        yield name, dict(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"', conditions))


@pytest.mark.parametrize(("place", "expression"), EXPRESSIONS, ids=[place for place, _ in EXPRESSIONS])
class TestExpression:
    def test_uses_metrics_and_labels_that_the_service_exposes(
        self, place: str, expression: str, exposed: dict[str, set[str]]
    ) -> None:
        selectors = list(_selectors(expression))
        assert selectors
        for name, conditions in selectors:
            assert name in exposed
            assert conditions.keys() <= exposed[name] | ADDED_BY_PROMETHEUS

    def test_asks_for_values_that_occur(self, place: str, expression: str) -> None:
        known = {
            "job": {scrape["job_name"] for scrape in SCRAPES},
            "stage": set(STAGES),
            "state": {"loaded", "refused"},
            "reason": {kind.slug for kind in problems.TABLE.values()},
        }
        for _, conditions in _selectors(expression):
            for label in conditions.keys() & known.keys():
                assert conditions[label] in known[label]


def test_panels_do_not_overlap_and_have_their_own_ids() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [cell for panel in panels for cell in _cells(panel["gridPos"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def _cells(position: dict[str, int]) -> list[tuple[int, int]]:
    rows = range(position["y"], position["y"] + position["h"])
    return [(x, y) for x in range(position["x"], position["x"] + position["w"]) for y in rows]


def test_the_dashboard_reads_the_provisioned_source() -> None:
    (source,) = _provisioning("datasources/prometheus.yml")["datasources"]
    used = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]}
    used |= {variable["datasource"]["uid"] for variable in DASHBOARD["templating"]["list"]}
    assert used == {source["uid"]}


def test_what_is_provisioned_is_mounted() -> None:
    compose = (DEPLOY.parent / "docker-compose.yml").read_text()
    (provider,) = _provisioning("dashboards/pofx.yml")["providers"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in compose
    assert "./deploy/prometheus:/etc/prometheus:ro" in compose


def _provisioning(name: str) -> Any:
    return yaml.safe_load((DEPLOY / "grafana/provisioning" / name).read_text())


def test_scraped_names_are_those_of_compose() -> None:
    compose = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())
    names = {name for scrape in SCRAPES for source in scrape["dns_sd_configs"] for name in source["names"]}
    assert names <= compose["services"].keys()


def test_every_alert_says_what_to_do() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "description"}
        assert "for" in rule
