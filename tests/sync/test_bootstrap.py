"""Bootstrap: one small answer with all that a phone needs out of signal."""

import gzip
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from services.attendance.visits.models import Deed
from shared.db import new_id
from tests.attendance.factories_attendance import get_json, post_json
from tests.clients import ServiceUnderTest, set_rule_version
from tests.conftest import Clock
from tests.sync.factories_sync import DEED

MAX_GZIPPED_BYTES = 12 * 1024
RECORDS = 5_000
BYTES_A_SECOND = 50_000
"""400 kbit/s."""
ROUND_TRIP_S = 0.3


async def test_one_call_tells_me_my_posts_rules_codes_calendar_and_todo(
    phone: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    found = await get_json(phone, "/bootstrap")

    assert (found["me"]["id"], found["me"]["roles"][0]["role"]) == ("li", "cadre")
    assert "presence:check_in" in found["me"]["may"]
    assert found["server_time"][:16] == "2024-05-20T01:00"
    (own,) = found["field"]["posts"]
    assert (own["id"], own["fences"][0]["radius_m"]) == (post["id"], 200)
    assert found["field"]["rules"][0]["switches"]["own_check_in"] is True
    calendar = {day["on"]: day["kind"] for day in found["field"]["calendar"]}
    assert (calendar["2024-10-01"], calendar["2024-05-11"]) == ("holiday", "made_up")
    assert "2024-05-20" not in calendar
    assert any(
        "请假" in label or "事假" in label for codes in found["codes"].values() for label in codes.values()
    )
    assert found["missing"] == []


async def test_a_switch_of_a_coming_day_is_told_with_its_day(
    phone: httpx.AsyncClient, attendance: ServiceUnderTest, post: Any, clock: Clock
) -> None:
    bureau = attendance.client_as("bureau")
    versions = await get_json(bureau, "/attendance/rules/check_in.switches")
    current = versions[0]
    body = {name: current[name] for name in ("key", "title", "confirmed")}
    change = {"region": "620602000000", "effective_from": "2024-05-23"}
    value = {**current["value"], "own_check_in": False}
    await set_rule_version(attendance, {**body, **change, "value": value})
    rules = (await get_json(phone, "/bootstrap"))["field"]["rules"]

    assert [(one["since"], one["switches"]["own_check_in"]) for one in rules] == [
        ("2024-05-20", True),
        ("2024-05-23", False),
    ]


@pytest.mark.usefixtures("post")
@pytest.mark.parametrize("role", ["cadre", "village_clerk", "town_officer", "leader"])
async def test_it_is_small(sync: ServiceUnderTest, role: str) -> None:
    answer = await sync.client_as(role).get("/bootstrap")
    assert answer.status_code == 200
    assert len(gzip.compress(answer.content, 6)) <= MAX_GZIPPED_BYTES


async def test_a_service_that_is_away_is_named(
    sync: ServiceUnderTest, phone: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync.context.clients, "is_not_deployed", lambda service: service == "attendance")
    found = await get_json(phone, "/bootstrap")

    assert (found["missing"], found["field"]) == (["attendance"], None)


async def test_a_first_sync_of_5000_records_takes_20_seconds_at_400_kbit(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, phone: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    """Reckoned from the bytes that go over the line, compressed, and a way of 300 ms for each page."""
    made = await post_json(cadre, "/attendance/deeds", {**DEED, "happened_on": "2024-05-18"})
    async with attendance.context.database.writer.begin() as connection:
        table = Deed.__table__  # type: ignore[attr-defined]
        row = (await connection.execute(sa.select(table).where(table.c.id == UUID(made["id"])))).one()
        rows = [
            {
                **row._mapping,
                "id": new_id(),
                "content": f"为群众办实事第 {at} 件: 帮助第 {at % 37} 户销售洋葱",
            }
            for at in range(RECORDS - 1)
        ]
        await connection.execute(sa.insert(table), rows)
    cursor, seconds, ids = "", 0.0, set()
    for _ in range(100):
        answer = await phone.get("/sync/changes", params={"cursor": cursor, "kinds": "deed"})
        page = answer.json()
        seconds += ROUND_TRIP_S + len(gzip.compress(answer.content, 6)) / BYTES_A_SECOND
        ids |= {one["id"] for one in page["records"]}
        cursor = page["cursor"]
        if not page["more"]:
            break
    assert len(ids) == RECORDS
    assert seconds <= 20, seconds
