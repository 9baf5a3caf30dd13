"""Keepers, the rhythm of inspections, repairs from the label, follow-up visits, value adjustments."""

from collections.abc import AsyncGenerator
from datetime import date, timedelta
from typing import Any, cast

import pytest
from sqlalchemy.pool import QueuePool

from services.assets.book.calculation import calculate_straight_line
from tests.assets.factories_assets import JPEG_BYTES, AssetScenario
from tests.conftest import Clock

KEEPER_BODY = {
    "unit": "新店村村委会",
    "name": "李四",
    "phone": "13812341234",
    "starts_on": "2024-01-01",
    "welfare_post": True,
}


async def test_a_keeper_follows_another_and_the_phone_stays_sealed(world: AssetScenario) -> None:
    asset = await world.create_registered_asset()
    address = f"/assets/{asset['id']}/keepers"
    first = await world.clerk.post(address, json=KEEPER_BODY)
    assert (first.status_code, first.json()["phone_masked"]) == (201, "138****1234")
    early = await world.clerk.post(address, json={**KEEPER_BODY, "name": "王五"})
    assert early.status_code == 422
    await world.clerk.post(address, json={**KEEPER_BODY, "name": "王五", "starts_on": "2024-03-01"})
    known = (await world.bureau.get(address)).json()
    assert [(one["name"], one["ends_on"]) for one in known] == [("李四", "2024-02-29"), ("王五", None)]
    assert (await world.bureau.get(f"/assets/{asset['id']}")).json()["keeper_name"] == "王五"
    clear = await world.clerk.post(f"{address}/{first.json()['id']}/phone")
    assert clear.json() == {"phone": "13812341234"}
    assert (await world.bureau.post(f"{address}/{first.json()['id']}/phone")).status_code == 403
    told = (await world.bureau.get(f"/assets/{asset['id']}/history")).json()
    assert told[-1]["type"] == "asset.phone_revealed"
    assert "13812341234" not in str(told)


async def test_the_duty_list_says_what_is_due_next(world: AssetScenario, clock: Clock) -> None:
    road = await world.create_registered_asset()
    clock.advance(timedelta(days=10))
    hall = await world.create_registered_asset(name="新店村广场", subclass="culture")
    listed = (await world.town.get("/assets/duties")).json()["items"]
    assert [one["id"] for one in listed] == [road["id"], hall["id"]]
    assert listed[0]["inspect_due_on"] == str(world.today() + timedelta(days=170))
    await world.clerk.post(f"/assets/{road['id']}/inspections", json={"condition": "good"})
    listed = (await world.town.get("/assets/duties", params={"without_keeper": True})).json()["items"]
    assert {one["id"]: one["inspect_due_on"] for one in listed}[road["id"]] == str(
        world.today() + timedelta(days=180)
    )
    clock.advance(timedelta(days=200))
    due = (await world.town.get("/assets/duties", params={"due_until": str(world.today())})).json()["items"]
    assert len(due) == 2
    sheet = await world.town.get("/assets/duties.xlsx", params={"region": "620602100201"})
    assert sheet.content.startswith(b"PK")
    assert (await world.town.get("/assets/duties.xlsx", params={"region": "620602101201"})).status_code == 404


async def test_a_slow_photo_from_the_label_holds_no_connection(world: AssetScenario) -> None:
    asset = await world.create_registered_asset()
    database = world.door.context.database
    held: list[int] = []

    async def slowly() -> AsyncGenerator[bytes]:
        for part in (JPEG_BYTES[:10], JPEG_BYTES[10:]):
            held.append(
                sum(cast("QueuePool", one.pool).checkedout() for one in (database.reader, database.writer))
            )
            yield part

    sent = await world.door.anonymous_client().post(
        f"/assets/scan/{asset['code']}/photos", content=slowly(), headers={"content-type": "image/jpeg"}
    )

    assert sent.status_code == 201, sent.text
    assert held == [0, 0]


async def test_anybody_who_scans_can_report_and_follow_a_repair(world: AssetScenario) -> None:
    asset = await world.create_registered_asset()
    nobody = world.door.anonymous_client()
    photo = await nobody.post(
        f"/assets/scan/{asset['code']}/photos", content=JPEG_BYTES, headers={"content-type": "image/jpeg"}
    )
    assert photo.status_code == 201, photo.text
    body = {"text": "路面塌陷", "photos": [photo.json()["id"]], "contact": "13912345678"}
    sent = await nobody.post(f"/assets/scan/{asset['code']}/repairs", json=body)
    assert (sent.status_code, sent.json()["state"]) == (201, "reported")
    assert "13912345678" not in sent.text
    ticket = sent.json()["id"]
    seen = (await world.clerk.get(f"/assets/repairs/{ticket}")).json()
    assert (seen["contact_masked"], seen["source"]) == ("139****5678", "scan")

    async def step(client: Any, action: str, status: int = 200, **more: Any) -> Any:
        answered = await client.post(f"/assets/repairs/{ticket}/{action}", json=more)
        assert answered.status_code == status, answered.text
        return answered.json()

    due = str(world.today() + timedelta(days=7))
    assert (await step(world.clerk, "accept", 409))["errors"][0]["code"] == "not_assigned"
    await step(world.clerk, "accept", person="李四", due_on=due)
    assert (await nobody.get(f"/assets/scan/{asset['code']}/repairs/{ticket}")).json()["due_on"] == due
    assert (await step(world.clerk, "finish", 409))["errors"][0]["code"] == "not_proven"
    await step(world.clerk, "finish", photos=[await world.upload_photo()], cost="800.00", result="已回填压实")
    await step(world.clerk, "check", 403)
    closed = await step(world.town, "check")
    assert (closed["state"], closed["cost"], closed["result"]) == ("closed", "800.00", "已回填压实")


async def test_reports_without_login_are_limited(world: AssetScenario, clock: Clock) -> None:
    asset = await world.create_registered_asset()
    nobody = world.door.anonymous_client()
    address = f"/assets/scan/{asset['code']}/repairs"
    for _ in range(5):
        assert (await nobody.post(address, json={"text": "坏了"})).status_code == 201
    limited = await nobody.post(address, json={"text": "坏了"})
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "3600")
    clock.advance(timedelta(hours=2))
    assert (await nobody.post(address, json={"text": "坏了"})).status_code == 201
    draft = await world.create_asset()
    assert (
        await nobody.post(f"/assets/scan/{draft['code'] or 'x'}/repairs", json={"text": "坏了"})
    ).status_code == 404


async def test_only_pictures_are_taken_without_login(world: AssetScenario) -> None:
    asset = await world.create_registered_asset()
    for content in (b"#!/bin/sh\nrm -rf /", b"\xff\xd8"):
        refused = await world.door.anonymous_client().post(
            f"/assets/scan/{asset['code']}/photos", content=content, headers={"content-type": "image/jpeg"}
        )
        assert refused.status_code == 422, refused.text


async def test_the_photos_of_others_cannot_be_attached_without_login(world: AssetScenario) -> None:
    asset = await world.create_registered_asset()
    theirs = await world.upload_photo()
    body = {"text": "坏了", "photos": [theirs]}
    refused = await world.door.anonymous_client().post(f"/assets/scan/{asset['code']}/repairs", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/photos")


async def test_an_inspection_that_finds_damage_opens_a_ticket(world: AssetScenario) -> None:
    asset = await world.create_registered_asset()
    address = f"/assets/{asset['id']}"
    seen = await world.clerk.post(
        f"{address}/inspections", json={"condition": "broken", "findings": "护栏断裂"}
    )
    (ticket,) = (await world.clerk.get(f"{address}/repairs")).json()
    assert (ticket["source"], ticket["text"], ticket["inspection_id"]) == (
        "inspection",
        "护栏断裂",
        seen.json()["id"],
    )
    await world.clerk.post(f"{address}/inspections", json={"condition": "worn"})
    assert len((await world.clerk.get(f"{address}/repairs")).json()) == 1


async def test_households_are_visited(world: AssetScenario) -> None:
    cow = await world.create_registered_asset(
        name="基础母牛",
        asset_class="household",
        subclass="biological",
        owner_kind="household",
        owner_name="张三",
    )
    body = {"visited_on": "2024-05-01", "holding": "grown", "quantity": "3头", "income": "6000.00"}
    address = f"/assets/{cow['id']}/follow-ups"
    assert (await world.clerk.post(address, json=body)).status_code == 201
    assert (await world.clerk.post(address, json={**body, "visited_on": "2024-06-01"})).status_code == 422
    known = (await world.bureau.get(f"/assets/{cow['id']}")).json()
    assert known["inspect_due_on"] == "2025-05-01"
    road = await world.create_registered_asset()
    assert (await world.clerk.post(f"/assets/{road['id']}/follow-ups", json=body)).status_code == 422
    listed = (await world.town.get("/assets/follow-ups", params={"holding": "grown"})).json()["items"]
    assert [one["income"] for one in listed] == ["6000.00"]


async def test_a_value_changes_by_two_people(world: AssetScenario) -> None:
    asset = await world.create_registered_asset(
        asset_class="operating", subclass="workshop", service_years=10
    )
    address = f"/assets/{asset['id']}/adjustments"
    body = {"kind": "improvement", "amount": "100000.00", "happened_on": "2024-01-01", "reason": "扩建"}
    made = (await world.clerk.post(address, json=body)).json()
    assert (await world.clerk.post(f"/assets/adjustments/{made['id']}/approve", json={})).status_code == 403
    assert (await world.bureau.post(f"/assets/adjustments/{made['id']}/approve", json={})).status_code == 200
    book = (await world.bureau.get(f"/assets/{asset['id']}/book", params={"on": "2024-09-30"})).json()
    # 500000 × 95 % over 120 months, 60 of them past; 100000 × 95 % over the 68 that were left, 8 of them past
    assert (book["value"], book["months"], book["accumulated"], book["net"]) == (
        "600000.00",
        60,
        "248676.47",
        "351323.53",
    )
    earlier = (await world.bureau.get(f"/assets/{asset['id']}/book", params={"on": "2023-12-31"})).json()
    assert (earlier["value"], earlier["adjusted"]) == ("500000.00", "0.00")
    loss = {"kind": "impairment", "amount": "-700000.00", "happened_on": "2024-02-01", "reason": "毁损"}
    too_much = (await world.clerk.post(address, json=loss)).json()
    refused = await world.bureau.post(f"/assets/adjustments/{too_much['id']}/approve", json={})
    assert refused.json()["errors"][0]["code"] == "below_zero"
    wrong = await world.clerk.post(address, json={**loss, "amount": "1.00"})
    assert wrong.status_code == 422
    fix = {"kind": "correction", "amount": "-0.01", "happened_on": "2024-02-01", "reason": "录入错误"}
    correction = (await world.clerk.post(address, json=fix)).json()
    await world.bureau.post(f"/assets/adjustments/{correction['id']}/approve", json={})
    assert (await world.bureau.get(f"/assets/{asset['id']}")).json()["original_value"] == "499999.99"


@pytest.mark.parametrize(
    ("on", "months", "net"),
    [
        (date(2019, 9, 30), 0, 100_000),
        (date(2019, 10, 1), 1, 99_209),
        (date(2029, 9, 1), 120, 5_000),
        (date(2050, 1, 1), 120, 5_000),
        (date(2018, 1, 1), 0, 100_000),
    ],
)
def test_a_straight_line_ends_at_the_residual_value(on: date, months: int, net: int) -> None:
    found = calculate_straight_line(100_000, date(2019, 9, 30), on, years=10, residual_percent=5)
    assert (found.months, found.net) == (months, net)
