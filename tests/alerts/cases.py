"""A service with something that its alerts find, and the people who handle it: the same steps in each service."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from services.assets.alerts.detectors import DETECTORS as ASSET_DETECTORS
from services.assets.alerts.models import ALERTS as ASSET_ALERTS
from services.funds.alerts.detectors import DETECTORS as FUND_DETECTORS
from services.funds.alerts.models import ALERTS as FUND_ALERTS
from services.projects.alerts.detectors import DETECTORS as PROJECT_DETECTORS
from services.projects.alerts.models import ALERTS as PROJECT_ALERTS
from shared.alerts.detection import Detector
from shared.alerts.follower import follow_log
from shared.alerts.models import AlertConfig
from tests.assets.factories_assets import AssetScenario
from tests.clients import ServiceUnderTest, SystemUnderTest, set_rule_version
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
    alerts: AlertConfig
    detectors: tuple[Detector[Any], ...]
    answering: httpx.AsyncClient
    deciding: httpx.AsyncClient

    def __post_init__(self) -> None:
        self._scan_after_events = follow_log(self.alerts, self.detectors)

    @property
    def path(self) -> str:
        """Address of the alerts."""
        return f"/{self.service.name}/alerts"

    async def follow(self) -> None:
        """Look again after the events since the last time."""
        while await self._scan_after_events(self.service.context):
            pass

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

    async def close(self, alert_id: str, due_on: str) -> None:
        """Answer, and close with a new deadline."""
        await self.act(alert_id, "answer", reason="正在办理")
        await self.act(alert_id, "close", reason="按期办完", due_on=due_on)

    async def change_rule(self, **changes: Any) -> None:
        """Put another version of the rule into force."""
        address = f"/{self.service.name}/rules"
        (version,) = (await self.deciding.get(f"{address}/{self.rule}")).json()
        body = {name: version[name] for name in ("key", "title", "confirmed")}
        body |= {"region": "620602000000", "effective_from": "2024-01-01"}
        role = "finance" if self.service.name == "funds" else "bureau"
        await set_rule_version(self.service, body | {"value": version["value"] | changes}, role)


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
        FUND_ALERTS,
        FUND_DETECTORS,
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
        ASSET_ALERTS,
        ASSET_DETECTORS,
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
        PROJECT_ALERTS,
        PROJECT_DETECTORS,
        scenario.town,
        scenario.bureau,
    )


BUILDERS = {"funds": _build_funds, "assets": _build_assets, "projects": _build_projects}
