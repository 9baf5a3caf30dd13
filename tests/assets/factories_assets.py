"""Factories of assets in any state, and of project events, for tests."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from shared.clients.projects import ProjectAccepted, ProjectMoved
from shared.db import new_id
from shared.events import Envelope, Event
from tests.clients import DISTRICT, TOWN, VILLAGE, ServiceUnderTest, SystemUnderTest, set_rule_version
from tests.sample_files import build_picture

JPEG_BYTES = build_picture(number=0)
SAMPLE_PLACE = {"lon": 102.9010, "lat": 37.6020, "datum": "wgs84"}


def build_asset(**changes: Any) -> dict[str, Any]:
    """Request body of a road with all fields that registration requires."""
    return {
        "region": VILLAGE,
        "name": "新店村通组道路",
        "asset_class": "public",
        "subclass": "road",
        "original_value": "500000.00",
        "built_on": "2019-09-30",
        "service_years": 20,
        "quantity": "2.5",
        "unit": "公里",
        "address": "新店村三组至五组",
        "place": SAMPLE_PLACE,
        "owner_kind": "village",
        "owner_name": "新店村股份经济合作社",
        **changes,
    }


class AssetScenario:
    """The assets service under test, with a client per role."""

    def __init__(self, system: SystemUnderTest, service: ServiceUnderTest) -> None:
        self.system = system
        self.service = service
        self.clerk = service.client_as("village_clerk")
        self.town = service.client_as("town_officer")
        self.bureau = service.client_as("bureau")
        self.line_bureau = service.client_as("line_bureau")
        self.town_region = TOWN

    def today(self) -> date:
        return self.system.now().date()

    async def create_asset(self, client: httpx.AsyncClient | None = None, **changes: Any) -> dict[str, Any]:
        response = await (client or self.clerk).post("/assets", json=build_asset(**changes))
        assert response.status_code == 201, response.text
        asset: dict[str, Any] = response.json()
        return asset

    async def set_repair_limits(self, **changes: int) -> None:
        """Set the district's own limits of what comes without login."""
        versions = (await self.bureau.get("/assets/rules/repair.limits")).json()
        entry = {name: versions[0][name] for name in ("key", "title", "confirmed")}
        value = {**versions[0]["value"], **changes}
        body = {**entry, "region": DISTRICT, "effective_from": "2015-01-01", "value": value}
        await set_rule_version(self.service, body)

    async def upload_photo(self, client: httpx.AsyncClient | None = None) -> str:
        response = await (client or self.clerk).post(
            "/assets/files",
            params={"name": "照片.jpg"},
            content=build_picture(),
            headers={"content-type": "image/jpeg"},
        )
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    async def transition_asset(
        self, client: httpx.AsyncClient, asset_id: str, action: str, **body: Any
    ) -> httpx.Response:
        return await client.post(f"/assets/{asset_id}/{action}", json=body)

    async def transition_asset_ok(
        self, client: httpx.AsyncClient, asset_id: str, action: str, **body: Any
    ) -> dict[str, Any]:
        response = await self.transition_asset(client, asset_id, action, **body)
        assert response.status_code == 200, response.text
        asset: dict[str, Any] = response.json()
        return asset

    async def create_registered_asset(self, **changes: Any) -> dict[str, Any]:
        asset = await self.create_asset(**changes)
        return await self.transition_asset_ok(self.clerk, asset["id"], "register")

    async def post_notice(self, asset_id: str, *, starts: date, level: str = "rights") -> dict[str, Any]:
        response = await self.town.post(
            f"/assets/{asset_id}/notices",
            json={
                "level": level,
                "places": ["村务公开栏"],
                "starts_on": str(starts),
                "photo": await self.upload_photo(),
            },
        )
        assert response.status_code == 201, response.text
        notice: dict[str, Any] = response.json()
        return notice

    async def create_confirmed_asset(self, **changes: Any) -> dict[str, Any]:
        asset = await self.create_registered_asset(**changes)
        await self.post_notice(asset["id"], starts=self.today() - timedelta(days=11))
        return await self.transition_asset_ok(
            self.bureau, asset["id"], "confirm", certificate_no="凉资确〔2024〕1号"
        )

    async def create_handed_over_asset(self, **changes: Any) -> dict[str, Any]:
        asset = await self.create_confirmed_asset(**changes)
        await self.transition_asset_ok(
            self.town, asset["id"], "hand_over", giver="黄羊镇人民政府", receiver="新店村股份经济合作社"
        )
        return await self.transition_asset_ok(self.clerk, asset["id"], "receive")

    async def deliver_project_event(
        self, event: Event, project_id: UUID, *, version: int, at: datetime | None = None
    ) -> None:
        """Deliver an event of the projects service as its outbox relay does."""
        now = self.system.now()
        envelope = Envelope(
            id=new_id(),
            cursor="0.1",
            service="projects",
            type=event.topic,
            subject=str(project_id),
            subject_version=version,
            region=VILLAGE,
            actor="service:projects",
            recorded_at=at or now,
            ingested_at=now,
            after=event.model_dump(mode="json"),
        )
        token = self.service.system.service_token("projects", "assets")
        response = await self.service.anonymous_client().post(
            "http://test/internal/events",
            json=[envelope.model_dump(mode="json")],
            headers={"Authorization": f"Bearer {token}"},
        )
        assert response.json() == {"received": 1, "stopped": None}, response.text

    async def deliver_project_accepted(
        self, *, project_id: UUID | None = None, version: int = 9, **changes: Any
    ) -> UUID:
        """Deliver the acceptance of a project; returns the project id."""
        accepted_id = project_id or uuid4()
        values: dict[str, Any] = {
            "project_id": accepted_id,
            "name": "新店村产业道路建设项目",
            "code": "620602-2023-0001",
            "category": "3.1.1",
            "place": "新店村",
            "settled": "1200000.00",
            "completed_on": date(2024, 3, 1),
            "accepted_on": date(2024, 4, 1),
            "unit": "黄羊镇人民政府",
        }
        await self.deliver_project_event(
            ProjectAccepted.model_validate(values | changes), accepted_id, version=version
        )
        return accepted_id

    async def deliver_project_moved(
        self, project_id: UUID, now: str, *, version: int, **changes: Any
    ) -> None:
        values: dict[str, Any] = {
            "project_id": project_id,
            "was": "completed",
            "now": now,
            "stage": "completed",
            "name": "新店村产业道路建设项目",
            "category": "3.1.1",
            "industry": False,
            "blocked": False,
        }
        await self.deliver_project_event(
            ProjectMoved.model_validate(values | changes), project_id, version=version
        )
