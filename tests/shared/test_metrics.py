"""Figures for operators: what `/metrics` tells, who may read it, and that alerts and dashboard ask for what there is."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from shared.db import Database
from shared.metrics import PROCESS_METRICS
from tests.clients import ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.projects.factories_projects import ProjectScenario

DEPLOY = Path(__file__).parents[2] / "deploy"
METRIC = re.compile(r"\b(?:xianjie|http)_[a-z_]+\b")
OPERATING = DEPLOY.parent / "docs" / "operating.md"


async def _scrape(service: ServiceUnderTest) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by metric and labels other than the service."""
    answer = await service.anonymous_client().get("http://test/metrics")
    assert answer.status_code == 200
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = tuple(value for name, value in sorted(sample.labels.items()) if name != "service")
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


async def test_what_waits_for_a_subscriber_is_told_with_its_age(doors: SystemUnderTest, clock: Clock) -> None:
    scenario = ProjectScenario(doors, clock)
    await scenario.create_declared()
    await doors.deliver_events()
    projects = doors.service("projects")
    delivered = await _scrape(projects)
    await scenario.create_declared()
    clock.advance(timedelta(minutes=7))

    waiting = await _scrape(projects)

    assert delivered["xianjie_relay_waiting_events"]["funds",] == 0
    assert delivered["xianjie_relay_lag_seconds"]["funds",] == 0
    assert waiting["xianjie_relay_waiting_events"]["funds",] > 0
    assert waiting["xianjie_relay_lag_seconds"]["funds",] == pytest.approx(420)
    clock.advance(timedelta(days=3650))  # the start of the installation is in the log, too
    assert (await _scrape(projects))["xianjie_seal_lag_seconds"][()] >= 420
    assert waiting["xianjie_stored_file_bytes"][()] > delivered["xianjie_stored_file_bytes"][()] > 0
    assert waiting["xianjie_up"][()] == 1


async def test_figures_are_told_while_the_database_is_away(
    door: Callable[[str], ServiceUnderTest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = door("funds")
    monkeypatch.setattr(service.context, "database", Database(f"sqlite:///{tmp_path}"))

    found = await _scrape(service)

    assert found["xianjie_up"][()] == 0
    assert found["xianjie_database_refusals_total"]["away",] >= 1
    assert found["xianjie_disk_free_bytes"][()] > 0


async def test_the_door_hands_figures_to_nobody(doors: SystemUnderTest) -> None:
    outside = httpx.ASGITransport(doors.apps["gateway"], client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=outside, base_url="http://127.0.0.1") as gateway:
        for path in ("/metrics", "/api/v1/funds/metrics", "/api/v1/metrics"):
            assert (await gateway.get(path)).status_code == 404
    assert all("/metrics" not in app.state.declared_routes.prefixes for app in doors.apps.values())


def _list_alerts() -> list[dict[str, Any]]:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8"))
    return [rule for group in rules["groups"] for rule in group["rules"]]


def _list_panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DEPLOY / "grafana" / "xianjie.json").read_text("utf-8"))[
        "panels"
    ]
    return found


async def test_alerts_and_dashboard_ask_for_figures_that_there_are(
    doors: SystemUnderTest, clock: Clock
) -> None:
    await ProjectScenario(doors, clock).create_declared()
    await doors.deliver_events()
    there = {name for service in ("projects", "sync") for name in await _scrape(doors.service(service))}
    there |= {f"{one.name}_total" for one in PROCESS_METRICS.collect() if one.type == "counter"}
    there |= {one.name for one in PROCESS_METRICS.collect()}
    asked = [rule["expr"] for rule in _list_alerts()]
    asked += [target["expr"] for panel in _list_panels() for target in panel["targets"]]

    for expression in asked:
        assert set(METRIC.findall(expression)) <= there, expression


def test_each_alert_leads_to_a_chapter_of_the_guide() -> None:
    heads = re.findall(r"^#+ (.+)$", OPERATING.read_text("utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads}
    for rule in _list_alerts():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}, rule["alert"]
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert (page, anchor in anchors) == ("operating.md", True), rule["alert"]


def test_panels_lie_side_by_side() -> None:
    places = [tuple(panel["gridPos"][key] for key in "xy") for panel in _list_panels()]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in _list_panels()}) == len(places)


def test_prometheus_accepts_the_rules() -> None:
    """By promtool where it is installed; their form is checked above in any case."""
    promtool = shutil.which("promtool")
    if promtool is not None:
        for kind, name in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
            command = [promtool, "check", kind, str(DEPLOY / "prometheus" / name)]
            assert subprocess.run(command, check=False, capture_output=True).returncode == 0
