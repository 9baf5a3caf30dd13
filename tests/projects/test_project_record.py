"""The project record: fields, validation, search and edits."""

from typing import Any
from uuid import uuid4

import pytest

from shared.db import new_id
from tests.projects.factories_projects import ProjectScenario, build_project, expect_success


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"money": [{"kind": "central", "amount": "1.00"}]}, "/money", "not_the_sum"),
        (
            {
                "money": [
                    {"kind": "central", "amount": "600000.00"},
                    {"kind": "central", "amount": "600000.00"},
                ]
            },
            "/money",
            "twice",
        ),
        ({"poor_people": 431}, "/poor_people", "part_above_whole"),
        ({"poor_households": 121}, "/poor_households", "part_above_whole"),
        ({"households": 431, "poor_households": 0}, "/households", "part_above_whole"),
        ({"planned_end": "2024-07-31"}, "/planned_end", "before_start"),
        ({"places": [{"region": "620623100000"}]}, "/places/0/region", "other_district"),
        ({"category": "1.1.99"}, "/category", "no_category"),
        ({"year": 2022, "category": "1.6.1"}, "/category", "no_category"),
        ({"counts_as_industry": False}, "/industry_reason", "no_reason"),
        ({"parent_id": str(new_id())}, "/parent_id", "no_parent"),
        ({"happened_at": "2024-05-21T09:00:00+08:00"}, "/happened_at", "in_the_future"),
    ],
)
async def test_inconsistent_fields_are_refused_by_pointer(
    scenario: ProjectScenario, changes: dict[str, Any], pointer: str, code: str
) -> None:
    answer = await scenario.clerk.post("/projects", json=build_project(**changes))
    assert answer.status_code == 422, answer.text
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]


@pytest.mark.parametrize(
    "changes",
    [
        {"total": 1200000},
        {"total": "0.00"},
        {"year": 1999},
        {"people": -1},
        {"name": "一"},
        {"category": "９.1"},
        {"leader_phone": "12345"},
        {"places": [{"region": "620602100201", "point": {"lon": 0, "lat": 0, "datum": "wgs84"}}]},
        {"places": [{"region": "620602100201", "point": {"lon": 102.9, "lat": 37.6}}]},
        {"money": [{"kind": "magic", "amount": "1.00"}]},
    ],
)
async def test_wrong_input_is_422_with_a_pointer(scenario: ProjectScenario, changes: dict[str, Any]) -> None:
    answer = await scenario.clerk.post("/projects", json=build_project(**changes))
    assert answer.status_code == 422
    (name,) = changes
    assert answer.json()["errors"][0]["pointer"].startswith(f"/{name}")


async def test_a_record_is_returned_as_written(scenario: ProjectScenario) -> None:
    body = build_project()
    created = expect_success(await scenario.clerk.post("/projects", json=body))
    project = expect_success(await scenario.clerk.get(f"/projects/{created['id']}"))
    for name in set(body) - {"leader_phone", "places", "money", "targets", "quantities"}:
        assert project[name] == body[name], name
    assert project["leader_phone"] == "138****1234"
    assert project["origin"] == "village"
    assert project["counts_as_industry"] is True
    assert project["places"] == [{"region": scenario.village, "address": "三组", "lon": 102.9, "lat": 37.6}]
    assert {(row["kind"], row["amount"]) for row in project["money"]} == {
        ("central", "1000000.00"),
        ("self_raised", "200000.00"),
    }
    assert [target["kind"] for target in project["targets"]] == ["quantity", "satisfaction"]
    assert project["quantities"] == [{"name": "日光温室", "amount": "20", "unit": "座"}]
    assert [item["action"] for item in project["available_actions"]] == ["declare", "withdraw"]


async def test_a_gcj02_place_is_stored_in_wgs84(scenario: ProjectScenario) -> None:
    from shared.china import Datum, from_wgs84

    lon, lat = from_wgs84(102.9, 37.6, Datum.GCJ02)
    place = {"region": scenario.village, "point": {"lon": lon, "lat": lat, "datum": "gcj02"}}
    project = expect_success(await scenario.clerk.post("/projects", json=build_project(places=[place])))
    assert abs(project["lon"] - 102.9) < 1e-6
    assert abs(project["lat"] - 37.6) < 1e-6


async def test_industry_may_differ_from_the_category_with_a_reason(scenario: ProjectScenario) -> None:
    project = await scenario.create_draft(
        category="3.1.2", counts_as_industry=True, industry_reason="通往蔬菜产业园的产业路"
    )
    assert project["counts_as_industry"] is True
    assert project["industry_reason"] == "通往蔬菜产业园的产业路"
    tree = expect_success(await scenario.clerk.get("/projects/categories"))
    categories = {item["code"]: item for item in tree["items"]}
    assert categories["3.1.3"]["counts_as_industry"] is True
    assert categories["3.1.2"]["counts_as_industry"] is False
    assert "1.6.1" in categories
    tree_2022 = expect_success(await scenario.clerk.get("/projects/categories?on=2022-06-01"))
    assert "1.6.1" not in {item["code"] for item in tree_2022["items"]}


async def test_a_repeated_id_creates_one_project(scenario: ProjectScenario) -> None:
    body = build_project(id=str(new_id()))
    first = expect_success(await scenario.clerk.post("/projects", json=body))
    assert expect_success(await scenario.clerk.post("/projects", json=body))["id"] == first["id"]
    assert (await scenario.clerk.post("/projects", json={**body, "name": "另一个项目"})).status_code == 409
    assert len(expect_success(await scenario.clerk.get("/projects"))["items"]) == 1


async def test_a_repeated_idempotency_key_creates_one_project(scenario: ProjectScenario) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first = await scenario.clerk.post("/projects", json=build_project(), headers=key)
    again = await scenario.clerk.post("/projects", json=build_project(), headers=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]


async def test_edits_require_the_current_version(scenario: ProjectScenario) -> None:
    project = await scenario.create_draft()
    address = f"/projects/{project['id']}"
    assert (await scenario.clerk.patch(address, json={"remark": "一"})).status_code == 428
    tag = (await scenario.clerk.get(address)).headers["ETag"]
    expect_success(await scenario.clerk.patch(address, json={"remark": "一"}, headers={"If-Match": tag}))
    assert (
        await scenario.clerk.patch(address, json={"remark": "二"}, headers={"If-Match": tag})
    ).status_code == 412


async def test_after_declaring_only_contact_and_readiness_are_editable(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    address = f"/projects/{project_id}"
    tag = {"If-Match": (await scenario.clerk.get(address)).headers["ETag"]}
    answer = await scenario.clerk.patch(address, json={"total": "1.00", "remark": "x"}, headers=tag)
    assert answer.status_code == 409
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/total"]
    changed = expect_success(
        await scenario.clerk.patch(address, json={"leader_phone": "13900001111"}, headers=tag)
    )
    assert changed["leader_phone"] == "139****1111"
    last = expect_success(await scenario.clerk.get(f"{address}/history"))["items"][-1]
    assert last["after"]["changed"] == {"leader_phone": "已更新"}


async def test_an_edit_publishes_old_and_new_values(scenario: ProjectScenario) -> None:
    project = await scenario.create_draft()
    address = f"/projects/{project['id']}"
    tag = {"If-Match": (await scenario.clerk.get(address)).headers["ETag"]}
    body = {"total": "1100000.00", "money": [{"kind": "central", "amount": "1100000.00"}]}
    expect_success(await scenario.clerk.patch(address, json=body, headers=tag))
    event = expect_success(await scenario.clerk.get(f"{address}/history"))["items"][-1]
    assert (event["before"]["total"], event["after"]["changed"]["total"]) == ("1200000.00", "1100000.00")


async def test_projects_are_found_by_words_pinyin_and_filters(scenario: ProjectScenario) -> None:
    await scenario.create_draft()
    road = await scenario.create_draft(
        name="南安村产业路硬化项目",
        content="硬化道路3.2公里",
        category="3.1.3",
        total="300000.00",
        money=[{"kind": "provincial", "amount": "300000.00"}],
        place="南安村",
        places=[
            {"region": scenario.village, "point": {"lon": 102.5, "lat": 37.9, "datum": "wgs84"}},
            {"region": scenario.village, "point": {"lon": 102.51, "lat": 37.91, "datum": "wgs84"}},
        ],
        planned_end="2024-05-01",
        planned_start="2024-03-01",
    )
    for query in (
        "q=产业路",
        "q=cyl",
        "category=3",
        "category=3.1",
        "source=provincial",
        "amount_to=300000.00",
        "bounds=102.4,37.8,102.6,38.0",
        "year=2024&q=硬化",
    ):
        projects = expect_success(await scenario.town.get(f"/projects?{query}"))["items"]
        assert [row["id"] for row in projects] == [road["id"]], query
    assert (
        len(
            expect_success(
                await scenario.town.get("/projects?category=1&amount_from=1000000.00&stage=admission")
            )["items"]
        )
        == 1
    )
    for query in ("bounds=1,2,3", "bounds=5,0,4,1", "amount_from=1e9", "sort=name", "state=nowhere"):
        assert (await scenario.town.get(f"/projects?{query}")).status_code in {400, 422}, query


async def test_pages_hold_every_project_once(scenario: ProjectScenario) -> None:
    project_ids = {(await scenario.create_draft(name=f"第{n}号项目"))["id"] for n in range(5)}
    listed_ids: list[str] = []
    cursor = ""
    while True:
        page = expect_success(
            await scenario.clerk.get("/projects", params={"limit": 2, "cursor": cursor, "sort": "-total"})
        )
        listed_ids += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"] or ""
        if not cursor:
            break
    assert len(listed_ids) == 5
    assert set(listed_ids) == project_ids


async def test_packages_have_three_levels_and_no_cycle(scenario: ProjectScenario) -> None:
    package = await scenario.create_draft(name="温室项目包")
    project = await scenario.create_draft(name="温室一标段", parent_id=package["id"])
    site = await scenario.create_draft(name="温室一标段三组", parent_id=project["id"])
    answer = await scenario.clerk.post("/projects", json=build_project(parent_id=site["id"]))
    assert answer.json()["errors"][0]["code"] == "too_deep"
    tag = {"If-Match": (await scenario.clerk.get(f"/projects/{package['id']}")).headers["ETag"]}
    answer = await scenario.clerk.patch(
        f"/projects/{package['id']}", json={"parent_id": project["id"]}, headers=tag
    )
    assert answer.json()["errors"][0]["code"] == "circle"


async def test_documents_refer_to_uploaded_files(scenario: ProjectScenario) -> None:
    project = await scenario.create_draft()
    address = f"/projects/{project['id']}/documents"
    answer = await scenario.clerk.post(address, json={"kind": "minutes", "file_id": str(new_id())})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/file_id")
    attachment = await scenario.attach_document(project["id"], "minutes")
    expect_success(
        await scenario.clerk.post(f"{address}/{attachment['id']}/remove", json={"reason": "传错了"})
    )
    assert expect_success(await scenario.clerk.get(address)) == []
    assert expect_success(await scenario.clerk.get(f"/projects/{project['id']}"))["documents"] == []
    other = scenario.projects.client_as("village_clerk", "620602101200")
    assert (await other.get(address)).status_code == 404


async def test_the_summary_adds_up_by_region_stage_and_category(scenario: ProjectScenario) -> None:
    await scenario.create_in_reserve()
    await scenario.create_draft(category="3.1.2", total="0.01", money=[])
    await scenario.create_draft(year=2023)
    summary = expect_success(await scenario.bureau.get("/projects/summary?region=620602000000&year=2024"))
    rows = {(item["region"], item["stage"], item["category"]): item for item in summary["items"]}
    town = scenario.village[:9] + "000"
    assert set(rows) == {(town, "reserve", "1"), (town, "admission", "3")}
    assert rows[town, "reserve", "1"]["total"] == "1200000.00"
    assert rows[town, "admission", "3"]["total"] == "0.01"
    assert (summary["sum"]["count"], summary["sum"]["total"], summary["sum"]["industry_count"]) == (
        2,
        "1200000.01",
        1,
    )
    linked = expect_success(
        await scenario.bureau.get(rows[town, "reserve", "1"]["rows"].removeprefix("/api/v1"))
    )
    assert len(linked["items"]) == 1
    elsewhere = scenario.projects.client_as("town_officer", "620602101000")
    assert expect_success(await elsewhere.get("/projects/summary"))["items"] == []
