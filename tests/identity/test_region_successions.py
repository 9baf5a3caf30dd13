"""Merged and renamed villages: imports know the old names, who works in the new village sees the records of the old."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.spreadsheets import Column, build_workbook
from tests.attendance.factories_attendance import get_json, post_json
from tests.clients import DISTRICT, TOWN, SystemUnderTest
from tests.conftest import Clock
from tests.identity.factories_identity import bearer_header, build_account, sign_in

HUANGYANG, GUANGCHANG = "620602100200", "620602100201"


@pytest.fixture
def admin(doors: SystemUnderTest) -> httpx.AsyncClient:
    return doors.service("identity").client_as("admin")


def build_merger(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "merged",
        "former": [HUANGYANG],
        "code": GUANGCHANG,
        "effective_on": "2024-05-01",
        "basis": "区政府关于并村的批复(2024)3号",
        **changes,
    }


async def create_project(doors: SystemUnderTest, village: str) -> Any:
    """A draft of a village's clerk."""
    body = {
        "region": village,
        "name": f"{village}供水工程",
        "category": "3.1.4",
        "year": 2024,
        "total": "500000.00",
        "content": "铺设供水管道5公里",
    }
    return await post_json(doors.service("projects").client_as("village_clerk", village), "/projects", body)


async def test_an_import_takes_a_merged_and_a_renamed_village_for_what_it_is_today(
    admin: httpx.AsyncClient, doors: SystemUnderTest
) -> None:
    await post_json(admin, "/regions/successions", build_merger())
    renamed = build_merger(kind="renamed", former=["620602100202"], code="620602100202", name="新民村委会")
    before = (await get_json(admin, "/regions/620602100202"))["name"]
    await post_json(admin, "/regions/successions", renamed)
    columns = [Column(key, key) for key in ("乡镇", "村", "项目名称", "总投资(万元)")]
    rows = [
        {"乡镇": "黄羊镇", "村": village, "项目名称": f"{village}道路硬化", "总投资(万元)": "10"}
        for village in ("黄羊村", before.removesuffix("委会"), "新民村")
    ]
    line = doors.service("projects").client_as("line_bureau")
    table = build_workbook(columns, rows)
    params: dict[str, str | int] = {"region": DISTRICT, "year": 2024}
    imported = await line.post("/projects/imports", params=params, content=table)
    assert imported.status_code == 202, imported.text
    rows_read = (await get_json(line, "/projects", limit=10, sort="created_at"))["items"]
    seen = sorted(row["region"] for row in rows_read)

    assert seen == [GUANGCHANG, "620602100202", "620602100202"]
    assert (await get_json(admin, f"/regions/{HUANGYANG}"))["merged_into"] == GUANGCHANG
    assert (await get_json(admin, "/regions/620602100202"))["former_names"] == before
    changes = (await get_json(admin, "/regions/successions", region=TOWN))["items"]
    assert {(one["kind"], one["former_name"]) for one in changes} == {
        ("merged", "黄羊村委会"),
        ("renamed", before),
    }


async def test_the_clerk_of_the_new_village_sees_the_records_of_the_old_one(
    admin: httpx.AsyncClient, doors: SystemUnderTest
) -> None:
    anyone = doors.service("identity").anonymous_client()
    grants = [{"role": "village_clerk", "region": GUANGCHANG}]
    await post_json(admin, "/users", build_account(region=GUANGCHANG, grants=grants))
    clerk = bearer_header(await sign_in(anyone, "zhang.san", "Hexi-Corridor-71"))
    await anyone.post(
        "/auth/password", headers=clerk, json={"old": "Hexi-Corridor-71", "new": "Silk-Road-Dunhuang-9"}
    )
    projects = doors.service("projects")
    made = await create_project(doors, HUANGYANG)

    async def read_as_clerk() -> int:
        header = bearer_header(await sign_in(anyone, "zhang.san", "Silk-Road-Dunhuang-9"))
        return (await projects.anonymous_client().get(f"/projects/{made['id']}", headers=header)).status_code

    before = await read_as_clerk()
    await post_json(admin, "/regions/successions", build_merger())

    assert (before, await read_as_clerk()) == (404, 200)


async def test_an_import_right_after_a_merger_knows_it_although_another_has_just_asked(
    admin: httpx.AsyncClient, doors: SystemUnderTest
) -> None:
    clerk = doors.service("assets").client_as("town_officer", TOWN)
    titles = (
        "资产名称",
        "资产类别",
        "子类",
        "乡镇",
        "村",
        "原值(万元)",
        "建成时间",
        "所有权人类型",
        "所有权人",
    )

    async def import_asset(name: str) -> str:
        values = (name, "公益性资产", "农田水利", "黄羊镇", "黄羊村", "12", "2016-08-01", "村集体", "黄羊村")
        table = build_workbook([Column(key, key) for key in titles], [dict(zip(titles, values, strict=True))])
        imported = await clerk.post("/assets/imports", content=table)
        assert imported.json()["created"] == 1, imported.text
        return str((await get_json(clerk, "/assets", q=name))["items"][0]["region"])

    before = await import_asset("一号水窖")
    await post_json(admin, "/regions/successions", build_merger())

    assert (before, await import_asset("二号水窖")) == (HUANGYANG, GUANGCHANG)


async def test_rows_of_a_summary_name_their_place_a_minute_after_a_merger_also_what_it_is_today(
    admin: httpx.AsyncClient, doors: SystemUnderTest, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bureau = doors.service("projects").client_as("bureau")
    for village in (HUANGYANG, GUANGCHANG):
        await create_project(doors, village)

    async def read_rows(region: str) -> dict[str, tuple[str, int]]:
        rows = (await get_json(bureau, "/projects/summary", region=region))["items"]
        return {row["region"]: (row["region_name"], row["count"]) for row in rows}

    new = ("黄羊镇广场村委会", 1)
    before = {HUANGYANG: ("黄羊镇黄羊村委会", 1), GUANGCHANG: new}
    assert await read_rows(TOWN) == before
    await post_json(admin, "/regions/successions", build_merger())
    clock.advance(timedelta(seconds=59))
    assert await read_rows(TOWN) == before
    clock.advance(timedelta(seconds=1))
    merged = {HUANGYANG: ("黄羊镇黄羊村委会(今黄羊镇广场村委会)", 1), GUANGCHANG: new}
    assert await read_rows(TOWN) == merged
    assert await read_rows(DISTRICT) == {TOWN: ("黄羊镇", 2)}
    clock.advance(timedelta(minutes=2))
    monkeypatch.delitem(doors.apps, "identity")
    assert await read_rows(TOWN) == merged


async def test_rows_of_a_city_have_names_and_without_the_identity_service_none(
    doors: SystemUnderTest, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_project(doors, HUANGYANG)
    city = doors.service("projects").client_as("bureau", "620600000000")

    async def read_names() -> list[str]:
        rows = (await get_json(city, "/projects/summary", region="620600000000"))["items"]
        return [row["region_name"] for row in rows]

    with monkeypatch.context() as patched:
        patched.delitem(doors.apps, "identity")
        assert await read_names() == [""]
    clock.advance(timedelta(seconds=10))
    assert await read_names() == ["凉州区"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"effective_on": "2024-06-01"}, 422),
        ({"former": [GUANGCHANG]}, 422),
        ({"former": [TOWN]}, 422),
        ({"former": ["620602199299"]}, 404),
        ({"kind": "renamed"}, 422),
        ({"code": "632323100200"}, 404),
    ],
)
async def test_a_change_that_cannot_be_is_refused(
    doors: SystemUnderTest, changes: dict[str, Any], status: int
) -> None:
    admin = doors.service("identity").client_as("admin", DISTRICT)
    await post_json(admin, "/regions/successions", build_merger(**changes), status)


async def test_a_region_is_merged_once_and_chains_lead_to_the_last(admin: httpx.AsyncClient) -> None:
    await post_json(admin, "/regions/successions", build_merger())
    await post_json(admin, "/regions/successions", build_merger(), 409)
    await post_json(admin, "/regions/successions", build_merger(former=[GUANGCHANG], code="620602100202"))

    assert (await get_json(admin, f"/regions/{HUANGYANG}"))["merged_into"] == "620602100202"
