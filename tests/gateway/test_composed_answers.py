"""Pages read from several services: the first screen, the overview, the open notice board."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.gateway.home.service import SHORTCUTS, TODO_QUERIES, TodoQuery
from services.gateway.overview.service import HEADLINE_FIGURES
from shared.auth import ROLES, Role
from tests.assets.factories_assets import AssetScenario
from tests.clients import DISTRICT, VILLAGE, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.projects.factories_projects import ProjectScenario, expect_success


@pytest.fixture
def gate(door: Callable[[str], ServiceUnderTest]) -> ServiceUnderTest:
    return door("gateway")


@pytest.fixture
def steps(doors: SystemUnderTest, clock: Clock) -> ProjectScenario:
    return ProjectScenario(doors, clock)


def find_role_with(waiting: TodoQuery) -> str:
    return next(str(role) for role in Role if waiting.may in ROLES[role] and role is not Role.SERVICE)


@pytest.mark.parametrize("waiting", TODO_QUERIES, ids=lambda one: one.key)
async def test_every_line_of_the_inbox_is_a_list_that_can_be_counted(
    gate: ServiceUnderTest, waiting: TodoQuery
) -> None:
    client = gate.client_as(find_role_with(waiting))
    found = expect_success(await client.get(f"{waiting.path}?{waiting.query}&count=exact&limit=1"))
    assert found["total"] == 0


def test_shortcuts_lead_to_addresses_that_exist(doors: SystemUnderTest) -> None:
    for one in SHORTCUTS:
        paths = doors.apps[one.service].openapi()["paths"]
        assert one.method.lower() in paths[f"/api/v1{one.path}"], one


async def test_the_first_screen_counts_what_waits_for_this_role_in_this_region(
    gate: ServiceUnderTest, steps: ProjectScenario
) -> None:
    await steps.create_draft()
    await steps.create_draft()
    await steps.create_in_review()

    clerk = expect_success(await gate.client_as("village_clerk", steps.village).get("/home"))
    town = expect_success(await gate.client_as("town_officer", steps.village[:9] + "000").get("/home"))
    neighbour = expect_success(await gate.client_as("village_clerk", "620602101201").get("/home"))

    assert {one["label"]: one["count"] for one in clerk["inbox"]} == {"项目草稿": 2}
    assert {one["label"]: one["count"] for one in town["inbox"]} == {"项目草稿": 2, "待镇级审核的项目": 1}
    assert (neighbour["inbox"], neighbour["waiting"]) == ([], 0)
    review = next(one for one in town["inbox"] if one["label"] == "待镇级审核的项目")
    rows = expect_success(await gate.client_as("town_officer").get(review["rows"].removeprefix("/api/v1")))
    assert len(rows["items"]) == review["count"]


async def test_the_first_screen_offers_what_the_role_may_start(gate: ServiceUnderTest) -> None:
    cadre = expect_success(await gate.client_as("cadre").get("/home"))
    admin = expect_success(await gate.client_as("admin", "000000000000").get("/home"))
    assert "打卡" in [one["label"] for one in cadre["shortcuts"]]
    assert [one["label"] for one in admin["shortcuts"]] == ["管理账号"]
    assert admin["inbox"] == []


async def test_the_first_screen_names_a_service_that_is_down_and_shows_the_rest(
    gate: ServiceUnderTest, steps: ProjectScenario, doors: SystemUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await steps.create_draft()
    monkeypatch.delitem(doors.apps, "funds")
    found = expect_success(await gate.client_as("bureau").get("/home"))
    assert [one["service"] for one in found["missing"]] == ["funds"]
    assert found["missing"][0]["label"] == "资金服务"
    assert [one["label"] for one in found["inbox"]] == ["项目草稿"]


async def test_nobody_has_a_first_screen_without_login(gate: ServiceUnderTest) -> None:
    assert (await gate.anonymous_client().get("/home")).status_code == 401


async def test_every_headline_stands_in_its_summary(gate: ServiceUnderTest) -> None:
    found = expect_success(
        await gate.client_as("bureau").get("/overview", params={"region": DISTRICT, "year": 2024})
    )
    assert [one["key"] for one in found["headlines"]] == [one.key for one in HEADLINE_FIGURES]
    assert found["missing"] == found["withheld"] == []
    for one in found["headlines"]:
        assert (await gate.client_as("bureau").get(one["source"].removeprefix("/api/v1"))).status_code == 200


async def test_the_overview_says_what_a_role_may_not_see_and_what_is_down(
    gate: ServiceUnderTest, doors: SystemUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(doors.apps, "assets")
    found = expect_success(await gate.client_as("finance").get("/overview"))
    assert (found["region"], found["year"]) == (DISTRICT, 2024)
    assert [one["service"] for one in found["missing"]] == ["assets"]
    assert [one["service"] for one in found["withheld"]] == ["attendance"]
    assert found["funds"]["figures"]["received"] == "0.00"
    assert found["assets"] is None


async def test_the_overview_of_another_region_is_not_there(gate: ServiceUnderTest) -> None:
    answer = await gate.client_as("town_officer").get(
        "/overview", params={"region": "620602101000", "year": 2024}
    )
    assert answer.status_code == 404


async def create_notices(steps: ProjectScenario, world: AssetScenario, clock: Clock) -> None:
    """Seven notices of two services, some on the same day."""
    for number in range(4):
        project = await steps.create_declared(name=f"新店村第{number}号水渠")
        await steps.post_notice(steps.clerk, project, "village", wait=False)
        clock.advance(timedelta(days=number % 2))
    for number in range(3):
        asset = await world.create_registered_asset(name=f"新店村第{number}号道路")
        posted = {"level": "rights", "places": ["村务公开栏"], "starts_on": str(world.today())}
        expect_success(await world.bureau.post(f"/assets/{asset['id']}/notices", json=posted))
        clock.advance(timedelta(days=1))


async def test_the_open_board_merges_all_services_and_pages_without_gap_or_repeat(
    gate: ServiceUnderTest,
    steps: ProjectScenario,
    doors: SystemUnderTest,
    door: Callable[[str], ServiceUnderTest],
    clock: Clock,
) -> None:
    await create_notices(steps, AssetScenario(doors, door("assets")), clock)
    client = gate.anonymous_client()
    single = []
    for name in ("projects", "assets", "funds"):
        answer = await client.get(f"/{name}/public-notices")
        single += answer.json().get("items", [])
    assert len(single) == 7

    paged: list[dict[str, Any]] = []
    cursor, pages = "", 0
    while pages == 0 or cursor:
        page = expect_success(await client.get("/public/notices", params={"limit": 2, "cursor": cursor}))
        assert len(page["items"]) <= 2
        paged, cursor, pages = paged + page["items"], page["next_cursor"] or "", pages + 1

    assert paged == sorted(single, key=lambda one: (one["starts_on"], one["id"]), reverse=True)
    assert pages == 4
    assert {one["service"] for one in paged} == {"projects", "assets"}
    one = paged[0]
    assert expect_success(await client.get(f"/public/notices/{one['service']}/{one['id']}")) == one


async def test_the_open_board_narrows_by_region_and_day_and_names_what_is_down(
    gate: ServiceUnderTest,
    steps: ProjectScenario,
    doors: SystemUnderTest,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = await steps.create_declared()
    await steps.post_notice(steps.clerk, project, "village", wait=False)
    client = gate.anonymous_client()
    here = expect_success(await client.get("/public/notices", params={"region": VILLAGE[:9] + "000"}))
    elsewhere = expect_success(await client.get("/public/notices", params={"region": "620602101000"}))
    past = expect_success(await client.get("/public/notices", params={"on": "2020-01-01"}))
    assert (len(here["items"]), len(elsewhere["items"]), len(past["items"])) == (1, 0, 0)

    monkeypatch.delitem(doors.apps, "funds")
    found = expect_success(await client.get("/public/notices"))
    assert len(found["items"]) == 1
    assert [one["label"] for one in found["missing"]] == ["资金服务"]


@pytest.mark.parametrize("cursor", ["x", "MjAyNHx4", "%00"])
async def test_a_cursor_that_is_none_is_refused(gate: ServiceUnderTest, cursor: str) -> None:
    answer = await gate.anonymous_client().get("/public/notices", params={"cursor": cursor})
    assert answer.status_code == 400


async def test_boards_that_do_not_exist_are_not_found(gate: ServiceUnderTest) -> None:
    answer = await gate.anonymous_client().get(
        "/public/notices/identity/01890000-0000-7000-8000-000000000001"
    )
    assert answer.status_code == 404
