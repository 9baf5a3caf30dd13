"""Merged and renamed villages: imports know the old names, who works in the new village sees the records of the old."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.projects.summary.service import fold_totals
from shared.spreadsheets import Column, build_workbook
from tests.attendance.factories_attendance import get_json, post_json
from tests.clients import DISTRICT, TOWN, SystemUnderTest
from tests.conftest import Clock

HUANGYANG, GUANGCHANG = "620602100200", "620602100201"
WUNAN, WUNAN_TOWN = "620602101200", "620602101000"


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
    line = doors.service("projects").client_as("line_bureau")
    columns = [Column(key, key) for key in ("乡镇", "村", "项目名称", "总投资(万元)")]

    async def send(*rows: tuple[str, str]) -> list[dict[str, Any]]:
        """The results of a table of projects in these villages, by row."""
        table = build_workbook(
            columns,
            [
                {"乡镇": "黄羊镇", "村": village, "项目名称": name, "总投资(万元)": "10"}
                for village, name in rows
            ],
        )
        params: dict[str, str | int] = {"region": DISTRICT, "year": 2024}
        imported = await line.post("/projects/imports", params=params, content=table)
        assert imported.status_code == 202, imported.text
        return list((await get_json(line, f"/projects/imports/{imported.json()['id']}/rows"))["items"])

    before = (await get_json(admin, "/regions/620602100202"))["name"]
    (first,) = await send(("黄羊村", "黄羊村道路硬化"))
    await doors.merge_regions(HUANGYANG, GUANGCHANG)
    renamed = build_merger(kind="renamed", former=["620602100202"], code="620602100202", name="新民村委会")
    await post_json(admin, "/regions/successions", renamed)
    again, lamps, old_name, new_name = await send(
        ("黄羊村", "黄羊村道路硬化"),
        ("黄羊村", "黄羊村路灯"),
        (before.removesuffix("委会"), "旧名道路硬化"),
        ("新民村", "新名道路硬化"),
    )

    assert (again["project_id"], again["already"], again["differs"]) == (first["project_id"], True, [])
    assert ["今为" in "".join(row["notes"]) for row in (first, lamps, old_name, new_name)] == [
        False, True, True, False,
    ]  # fmt: skip
    rows_read = (await get_json(line, "/projects", limit=10))["items"]
    assert sorted(row["region"] for row in rows_read) == [
        HUANGYANG, GUANGCHANG, "620602100202", "620602100202",
    ]  # fmt: skip
    assert (await get_json(admin, f"/regions/{HUANGYANG}"))["merged_into"] == GUANGCHANG
    assert (await get_json(admin, "/regions/620602100202"))["former_names"] == before
    changes = (await get_json(admin, "/regions/successions", region=TOWN))["items"]
    assert {(one["kind"], one["former_name"]) for one in changes} == {
        ("merged", "黄羊村委会"),
        ("renamed", before),
    }


async def test_the_clerk_of_the_new_village_sees_and_acts_on_the_records_of_the_old_one(
    doors: SystemUnderTest,
) -> None:
    made = await create_project(doors, HUANGYANG)
    clerk = doors.service("projects").client_as("village_clerk", GUANGCHANG)
    address = f"/projects/{made['id']}"
    before = await clerk.get(address)
    await doors.merge_regions(HUANGYANG, GUANGCHANG)
    tag = {"If-Match": (await clerk.get(address)).headers["etag"]}
    changed = await clerk.patch(address, json={"name": "黄羊村供水工程"}, headers=tag)

    assert (before.status_code, changed.status_code) == (404, 200), changed.text
    assert [one["name"] for one in (await get_json(clerk, "/projects"))["items"]] == ["黄羊村供水工程"]
    assert changed.json()["region"] == HUANGYANG


async def test_an_import_right_after_a_merger_knows_it_and_repeats_nothing(doors: SystemUnderTest) -> None:
    clerk = doors.service("assets").client_as("town_officer", TOWN)
    titles = (
        "资产名称",
        "资产类别",
        "子类",
        "坐落代码",
        "乡镇",
        "村",
        "原值(万元)",
        "建成时间",
        "所有权人类型",
        "所有权人",
    )

    async def send(name: str, *place: str) -> httpx.Response:
        values = (name, "公益性资产", "农田水利", *place, "12", "2016-08-01", "村集体", "黄羊村")
        table = build_workbook([Column(key, key) for key in titles], [dict(zip(titles, values, strict=True))])
        return await clerk.post("/assets/imports", content=table)

    async def import_asset(name: str, *place: str) -> str:
        imported = await send(name, *place)
        assert imported.json()["created"] == 1, imported.text
        return str((await get_json(clerk, "/assets", q=name))["items"][0]["region"])

    village = ("", "黄羊镇", "黄羊村")
    before = await import_asset("一号水窖", *village)
    await doors.merge_regions(HUANGYANG, GUANGCHANG)

    assert (before, await import_asset("二号水窖", *village)) == (HUANGYANG, GUANGCHANG)
    assert await import_asset("三号水窖", HUANGYANG, "", "") == GUANGCHANG
    assert not (await send("一号水窖", *village)).json().get("created"), "known under the former code"


async def test_projects_stand_under_the_new_village_from_the_merger_on(doors: SystemUnderTest) -> None:
    bureau = doors.service("projects").client_as("bureau")
    for village in (HUANGYANG, GUANGCHANG):
        await create_project(doors, village)

    async def read_rows(region: str) -> dict[str, tuple[str, int]]:
        summary = await get_json(bureau, "/projects/summary", region=region)
        for row in summary["items"]:
            listed = (await get_json(bureau, row["rows"].removeprefix("/api/v1")))["items"]
            assert len(listed) == row["count"], row
        assert summary["sum"]["count"] == sum(row["count"] for row in summary["items"])
        return {row["region"]: (row["region_name"], row["count"]) for row in summary["items"]}

    new = "黄羊镇广场村委会"
    assert await read_rows(TOWN) == {HUANGYANG: ("黄羊镇黄羊村委会", 1), GUANGCHANG: (new, 1)}
    await doors.merge_regions(HUANGYANG, GUANGCHANG)
    assert await read_rows(TOWN) == {GUANGCHANG: (new, 2)}
    assert await read_rows(GUANGCHANG) == {GUANGCHANG: (new, 2)}
    assert await read_rows(DISTRICT) == {TOWN: ("黄羊镇", 2)}
    assert len((await get_json(bureau, "/projects", region=GUANGCHANG))["items"]) == 2
    assert len((await get_json(bureau, "/projects", region=HUANGYANG))["items"]) == 1, (
        "the history of the old one"
    )


async def test_a_village_merged_into_another_town_counts_there_and_no_more_in_its_own(
    doors: SystemUnderTest,
) -> None:
    bureau = doors.service("projects").client_as("bureau")
    for village in (HUANGYANG, WUNAN):
        await create_project(doors, village)
    await fold_totals(doors.service("projects").context)

    async def read_counts(region: str) -> dict[str, int]:
        rows = (await get_json(bureau, "/projects/summary", region=region))["items"]
        return {row["region"]: row["count"] for row in rows}

    before = [await read_counts(DISTRICT), await read_counts(TOWN), await read_counts(WUNAN_TOWN)]
    await doors.merge_regions(HUANGYANG, WUNAN)
    assert before == [{TOWN: 1, WUNAN_TOWN: 1}, {HUANGYANG: 1}, {WUNAN: 1}]
    after = [await read_counts(DISTRICT), await read_counts(TOWN), await read_counts(WUNAN_TOWN)]
    assert after == [{WUNAN_TOWN: 2}, {}, {WUNAN: 2}]


async def test_names_follow_after_a_minute_and_stay_while_the_identity_service_is_away(
    admin: httpx.AsyncClient, doors: SystemUnderTest, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bureau = doors.service("projects").client_as("bureau")
    await create_project(doors, HUANGYANG)

    async def read_name() -> str:
        (row,) = (await get_json(bureau, "/projects/summary", region=TOWN))["items"]
        return str(row["region_name"])

    before = await read_name()
    renamed = build_merger(kind="renamed", former=[HUANGYANG], code=HUANGYANG, name="黄羊新村委会")
    await post_json(admin, "/regions/successions", renamed)
    clock.advance(timedelta(seconds=59))
    assert await read_name() == before == "黄羊镇黄羊村委会"
    clock.advance(timedelta(seconds=1))
    assert await read_name() == "黄羊镇黄羊新村委会"
    clock.advance(timedelta(minutes=2))
    monkeypatch.delitem(doors.apps, "identity")
    assert await read_name() == "黄羊镇黄羊新村委会"


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
