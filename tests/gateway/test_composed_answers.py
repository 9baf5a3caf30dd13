"""Pages composed from several services: home, overview, public notices."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.assets.factories_assets import AssetScenario
from tests.clients import DISTRICT, VILLAGE, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.projects.factories_projects import ProjectScenario, expect_success

HEADLINE_KEYS = (
    "received",
    "allocated",
    "paid",
    "paid_percent",
    "industry_percent",
    "projects",
    "investment",
    "settled",
    "blocked",
    "assets",
    "asset_value",
    "asset_net",
    "assets_disposed",
    "confirmed_percent",
    "difference",
    "cadres",
    "visits",
    "deeds_done",
    "households_identified",
    "households_monitored",
    "households_removed",
    "households_helpless",
    "rectification_items",
    "rectification_closed",
    "rectification_overdue",
    "work_targets",
    "work_targets_behind",
    "work_targets_unexplained",
    "project_alerts",
    "project_alerts_late",
    "fund_alerts",
    "fund_alerts_late",
    "asset_alerts",
    "asset_alerts_late",
    "rectification_alerts",
    "household_alerts",
)


@pytest.fixture
def gate(door: Callable[[str], ServiceUnderTest]) -> ServiceUnderTest:
    return door("gateway")


@pytest.fixture
def steps(doors: SystemUnderTest, clock: Clock) -> ProjectScenario:
    return ProjectScenario(doors, clock)


async def test_home_counts_the_todos_of_the_role_in_its_region(
    gate: ServiceUnderTest, steps: ProjectScenario
) -> None:
    await steps.create_draft()
    await steps.create_draft()
    await steps.create_in_review()

    clerk = expect_success(await gate.client_as("village_clerk", steps.village).get("/home"))
    town = expect_success(await gate.client_as("town_officer", steps.village[:9] + "000").get("/home"))
    neighbour = expect_success(await gate.client_as("village_clerk", "620602101201").get("/home"))

    assert {item["label"]: item["count"] for item in clerk["inbox"]} == {"项目草稿": 2}
    assert {item["label"]: item["count"] for item in town["inbox"]} == {"待镇级审核的项目": 1}
    assert (neighbour["inbox"], neighbour["waiting"]) == ([], 0)
    review = next(item for item in town["inbox"] if item["label"] == "待镇级审核的项目")
    rows = expect_success(await gate.client_as("town_officer").get(review["rows"].removeprefix("/api/v1")))
    assert len(rows["items"]) == review["count"]


async def test_home_offers_the_shortcuts_of_the_role(gate: ServiceUnderTest) -> None:
    cadre = expect_success(await gate.client_as("cadre").get("/home"))
    admin = expect_success(await gate.client_as("admin", "000000000000").get("/home"))
    assert "打卡" in [shortcut["label"] for shortcut in cadre["shortcuts"]]
    assert [shortcut["label"] for shortcut in admin["shortcuts"]] == ["管理账号", "待确认的授权"]
    assert admin["inbox"] == []


async def test_home_names_an_unavailable_service_and_shows_the_rest(
    gate: ServiceUnderTest, steps: ProjectScenario, doors: SystemUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await steps.create_in_review()
    monkeypatch.delitem(doors.apps, "funds")
    home = expect_success(await gate.client_as("town_officer").get("/home"))
    assert [part["service"] for part in home["missing"]] == ["funds"]
    assert home["missing"][0]["label"] == "资金服务"
    assert [item["label"] for item in home["inbox"]] == ["待镇级审核的项目"]


async def test_home_requires_sign_in(gate: ServiceUnderTest) -> None:
    assert (await gate.anonymous_client().get("/home")).status_code == 401


async def test_every_headline_stands_in_its_summary(gate: ServiceUnderTest) -> None:
    overview = expect_success(
        await gate.client_as("bureau").get("/overview", params={"region": DISTRICT, "year": 2024})
    )
    assert [headline["key"] for headline in overview["headlines"]] == list(HEADLINE_KEYS)
    assert overview["missing"] == overview["withheld"] == []
    for headline in overview["headlines"]:
        path = headline["source"].removeprefix("/api/v1")
        assert (await gate.client_as("bureau").get(path)).status_code == 200


async def test_figures_of_the_overview_are_read_as_papers_write_them_and_compared(
    gate: ServiceUnderTest, steps: ProjectScenario
) -> None:
    await steps.create_draft(year=2023, total="300000.00", money=[])
    await steps.create_draft(year=2024, total="1234567.00", money=[])

    def by_key(overview: Any) -> dict[str, Any]:
        return {headline["key"]: headline for headline in overview["headlines"]}

    district = expect_success(await gate.client_as("bureau").get("/overview?year=2024"))
    village = expect_success(await gate.client_as("bureau").get(f"/overview?year=2024&region={VILLAGE}"))
    investment, rate = by_key(district)["investment"], by_key(village)["paid_percent"]

    assert (district["region_name"], village["region_name"]) == ("凉州区", "广场村委会")
    assert (investment["value"], investment["shown"], investment["last_year"]) == (
        "1234567.00",
        "123.4567 万元",
        "300000.00",
    )
    assert by_key(district)["projects"]["shown"] == "1 个"
    assert by_key(district)["assets"]["last_year"] is None, "assets are all that there are"
    assert (rate["district"], by_key(district)["paid_percent"]["district"]) == (
        by_key(district)["paid_percent"]["value"],
        None,
    )
    assert investment["towns"] is None, "only rates have an average"


async def test_a_rate_stands_beside_the_average_of_the_towns(
    gate: ServiceUnderTest, doors: SystemUnderTest
) -> None:
    scenario = AssetScenario(doors, doors.service("assets"))
    await scenario.create_registered_asset()
    await scenario.create_confirmed_asset(name="已确权的水渠")
    bureau = gate.client_as("bureau")

    for region in (DISTRICT, VILLAGE):
        overview = expect_success(await bureau.get(f"/overview?year=2024&region={region}"))
        rates = {one["key"]: one["towns"] for one in overview["headlines"] if one["unit"] == "%"}
        assert rates == {"confirmed_percent": "50.0"} | dict.fromkeys(set(rates) - {"confirmed_percent"})


async def test_the_overview_names_forbidden_and_unavailable_parts(
    gate: ServiceUnderTest, doors: SystemUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(doors.apps, "assets")
    overview = expect_success(await gate.client_as("finance").get("/overview"))
    assert (overview["region"], overview["year"]) == (DISTRICT, 2024)
    assert [part["service"] for part in overview["missing"]] == ["assets"]
    assert [part["service"] for part in overview["withheld"]] == ["attendance", "households"]
    assert overview["funds"]["figures"]["received"] == "0.00"
    assert overview["assets"] is None


async def test_the_overview_of_another_region_is_not_found(gate: ServiceUnderTest) -> None:
    answer = await gate.client_as("town_officer").get(
        "/overview", params={"region": "620602101000", "year": 2024}
    )
    assert answer.status_code == 404


async def create_notices(steps: ProjectScenario, world: AssetScenario, clock: Clock) -> None:
    """Post seven notices in two services, some of them on the same day."""
    for number in range(4):
        project = await steps.create_declared(name=f"新店村第{number}号水渠")
        await steps.post_notice(steps.clerk, project, "village", wait=False)
        clock.advance(timedelta(days=number % 2))
    for number in range(3):
        asset = await world.create_registered_asset(name=f"新店村第{number}号道路")
        notice = {"level": "rights", "places": ["村务公开栏"], "starts_on": str(world.today())}
        expect_success(await world.bureau.post(f"/assets/{asset['id']}/notices", json=notice))
        clock.advance(timedelta(days=1))


async def test_public_notices_of_all_services_are_paged_without_gap_or_repeat(
    gate: ServiceUnderTest,
    steps: ProjectScenario,
    doors: SystemUnderTest,
    door: Callable[[str], ServiceUnderTest],
    clock: Clock,
) -> None:
    await create_notices(steps, AssetScenario(doors, door("assets")), clock)
    client = gate.anonymous_client()
    unmerged = []
    for name in ("projects", "assets", "funds"):
        answer = await client.get(f"/{name}/public-notices")
        unmerged += answer.json().get("items", [])
    assert len(unmerged) == 7

    paged: list[dict[str, Any]] = []
    cursor, pages = "", 0
    while pages == 0 or cursor:
        page = expect_success(await client.get("/public/notices", params={"limit": 2, "cursor": cursor}))
        assert len(page["items"]) <= 2
        paged, cursor, pages = paged + page["items"], page["next_cursor"] or "", pages + 1

    assert paged == sorted(unmerged, key=lambda notice: (notice["starts_on"], notice["id"]), reverse=True)
    assert pages == 4
    assert {notice["service"] for notice in paged} == {"projects", "assets"}
    notice = paged[0]
    path = f"/public/notices/{notice['service']}/{notice['id']}"
    detail = expect_success(await client.get(path))
    assert {name: detail[name] for name in notice} == notice


async def test_public_notices_are_filtered_by_region_and_day_and_name_an_unavailable_service(
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
    page = expect_success(await client.get("/public/notices"))
    assert len(page["items"]) == 1
    assert [part["label"] for part in page["missing"]] == ["资金服务"]


@pytest.mark.parametrize("cursor", ["x", "MjAyNHx4", "%00"])
async def test_an_invalid_cursor_is_refused(gate: ServiceUnderTest, cursor: str) -> None:
    answer = await gate.anonymous_client().get("/public/notices", params={"cursor": cursor})
    assert answer.status_code == 400


async def test_notices_of_a_service_without_notices_are_not_found(gate: ServiceUnderTest) -> None:
    answer = await gate.anonymous_client().get(
        "/public/notices/identity/01890000-0000-7000-8000-000000000001"
    )
    assert answer.status_code == 404
