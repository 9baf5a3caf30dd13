"""An alert is raised, answered, closed and opened again in the same way in every service that has alerts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.assets.alerts.detectors import DETECTORS as ASSET_DETECTORS
from services.assets.alerts.models import ALERTS as ASSET_ALERTS
from services.funds.alerts.detectors import DETECTORS as FUND_DETECTORS
from services.funds.alerts.models import ALERTS as FUND_ALERTS
from services.projects.alerts.detectors import DETECTORS as PROJECT_DETECTORS
from services.projects.alerts.models import ALERTS as PROJECT_ALERTS
from shared.alerts.follower import follow_log
from tests.assets.factories_assets import AssetScenario
from tests.clients import ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario
from tests.funds.fake_project_library import FakeProjectLibrary
from tests.projects.factories_projects import ProjectScenario


@dataclass
class AlertCase:
    """A service with one thing that its rule finds, and the people who handle it."""

    service: ServiceUnderTest
    rule: str
    cause: Callable[[], Awaitable[Any]]
    follow: Callable[[Any], Awaitable[bool]]
    answering: httpx.AsyncClient
    deciding: httpx.AsyncClient

    @property
    def path(self) -> str:
        """Address of the alerts."""
        return f"/{self.service.name}/alerts"

    async def scan(self) -> None:
        """Scan now."""
        found = await self.service.client_as("bureau").post(f"{self.path}/sweep")
        if found.status_code == 403:
            found = await self.service.client_as("finance").post(f"{self.path}/sweep")
        assert found.status_code == 200, found.text

    async def list_alerts(self) -> list[dict[str, Any]]:
        """The alerts of the rule."""
        page = await self.deciding.get(self.path, params={"rule": self.rule})
        alerts: list[dict[str, Any]] = page.json()["items"]
        return alerts

    async def act(self, alert_id: str, action: str, expected: int = 200, **body: Any) -> dict[str, Any]:
        """Answer as the one, send back or close as the other."""
        client = self.answering if action == "answer" else self.deciding
        answer = await client.post(f"{self.path}/{alert_id}/{action}", json=body)
        assert answer.status_code == expected, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def _build_funds(doors: SystemUnderTest, clock: Clock) -> AlertCase:
    service = doors.service("funds")
    scenario = FundsScenario(service, FakeProjectLibrary())

    async def cause() -> None:
        await scenario.create_source(10_000_00)
        clock.advance(timedelta(days=90))

    return AlertCase(
        service,
        "alert.break_down",
        cause,
        follow_log(FUND_ALERTS, FUND_DETECTORS),
        scenario.bureau,
        scenario.finance,
    )


async def _build_assets(doors: SystemUnderTest, _clock: Clock) -> AlertCase:
    service = doors.service("assets")
    scenario = AssetScenario(doors, service)

    async def cause() -> None:
        await scenario.create_registered_asset(built_on="2022-01-01")

    return AlertCase(
        service,
        "risk.asset_without_project",
        cause,
        follow_log(ASSET_ALERTS, ASSET_DETECTORS),
        scenario.clerk,
        scenario.bureau,
    )


async def _build_projects(doors: SystemUnderTest, clock: Clock) -> AlertCase:
    scenario = ProjectScenario(doors, clock)

    async def cause() -> None:
        await scenario.create_in_reserve()
        clock.advance(timedelta(days=366))

    return AlertCase(
        scenario.projects,
        "warning.unplanned",
        cause,
        follow_log(PROJECT_ALERTS, PROJECT_DETECTORS),
        scenario.town,
        scenario.bureau,
    )


BUILDERS = {"funds": _build_funds, "assets": _build_assets, "projects": _build_projects}


@pytest.fixture(params=list(BUILDERS))
async def case(request: pytest.FixtureRequest, doors: SystemUnderTest, clock: Clock) -> AlertCase:
    """The case of one service."""
    return await BUILDERS[request.param](doors, clock)


async def test_an_alert_is_raised_once_answered_and_closed_by_another(case: AlertCase) -> None:
    await case.cause()
    await case.scan()
    await case.scan()
    (alert,) = await case.list_alerts()
    await case.act(alert["id"], "answer", 409)
    await case.act(alert["id"], "answer", reason="正在办理")
    await case.act(alert["id"], "send_back", reason="请写明期限")
    await case.act(alert["id"], "answer", reason="月底前办完")
    await case.act(alert["id"], "close", 409)
    closed = await case.act(alert["id"], "close", reason="已核实")
    await case.scan()

    assert (alert["state"], closed["state"]) == ("open", "closed")
    assert [one["state"] for one in await case.list_alerts()] == ["closed"]


async def test_an_alert_closed_with_a_new_deadline_comes_back_when_that_passes(
    case: AlertCase, clock: Clock
) -> None:
    await case.cause()
    await case.scan()
    (alert,) = await case.list_alerts()
    deadline = (clock.now() + timedelta(days=5)).date()
    past = str((clock.now() - timedelta(days=2)).date())
    refused = await case.act(alert["id"], "answer", 422, reason="正在办理", due_on=str(deadline))
    await case.act(alert["id"], "answer", reason="正在办理")
    await case.act(alert["id"], "close", 422, reason="月底前办完", due_on=past)
    await case.act(alert["id"], "close", reason="月底前办完", due_on=str(deadline))
    clock.advance(timedelta(days=4))
    await case.scan()
    (waiting,) = await case.list_alerts()
    clock.advance(timedelta(days=3))
    await case.scan()
    (again,) = await case.list_alerts()

    assert [error["pointer"] for error in refused["errors"]] == ["/due_on"]
    assert (waiting["state"], waiting["reopen_on"]) == ("closed", str(deadline))
    assert (again["state"], again["reopen_on"], again["answered_by"]) == ("open", None, "")


async def test_an_event_that_matters_is_enough_to_raise_an_alert(case: AlertCase) -> None:
    await case.follow(case.service.context)
    await case.cause()
    await case.cause()
    await case.follow(case.service.context)

    assert [one["state"] for one in await case.list_alerts()] == ["open"] * len(await case.list_alerts())
    assert await case.list_alerts() != []


async def test_a_changed_rule_is_enough_to_look_again(case: AlertCase) -> None:
    await case.cause()
    await case.scan()
    await case.follow(case.service.context)
    (version,) = (await case.deciding.get(f"/{case.service.name}/rules/{case.rule}")).json()
    body = {name: version[name] for name in ("key", "title", "basis", "confirmed")}
    body |= {"region": "620602000000", "effective_from": "2024-01-01"}
    value = version["value"] | {"kind": "other", "light": "red"}
    changed = await case.deciding.post(f"/{case.service.name}/rules", json=body | {"value": value})
    assert changed.status_code == 201, changed.text
    await case.follow(case.service.context)

    assert {one["rule_ref"] for one in await case.list_alerts()} == {f"{case.rule}@2"}
