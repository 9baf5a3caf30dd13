"""How to reach somebody is erased from closed records when its time is over or the person asks; the log stays provable."""

from datetime import timedelta
from typing import Any

import pytest

from shared.events.fsck import check_service
from shared.retention.erasure import erase_expired
from tests.clients import DISTRICT, ServiceUnderTest, SystemUnderTest, set_rule_version
from tests.conftest import Clock

NUMBER = "13812341234"


@pytest.fixture
async def complaint(doors: SystemUnderTest) -> str:
    """An answered complaint of somebody who left a number."""
    service = doors.service("attendance")
    body = {"region": DISTRICT, "text": "要求每天发定位到群里并排名", "contact": NUMBER}
    made = await service.anonymous_client().post("/attendance/complaints", json=body)
    address = f"/attendance/complaints/{made.json()['id']}"
    answered = await service.client_as("bureau").post(f"{address}/answer", json={"reason": "已取消排名"})
    assert answered.status_code == 200, answered.text
    return address


async def read_contact(service: ServiceUnderTest) -> str:
    (row,) = (await service.client_as("bureau").get("/attendance/complaints")).json()["items"]
    return str(row["contact"])


async def list_erasures(service: ServiceUnderTest) -> list[Any]:
    answer = await service.client_as("auditor").get("/attendance/events?types=personal_data.erased")
    return [(one["actor"], one["reason"]) for one in answer.json()["items"]]


async def purge(service: ServiceUnderTest) -> None:
    await erase_expired(service.context, service.system.apps["attendance"].state.expiring)


@pytest.mark.usefixtures("complaint")
async def test_a_contact_is_erased_when_its_time_is_over_and_the_log_still_proves_the_tables(
    doors: SystemUnderTest, clock: Clock
) -> None:
    service = doors.service("attendance")
    clock.advance(timedelta(days=1094))
    await purge(service)
    before = await read_contact(service)
    clock.advance(timedelta(days=2))
    await purge(service)
    await purge(service)

    assert (before, await read_contact(service)) == (NUMBER, "")
    assert await list_erasures(service) == [("service:attendance", "办结已满 1095 天")]
    report = await check_service("attendance", service.context.database, doors.apps["attendance"].state.fsck)
    assert report.differences == []


@pytest.mark.usefixtures("complaint")
async def test_a_district_says_how_long(doors: SystemUnderTest, clock: Clock) -> None:
    service = doors.service("attendance")
    today = str(clock.now().date())
    rule = {
        "key": "retention.contact",
        "value": 60,
        "region": DISTRICT,
        "effective_from": today,
        "confirmed": True,
    }
    await set_rule_version(service, {"title": "办结后多少天删除联系方式", **rule})
    clock.advance(timedelta(days=61))
    await purge(service)

    assert await read_contact(service) == ""


async def test_who_handles_it_erases_it_when_the_person_asks(doors: SystemUnderTest, complaint: str) -> None:
    service = doors.service("attendance")
    elsewhere = await service.client_as("bureau", "632323000000").delete(f"{complaint}/contact")
    kept = await read_contact(service)
    answers = [await service.client_as("bureau").delete(f"{complaint}/contact") for _ in range(2)]

    assert (elsewhere.status_code, kept) == (404, NUMBER)
    assert [one.status_code for one in answers] == [204, 204]
    assert await read_contact(service) == ""
    assert await list_erasures(service) == [("bureau-620602000000", "应本人要求删除")]
