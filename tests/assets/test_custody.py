"""Keepers, the duty list, repair tickets, follow-up visits, value adjustments."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import date, timedelta
from typing import Any, cast

import pytest
from sqlalchemy.pool import QueuePool

from services.assets.book.calculation import calculate_straight_line
from tests.assets.factories_assets import JPEG_BYTES, AssetScenario
from tests.conftest import Clock
from tests.sample_files import build_dated_picture, build_large_picture, build_picture

KEEPER_BODY = {
    "unit": "新店村村委会",
    "name": "李四",
    "phone": "13812341234",
    "starts_on": "2024-01-01",
    "welfare_post": True,
}


async def test_a_new_keeper_ends_the_previous_one_and_phones_stay_encrypted(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    address = f"/assets/{asset['id']}/keepers"
    first = await scenario.clerk.post(address, json=KEEPER_BODY)
    assert (first.status_code, first.json()["phone_masked"]) == (201, "138****1234")
    early = await scenario.clerk.post(address, json={**KEEPER_BODY, "name": "王五"})
    assert early.status_code == 422
    await scenario.clerk.post(address, json={**KEEPER_BODY, "name": "王五", "starts_on": "2024-03-01"})
    keepers = (await scenario.bureau.get(address)).json()
    assert [(item["name"], item["ends_on"]) for item in keepers] == [("李四", "2024-02-29"), ("王五", None)]
    assert (await scenario.bureau.get(f"/assets/{asset['id']}")).json()["keeper_name"] == "王五"
    clear = await scenario.clerk.post(f"{address}/{first.json()['id']}/phone")
    assert clear.json() == {"phone": "13812341234"}
    assert (await scenario.bureau.post(f"{address}/{first.json()['id']}/phone")).status_code == 403
    events = (await scenario.bureau.get(f"/assets/{asset['id']}/history")).json()
    assert events[-1]["type"] == "asset.phone_revealed"
    assert "13812341234" not in str(events)


async def test_the_duty_list_is_ordered_by_next_inspection(scenario: AssetScenario, clock: Clock) -> None:
    road = await scenario.create_registered_asset()
    clock.advance(timedelta(days=10))
    hall = await scenario.create_registered_asset(name="新店村广场", subclass="culture")
    listed = (await scenario.town.get("/assets/duties")).json()["items"]
    assert [item["id"] for item in listed] == [road["id"], hall["id"]]
    assert listed[0]["inspect_due_on"] == str(scenario.today() + timedelta(days=170))
    await scenario.clerk.post(f"/assets/{road['id']}/inspections", json={"condition": "good"})
    listed = (await scenario.town.get("/assets/duties", params={"without_keeper": True})).json()["items"]
    assert {item["id"]: item["inspect_due_on"] for item in listed}[road["id"]] == str(
        scenario.today() + timedelta(days=180)
    )
    clock.advance(timedelta(days=200))
    due = (await scenario.town.get("/assets/duties", params={"due_until": str(scenario.today())})).json()[
        "items"
    ]
    assert len(due) == 2
    sheet = await scenario.town.get("/assets/duties.xlsx", params={"region": "620602100201"})
    assert sheet.content.startswith(b"PK")
    assert (
        await scenario.town.get("/assets/duties.xlsx", params={"region": "620602101201"})
    ).status_code == 404


async def test_a_slow_photo_upload_holds_no_connection(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    database = scenario.service.context.database
    checked_out: list[int] = []

    async def stream_slowly() -> AsyncGenerator[bytes]:
        for part in (JPEG_BYTES[:10], JPEG_BYTES[10:]):
            checked_out.append(
                sum(
                    cast("QueuePool", engine.pool).checkedout()
                    for engine in (database.reader, database.writer)
                )
            )
            yield part

    sent = await scenario.service.anonymous_client().post(
        f"/assets/scan/{asset['code']}/photos",
        content=stream_slowly(),
        headers={"content-type": "image/jpeg"},
    )

    assert sent.status_code == 201, sent.text
    assert checked_out == [0, 0]


async def test_a_repair_is_reported_and_followed_without_login(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    anonymous = scenario.service.anonymous_client()
    photo = await anonymous.post(
        f"/assets/scan/{asset['code']}/photos", content=JPEG_BYTES, headers={"content-type": "image/jpeg"}
    )
    assert photo.status_code == 201, photo.text
    body = {"text": "路面塌陷", "photos": [photo.json()["id"]], "contact": "13912345678"}
    sent = await anonymous.post(f"/assets/scan/{asset['code']}/repairs", json=body)
    assert (sent.status_code, sent.json()["state"]) == (201, "reported")
    assert "13912345678" not in sent.text
    ticket = sent.json()["id"]
    repair = (await scenario.clerk.get(f"/assets/repairs/{ticket}")).json()
    assert (repair["contact_masked"], repair["source"]) == ("139****5678", "scan")

    async def transition(client: Any, action: str, status: int = 200, **more: Any) -> Any:
        response = await client.post(f"/assets/repairs/{ticket}/{action}", json=more)
        assert response.status_code == status, response.text
        return response.json()

    due = str(scenario.today() + timedelta(days=7))
    assert (await transition(scenario.clerk, "accept", 409))["errors"][0]["code"] == "not_assigned"
    await transition(scenario.clerk, "accept", person="李四", due_on=due)
    assert (await anonymous.get(f"/assets/scan/{asset['code']}/repairs/{ticket}")).json()["due_on"] == due
    assert (await transition(scenario.clerk, "finish", 409))["errors"][0]["code"] == "not_proven"
    await transition(
        scenario.clerk, "finish", photos=[await scenario.upload_photo()], cost="800.00", result="已回填压实"
    )
    await transition(scenario.clerk, "check", 403)
    closed = await transition(scenario.town, "check")
    assert (closed["state"], closed["cost"], closed["result"]) == ("closed", "800.00", "已回填压实")


async def test_reports_without_login_are_limited(scenario: AssetScenario, clock: Clock) -> None:
    asset = await scenario.create_registered_asset()
    anonymous = scenario.service.anonymous_client()
    address = f"/assets/scan/{asset['code']}/repairs"
    for _ in range(5):
        assert (await anonymous.post(address, json={"text": "坏了"})).status_code == 201
    limited = await anonymous.post(address, json={"text": "坏了"})
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "3600")
    clock.advance(timedelta(hours=2))
    assert (await anonymous.post(address, json={"text": "坏了"})).status_code == 201
    draft = await scenario.create_asset()
    assert (
        await anonymous.post(f"/assets/scan/{draft['code'] or 'x'}/repairs", json={"text": "坏了"})
    ).status_code == 404


async def test_photos_without_login_do_not_fill_the_district(scenario: AssetScenario, clock: Clock) -> None:
    asset, other = [await scenario.create_registered_asset() for _ in range(2)]
    anyone = scenario.service.anonymous_client()

    async def send_all(*sent: tuple[str, str, bytes]) -> list[int]:
        """The statuses of photos sent at once: address of the sender, code of the asset, content."""
        requests = [
            anyone.post(
                f"/assets/scan/{code}/photos",
                content=photo,
                headers={"content-type": "image/png", "x-forwarded-for": address},
            )
            for address, code, photo in sent
        ]
        return sorted([answer.status_code for answer in await asyncio.gather(*requests)])

    small, large = build_picture("PNG"), build_large_picture()
    limits = {"photos_per_sender_hour": 3, "photos_per_asset_day": 5, "photo_mib_per_sender_day": 1}
    await scenario.set_repair_limits(**limits, photo_mib_per_district_day=2)
    own = [(f"2001:db8:1:2::{at}", asset["code"], small) for at in range(6)]
    assert await send_all(*own) == [201] * 3 + [429] * 3
    assert await send_all(*[(f"203.0.113.{at}", asset["code"], small) for at in range(2, 6)]) == (
        [201] * 2 + [429] * 2
    )

    clock.advance(timedelta(days=1, minutes=1))
    assert await send_all(*[("203.0.113.1", asset["code"], large)] * 2) == [201, 429]
    assert await send_all(*[(f"203.0.113.{at}", other["code"], large) for at in range(2, 5)]) == [
        201,
        429,
        429,
    ]
    clock.advance(timedelta(days=1, minutes=1))
    assert await send_all(("203.0.113.9", asset["code"], large)) == [201]


async def test_only_images_are_accepted_without_login(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    for content in (b"#!/bin/sh\nrm -rf /", b"\xff\xd8"):
        refused = await scenario.service.anonymous_client().post(
            f"/assets/scan/{asset['code']}/photos", content=content, headers={"content-type": "image/jpeg"}
        )
        assert refused.status_code == 422, refused.text


async def test_the_photos_of_others_cannot_be_attached_without_login(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    theirs = await scenario.upload_photo()
    body = {"text": "坏了", "photos": [theirs]}
    refused = await scenario.service.anonymous_client().post(
        f"/assets/scan/{asset['code']}/repairs", json=body
    )
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/photos")


async def test_an_inspection_with_damage_creates_a_repair_ticket(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    address = f"/assets/{asset['id']}"
    inspection = await scenario.clerk.post(
        f"{address}/inspections", json={"condition": "broken", "findings": "护栏断裂"}
    )
    (ticket,) = (await scenario.clerk.get(f"{address}/repairs")).json()
    assert (ticket["source"], ticket["text"], ticket["inspection_id"]) == (
        "inspection",
        "护栏断裂",
        inspection.json()["id"],
    )
    await scenario.clerk.post(f"{address}/inspections", json={"condition": "worn"})
    assert len((await scenario.clerk.get(f"{address}/repairs")).json()) == 1


async def test_follow_up_visits_are_for_household_assets_only(scenario: AssetScenario) -> None:
    cow = await scenario.create_registered_asset(
        name="基础母牛",
        asset_class="household",
        subclass="biological",
        owner_kind="household",
        owner_name="张三",
    )
    body = {"visited_on": "2024-05-01", "holding": "grown", "quantity": "3头", "income": "6000.00"}
    address = f"/assets/{cow['id']}/follow-ups"
    assert (await scenario.clerk.post(address, json=body)).status_code == 201
    assert (await scenario.clerk.post(address, json={**body, "visited_on": "2024-06-01"})).status_code == 422
    asset = (await scenario.bureau.get(f"/assets/{cow['id']}")).json()
    assert asset["inspect_due_on"] == "2025-05-01"
    road = await scenario.create_registered_asset()
    assert (await scenario.clerk.post(f"/assets/{road['id']}/follow-ups", json=body)).status_code == 422
    listed = (await scenario.town.get("/assets/follow-ups", params={"holding": "grown"})).json()["items"]
    assert [item["income"] for item in listed] == ["6000.00"]


async def test_a_second_person_approves_value_adjustments(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset(
        asset_class="operating", subclass="workshop", service_years=10
    )
    address = f"/assets/{asset['id']}/adjustments"
    body = {"kind": "improvement", "amount": "100000.00", "happened_on": "2024-01-01", "reason": "扩建"}
    adjustment = (await scenario.clerk.post(address, json=body)).json()
    assert (
        await scenario.clerk.post(f"/assets/adjustments/{adjustment['id']}/approve", json={})
    ).status_code == 403
    assert (
        await scenario.bureau.post(f"/assets/adjustments/{adjustment['id']}/approve", json={})
    ).status_code == 200
    book = (await scenario.bureau.get(f"/assets/{asset['id']}/book", params={"on": "2024-09-30"})).json()
    # 500000 × 95 % over 120 months, 60 of them past; 100000 × 95 % over the 68 that were left, 8 of them past
    assert (book["value"], book["months"], book["accumulated"], book["net"]) == (
        "600000.00",
        60,
        "248676.47",
        "351323.53",
    )
    earlier = (await scenario.bureau.get(f"/assets/{asset['id']}/book", params={"on": "2023-12-31"})).json()
    assert (earlier["value"], earlier["adjusted"]) == ("500000.00", "0.00")
    loss = {"kind": "impairment", "amount": "-700000.00", "happened_on": "2024-02-01", "reason": "毁损"}
    too_much = (await scenario.clerk.post(address, json=loss)).json()
    refused = await scenario.bureau.post(f"/assets/adjustments/{too_much['id']}/approve", json={})
    assert refused.json()["errors"][0]["code"] == "below_zero"
    wrong = await scenario.clerk.post(address, json={**loss, "amount": "1.00"})
    assert wrong.status_code == 422
    fix = {"kind": "correction", "amount": "-0.01", "happened_on": "2024-02-01", "reason": "录入错误"}
    correction = (await scenario.clerk.post(address, json=fix)).json()
    await scenario.bureau.post(f"/assets/adjustments/{correction['id']}/approve", json={})
    assert (await scenario.bureau.get(f"/assets/{asset['id']}")).json()["original_value"] == "499999.99"


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
    depreciation = calculate_straight_line(100_000, date(2019, 9, 30), on, years=10, residual_percent=5)
    assert (depreciation.months, depreciation.net) == (months, net)


async def test_photos_of_another_day_or_place_or_used_before_are_remarked(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    today = scenario.today()

    async def upload(taken_on: date, place: tuple[float, float]) -> str:
        content = build_dated_picture(f"{taken_on:%Y:%m:%d} 10:00:00", place)
        answer = await scenario.clerk.post(
            "/assets/files",
            params={"name": "现场.jpg"},
            content=content,
            headers={"content-type": "image/jpeg"},
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def inspect(*photos: str, condition: str = "good", **changes: Any) -> Any:
        body = {"condition": condition, "photos": photos, **changes}
        answer = await scenario.clerk.post(f"/assets/{asset['id']}/inspections", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    here, beijing = (37.602, 102.901), (39.9, 116.4)
    good, old = await upload(today, here), await upload(date(2019, 5, 1), beijing)
    assert (await inspect(good))["photo_remarks"] == []
    found = await inspect(good, old, old, condition="broken")
    other_day = f"相机记录的拍摄日期是 2019-05-01, 记录的日期是 {today}"
    away = "相机记录的拍摄地点距记录的地点 1,196.9 公里"
    assert found["photo_remarks"] == [
        f"照片1: {today} 的记录已用过这张照片",
        f"照片2: {other_day}",
        f"照片2: {away}",
        f"照片3: {other_day}",
        f"照片3: {away}",
        "照片3: 同一张照片用了两次",
    ]
    fix = {"lon": 116.4, "lat": 39.9, "datum": "wgs84", "accuracy_m": 10}
    there = await inspect(
        await upload(date(2019, 5, 1), beijing), fix=fix, inspected_at="2019-05-01T20:00:00+08:00"
    )
    assert there["photo_remarks"] == []
    listed = (await scenario.town.get(f"/assets/{asset['id']}/inspections")).json()["items"]
    assert {one["id"]: one["photo_remarks"] for one in listed}[found["id"]] == found["photo_remarks"]

    (repair,) = (await scenario.town.get("/assets/repairs")).json()["items"]
    assert repair["photo_remarks"] == found["photo_remarks"]
    act = f"/assets/repairs/{repair['id']}"
    due = str(today + timedelta(days=7))
    assert (
        await scenario.clerk.post(f"{act}/accept", json={"person": "李四", "due_on": due})
    ).status_code == 200
    done = {"photos": [good, old], "cost": "0", "result": "已修"}
    assert (await scenario.clerk.post(f"{act}/finish", json=done)).status_code == 200
    remarks = (await scenario.town.get(act)).json()["photo_remarks"]
    assert remarks[:6] == found["photo_remarks"]
    assert [one[:6] for one in remarks[6:]] == ["完工照片1:", "完工照片2:", "完工照片2:", "完工照片2:"]
