"""The people of a village, a town and the district around one monitored household, for tests."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx

from shared.china import id_card_check_character
from tests.clients import VILLAGE, ServiceUnderTest
from tests.conftest import Clock
from tests.sample_files import build_picture

HOUSEHOLDS = "/households"
CADRE = "cadre-a"


def build_id_card(number: int) -> str:
    """A valid id number of an invented person."""
    body = f"62230119{60 + number % 40:02d}0115{number % 1000:03d}"
    return body + id_card_check_character(body)


def build_form(**changes: Any) -> dict[str, Any]:
    """What a visit at a household found: three people, 5,000 元 a head."""
    return {
        "region": VILLAGE,
        "household_type": "general",
        "monitor_class": "marginal",
        "members": [
            {"name": "钱样甲", "id_no": build_id_card(1), "relation": "head"},
            {"name": "孙样乙", "id_no": build_id_card(2), "relation": "spouse"},
            {"name": "钱样丙", "id_no": build_id_card(3), "relation": "son"},
        ],
        "phone": "13893512345",
        "account": "6228480402564890018",
        "risks": ["illness"],
        "income": {
            "wages": "20000.00",
            "business": "4000.00",
            "business_cost": "1000.00",
            "self_paid": "8000.00",
        },
        "safeguards": {"education": True, "medical": True, "housing": True, "water": True},
        "verified_on": "2024-05-20",
        "cadre": CADRE,
        "cadre_name": "赵样甲",
    } | changes


class Monitoring:
    """Who does what; `cadre` helps the household, `neighbour` another one."""

    def __init__(self, door: Callable[[str], ServiceUnderTest]) -> None:
        service = door("households")
        self.public = service.anonymous_client()
        self.cadre = service.client_as("cadre", person=CADRE)
        self.neighbour = service.client_as("cadre", person="cadre-b")
        self.clerk = service.client_as("village_clerk", person="clerk")
        self.town = service.client_as("town_officer", person="town-a")
        self.comparer = service.client_as("bureau", person="bureau-a")
        self.bureau = service.client_as("bureau", person="bureau-b")
        self.leader = service.client_as("leader", person="leader")
        self.line = service.client_as("line_bureau", person="line")

    async def enter(self, who: httpx.AsyncClient | None = None, **changes: Any) -> str:
        """Enter a household with its signed consent; its id."""
        sender = who or self.cadre
        body = build_form(file_ids=[await self.photo(sender)]) | changes
        answer = await sender.post(HOUSEHOLDS, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def photo(self, who: httpx.AsyncClient) -> str:
        """Upload another picture."""
        answer = await who.post(
            "/households/files",
            params={"name": "授权书.jpg"},
            headers={"Content-Type": "image/jpeg"},
            content=build_picture(),
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def act(
        self, who: httpx.AsyncClient, household: str, action: str, path: str = HOUSEHOLDS, **body: Any
    ) -> httpx.Response:
        """Take an action on a record as it stands."""
        tag = (await who.get(f"{path}/{household}")).headers.get("ETag", "")
        return await who.post(f"{path}/{household}/{action}", json=body, headers={"If-Match": tag})

    async def must(
        self, who: httpx.AsyncClient, household: str, action: str, path: str = HOUSEHOLDS, **body: Any
    ) -> dict[str, Any]:
        """Take an action that succeeds."""
        answer = await self.act(who, household, action, path, **body)
        assert answer.status_code in {200, 201}, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def notice(self, household: str, level: str, starts_on: str) -> dict[str, Any]:
        """Put the household on notice in its village."""
        body = {"level": level, "places": ["村委会公示栏"], "starts_on": starts_on}
        answer = await self.clerk.post(f"{HOUSEHOLDS}/{household}/notices", json=body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def plan_measure(self, household: str, **changes: Any) -> str:
        """Plan a measure of help; its id."""
        body = {
            "household_id": household,
            "kind": "health",
            "text": "落实大病救助",
            "planned_on": "2024-08-31",
        }
        answer = await self.cadre.post("/households/measures", json=body | changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def bring_to(self, household: str, clock: Clock) -> None:
        """Take a household from the visit at home to the day after its notice."""
        await self.must(self.comparer, household, "compare", comparison="公安、财政: 无车无房", clean=True)
        await self.must(self.clerk, household, "appraise", met_on="2024-05-20", attended=9, agreed=8)
        await self.notice(household, "monitoring", "2024-05-20")
        clock.advance(timedelta(days=6))

    async def identify(self, household: str, clock: Clock, **body: Any) -> dict[str, Any]:
        """Take a household from the visit at home to monitoring."""
        await self.bring_to(household, clock)
        await self.must(self.town, household, "review")
        return await self.must(self.bureau, household, "approve", **body)

    async def identify_refused(self, household: str, clock: Clock, at: str = "approve") -> dict[str, Any]:
        """Take a household as far as the step that is refused; the first error."""
        await self.bring_to(household, clock)
        if at == "approve":
            await self.must(self.town, household, "review")
        refused = await self.act(self.bureau if at == "approve" else self.town, household, at)
        assert refused.status_code == 409, refused.text
        error: dict[str, Any] = refused.json()["errors"][0]
        return error
