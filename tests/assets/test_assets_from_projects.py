"""Drafts created from accepted projects, coverage and reconciliation of projects."""

from datetime import UTC, date, datetime
from uuid import uuid4

from shared.clients.assets import AssetsClient
from tests.assets.factories_assets import AssetScenario


async def test_an_acceptance_creates_one_draft_per_built_item(scenario: AssetScenario) -> None:
    built = [
        {
            "name": "产业道路",
            "asset_class": "public",
            "subclass": "道路交通",
            "quantity": "3.2",
            "unit": "公里",
            "value": "900000.00",
        },
        {"name": "机井泵房", "asset_class": "公益性", "subclass": "irrigation"},
    ]
    project = await scenario.deliver_project_accepted(built=built)
    drafts = (await scenario.clerk.get("/assets", params={"project_id": str(project)})).json()["items"]
    by_name = {item["name"]: item for item in drafts}
    assert set(by_name) == {"产业道路", "机井泵房"}
    road, well = by_name["产业道路"], by_name["机井泵房"]
    assert (road["state"], road["subclass"], road["original_value"]) == ("draft", "road", "900000.00")
    assert (well["subclass"], well["original_value"]) == ("irrigation", "300000.00")
    assert road["project_name"] == "新店村产业道路建设项目"
    assert (road["built_on"], road["year"], road["builder"]) == ("2024-03-01", 2024, "黄羊镇人民政府")


async def test_a_repeated_acceptance_creates_no_second_draft(scenario: AssetScenario) -> None:
    project = await scenario.deliver_project_accepted()
    await scenario.deliver_project_accepted(project_id=project, version=10)
    drafts = (await scenario.clerk.get("/assets", params={"project_id": str(project)})).json()["items"]
    assert len(drafts) == 1
    assert drafts[0]["original_value"] == "1200000.00"


async def test_a_project_without_built_items_becomes_one_asset_of_its_class(scenario: AssetScenario) -> None:
    kinds = {}
    for category, household in (
        ("1.1.1", False),
        ("1.3.1", False),
        ("1.1.1", True),
    ):
        project = await scenario.deliver_project_accepted(category=category, household=household)
        (draft,) = (await scenario.clerk.get("/assets", params={"project_id": str(project)})).json()["items"]
        kinds[category, household] = (draft["asset_class"], draft["owner_kind"])
    assert kinds == {
        ("1.1.1", False): ("operating", "unknown"),
        ("1.3.1", False): ("public", "unknown"),
        ("1.1.1", True): ("household", "household"),
    }


async def test_two_built_items_without_a_value_get_zero(scenario: AssetScenario) -> None:
    built = [{"name": "桥梁", "asset_class": "public"}, {"name": "涵洞", "asset_class": "public"}]
    project = await scenario.deliver_project_accepted(built=built)
    drafts = (await scenario.clerk.get("/assets", params={"project_id": str(project)})).json()["items"]
    assert [item["original_value"] for item in drafts] == ["0.00", "0.00"]


async def test_coverage_follows_the_register(scenario: AssetScenario) -> None:
    project = await scenario.deliver_project_accepted(
        built=[{"name": "道路", "asset_class": "public", "subclass": "road", "value": "1200000.00"}]
    )
    address = f"/assets/coverage/{project}"
    empty = (await scenario.bureau.get(f"/assets/coverage/{uuid4()}")).json()
    assert (empty["drafts"], empty["registered"], empty["registered_value"]) == (0, 0, "0.00")
    assert (await scenario.bureau.get(address)).json()["drafts"] == 1
    (draft,) = (await scenario.clerk.get("/assets", params={"project_id": str(project)})).json()["items"]
    tag = (await scenario.clerk.get(f"/assets/{draft['id']}")).headers["ETag"]
    body = {"owner_kind": "village", "owner_name": "新店村股份经济合作社"}
    await scenario.clerk.patch(f"/assets/{draft['id']}", json=body, headers={"If-Match": tag})
    await scenario.transition_asset_ok(scenario.clerk, draft["id"], "register")
    coverage = (await scenario.bureau.get(address)).json()
    assert (coverage["drafts"], coverage["registered"], coverage["registered_value"]) == (0, 1, "1200000.00")
    peer = scenario.service.context.unit_of_work(None).service_client("assets")  # type: ignore[arg-type]
    assert (await AssetsClient(peer).get_coverage(project)).registered_value == 120000000


async def test_a_handover_publishes_its_event(scenario: AssetScenario) -> None:
    asset = await scenario.create_handed_over_asset()
    events = (await scenario.bureau.get("/assets/events", params={"types": "asset.handed_over"})).json()[
        "items"
    ]
    assert [(item["subject"], item["after"]["original_value"]) for item in events] == [
        (asset["id"], "500000.00")
    ]


async def test_an_older_project_event_changes_nothing(scenario: AssetScenario) -> None:
    project = uuid4()
    await scenario.deliver_project_moved(project, "accepted", version=9, name="新名")
    await scenario.deliver_project_moved(project, "completed", version=8, name="旧名")
    asset = await scenario.create_asset(project_id=str(project))
    assert asset["project_name"] == "新名"


async def test_a_summary_adds_up_and_is_reconciled_with_settled_cost(scenario: AssetScenario) -> None:
    project = await scenario.deliver_project_accepted(
        built=[{"name": "道路", "asset_class": "public", "subclass": "road", "value": "1000000.00"}]
    )
    (draft,) = (await scenario.clerk.get("/assets", params={"project_id": str(project)})).json()["items"]
    tag = (await scenario.clerk.get(f"/assets/{draft['id']}")).headers["ETag"]
    owner = {"owner_kind": "town", "owner_name": "黄羊镇人民政府"}
    await scenario.clerk.patch(f"/assets/{draft['id']}", json=owner, headers={"If-Match": tag})
    await scenario.transition_asset_ok(scenario.clerk, draft["id"], "register")
    await scenario.create_registered_asset(
        name="扶贫车间", asset_class="operating", subclass="workshop", original_value="0.01"
    )
    await scenario.create_asset(name="只是草稿")
    summary = (await scenario.bureau.get("/assets/summary", params={"region": "620602000000"})).json()
    assert (summary["count"], summary["value"], summary["confirmed_percent"]) == (2, "1000000.01", "0.0")
    parts = {
        (name, item["key"]): (item["count"], item["value"])
        for name in ("by_class", "by_owner", "by_state", "by_use")
        for item in summary[name]
    }
    assert parts == {
        ("by_class", "public"): (1, "1000000.00"),
        ("by_class", "operating"): (1, "0.01"),
        ("by_owner", "town"): (1, "1000000.00"),
        ("by_owner", "village"): (1, "0.01"),
        ("by_state", "registered"): (2, "1000000.01"),
        ("by_use", "in_use"): (2, "1000000.01"),
    }
    assert summary["agreement"] == {
        "projects": 1,
        "settled": "1200000.00",
        "registered": "1000000.00",
        "difference": "-200000.00",
    }
    one_year = (
        await scenario.bureau.get("/assets/summary", params={"region": "620602000000", "year": 2019})
    ).json()
    assert (one_year["count"], one_year["value"], one_year["agreement"]["projects"]) == (1, "0.01", 0)
    drilled = await scenario.bureau.get(f"/assets?{summary['by_class'][0]['filter']}&state=registered")
    assert [item["original_value"] for item in drilled.json()["items"]] == ["1000000.00"]


async def test_a_draft_starts_at_the_time_of_the_acceptance(scenario: AssetScenario) -> None:
    project = uuid4()
    when = datetime(2023, 12, 28, 2, 0, tzinfo=UTC)
    from shared.clients.projects import ProjectAccepted

    accepted = ProjectAccepted(
        project_id=project, name="道路", code="1", category="infrastructure", settled=100,
        completed_on=date(2023, 11, 1), accepted_on=date(2023, 12, 28),
    )  # fmt: skip
    await scenario.deliver_project_event(accepted, project, version=3, at=when)
    (draft,) = (await scenario.clerk.get("/assets", params={"project_id": str(project)})).json()["items"]
    assert draft["state_since"].startswith("2023-12-28")
