"""A plan from draft to allocations: checked, approved by another person, announced, issued."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.clients import DISTRICT, VILLAGE
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary


async def test_a_plan_goes_from_draft_to_allocations_and_the_books_follow(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(1000_00)
    well, road = library.create_project("机井"), library.create_project("道路", region=VILLAGE)
    plan = await scenario.create_plan(
        build_line(well, source["id"], 600_00), build_line(road, source["id"], 300_00)
    )
    assert await scenario.get_totals() == _build_figures(received=1000_00, available=1000_00)

    await scenario.approve_plan(plan["id"])
    assert await scenario.get_totals() == _build_figures(received=1000_00, available=1000_00, planned=900_00)
    assert library.list_committed_amounts(well) == ["600.00"]

    await scenario.post_plan_notice(plan["id"])
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "issue"))
    assert await scenario.get_totals() == _build_figures(
        received=1000_00, available=100_00, allocated=900_00, unpaid=900_00
    )
    project_funds = expect_ok(await scenario.leader.get(f"/funds/projects/{road}"))
    assert (project_funds["allocated"], project_funds["year_figures"]["2024"]["unpaid"]) == (
        "300.00",
        "300.00",
    )
    await scenario.check_balanced()


async def test_what_the_library_knows_is_not_asked_again(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(1000_00)
    project = library.create_project(
        "机井", counts_as_industry=True, category="1.1", category_label="种植业基地"
    )
    plan = await scenario.create_plan(build_line(project, source["id"], 100_00))
    (line,) = expect_ok(await scenario.leader.get(f"/funds/plans/{plan['id']}/lines"))
    assert (line["name"], line["place"], line["project_type"]) == ("机井", "西卜沙乡", "种植业基地")
    assert line["industry"] is True


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"project_id": str(uuid4())}, "no_project"),
        ({"source_id": str(uuid4())}, "no_source"),
        ({"amount": "0"}, "zero"),
        ({"amount": "-1.00"}, "not_amending"),
    ],
)
async def test_a_wrong_line_is_pointed_at(
    scenario: FundsScenario, library: FakeProjectLibrary, change: dict[str, str], code: str
) -> None:
    source = await scenario.create_source(1000_00)
    good = build_line(library.create_project(), source["id"], 100_00)
    body = {"region": DISTRICT, "title": "方案", "year": 2024, "lines": [good, {**good, **change}]}
    problem = expect_refusal(await scenario.bureau.post("/funds/plans", json=body), 422, code)
    assert all(fault["pointer"].startswith("/lines/1/") for fault in problem["errors"])


async def test_a_project_outside_the_district_is_given_nothing(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(1000_00)
    far = library.create_project(region="632323100000")
    body = {
        "region": DISTRICT,
        "title": "方案",
        "year": 2024,
        "lines": [build_line(far, source["id"], 1_00)],
    }
    expect_refusal(await scenario.bureau.post("/funds/plans", json=body), 422, "other_region")


async def test_more_than_the_source_holds_stops_submission_and_says_by_how_much(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(1000_00)
    plan = await scenario.create_plan(build_line(library.create_project(), source["id"], 1000_01))
    problem = expect_refusal(
        await scenario.transition_plan(scenario.bureau, plan["id"], "submit"), 409, "plan.within_source"
    )
    assert "超出 0.01 元" in problem["detail"]
    checks = expect_ok(await scenario.bureau.get(f"/funds/plans/{plan['id']}/checks"))
    assert checks["stops"] == 1


async def test_a_total_that_differs_stops_submission_with_the_difference(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(1000_00)
    plan = await scenario.create_plan(
        build_line(library.create_project(), source["id"], 999_99), announced_total="1000.00"
    )
    problem = expect_refusal(
        await scenario.transition_plan(scenario.bureau, plan["id"], "submit"), 409, "plan.announced_total"
    )
    assert "相差 -0.01 元" in problem["detail"]


@pytest.mark.parametrize("change", [{"state": "approval"}, {"blocked": True}])
async def test_a_project_that_left_the_library_between_submission_and_approval_stops_it(
    scenario: FundsScenario, library: FakeProjectLibrary, change: dict[str, object]
) -> None:
    source = await scenario.create_source(1000_00)
    project = library.create_project()
    plan = await scenario.create_plan(build_line(project, source["id"], 100_00))
    expect_ok(await scenario.transition_plan(scenario.bureau, plan["id"], "submit"))
    library.update_project(project, **change)
    decision = {"decision_no": "〔2024〕5号", "decision_on": "2024-05-20"}
    expect_refusal(
        await scenario.transition_plan(scenario.finance, plan["id"], "approve", **decision),
        409,
        "plan.library",
    )
    assert library.list_committed_amounts(project) == []
    await scenario.check_balanced()


async def test_who_drafts_or_submits_does_not_approve(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    both = scenario.door.system.client_with_claims(
        "funds", {"sub": "wang", "name": "wang", "grants": [["bureau", DISTRICT], ["finance", DISTRICT]]}
    )
    source = await scenario.create_source(1000_00)
    plan = await scenario.create_plan(build_line(library.create_project(), source["id"], 100_00))
    expect_ok(await scenario.transition_plan(both, plan["id"], "submit"))
    decision = {"decision_no": "〔2024〕5号", "decision_on": "2024-05-20"}
    expect_refusal(await scenario.transition_plan(both, plan["id"], "approve", **decision), 403)
    expect_refusal(await scenario.transition_plan(scenario.bureau, plan["id"], "approve", **decision), 403)
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "approve", **decision))


async def test_approval_needs_the_decision_document(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(1000_00)
    plan = await scenario.create_plan(build_line(library.create_project(), source["id"], 100_00))
    expect_ok(await scenario.transition_plan(scenario.bureau, plan["id"], "submit"))
    expect_refusal(
        await scenario.transition_plan(scenario.finance, plan["id"], "approve"), 409, "no_decision"
    )


async def test_a_returned_plan_is_edited_and_submitted_again(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, project = await scenario.create_source(1000_00), library.create_project()
    plan = await scenario.create_plan(build_line(project, source["id"], 100_00))
    expect_ok(await scenario.transition_plan(scenario.bureau, plan["id"], "submit"))
    path = f"/funds/plans/{plan['id']}/lines"
    now = (await scenario.bureau.get(f"/funds/plans/{plan['id']}")).headers["etag"]
    new_lines = {"lines": [build_line(project, source["id"], 200_00)]}
    expect_refusal(await scenario.bureau.put(path, json=new_lines, headers={"If-Match": now}), 409)
    expect_refusal(await scenario.transition_plan(scenario.finance, plan["id"], "return"), 409, "no_reason")
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "return", reason="金额有误"))
    expect_refusal(await scenario.bureau.put(path, json=new_lines, headers={"If-Match": now}), 412)
    expect_refusal(await scenario.bureau.put(path, json=new_lines), 428)
    now = (await scenario.bureau.get(f"/funds/plans/{plan['id']}")).headers["etag"]
    expect_ok(await scenario.bureau.put(path, json=new_lines, headers={"If-Match": now}))
    expect_ok(await scenario.transition_plan(scenario.bureau, plan["id"], "submit"))
    assert expect_ok(await scenario.leader.get(f"/funds/plans/{plan['id']}"))["total"] == "200.00"


async def test_words_of_a_draft_change_and_an_empty_title_is_not_taken(scenario: FundsScenario) -> None:
    plan = await scenario.create_plan()
    path = f"/funds/plans/{plan['id']}"
    tag = (await scenario.bureau.get(path)).headers["etag"]
    body = {"title": None, "principle": "因素法"}
    expect_refusal(await scenario.bureau.patch(path, json=body, headers={"If-Match": tag}), 422)
    body = {"principle": "因素法", "announced_total": None}
    changed = expect_ok(await scenario.bureau.patch(path, json=body, headers={"If-Match": tag}))
    assert (changed["title"], changed["principle"]) == ("2024年第一批分配方案", "因素法")


async def test_an_empty_plan_is_not_submitted(scenario: FundsScenario) -> None:
    plan = await scenario.create_plan()
    expect_refusal(await scenario.transition_plan(scenario.bureau, plan["id"], "submit"), 409, "no_lines")


async def test_a_plan_is_issued_only_after_ten_days_on_notice_without_objection(
    scenario: FundsScenario, library: FakeProjectLibrary, clock: Clock
) -> None:
    source = await scenario.create_source(1000_00)
    plan = await scenario.create_plan(build_line(library.create_project(), source["id"], 100_00))
    notices = f"/funds/plans/{plan['id']}/notices"
    notice = {"level": "allocation", "places": ["公示栏"], "starts_on": "2024-05-20"}
    expect_refusal(await scenario.bureau.post(notices, json=notice), 409)
    await scenario.approve_plan(plan["id"])
    expect_refusal(await scenario.transition_plan(scenario.bureau, plan["id"], "notice"), 409, "no_notice")
    posted = expect_ok(await scenario.bureau.post(notices, json=notice), 201)
    assert posted["content"]["total_wan"] == "0.01"
    expect_ok(await scenario.transition_plan(scenario.bureau, plan["id"], "notice"))
    expect_refusal(
        await scenario.transition_plan(scenario.finance, plan["id"], "issue"), 409, "notice_running"
    )
    clock.advance(timedelta(days=9))
    objection = {"text": "该项目与我村重复"}
    objections = f"/funds/notices/{posted['id']}/objections"
    raised = expect_ok(await scenario.leader.post(objections, json=objection), 201)
    clock.advance(timedelta(days=1))
    expect_refusal(
        await scenario.transition_plan(scenario.finance, plan["id"], "issue"), 409, "notice_objected"
    )
    answer = {"answer": "经核实不重复", "upheld": False}
    answer_address = f"{objections}/{raised['id']}/answer"
    expect_refusal(await scenario.bureau.post(answer_address, json=answer), 403)
    colleague = scenario.door.client_as("bureau", person="colleague")
    expect_ok(await colleague.post(answer_address, json=answer))
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "issue"))


@pytest.mark.parametrize(("publisher", "status"), [("bureau", 403), ("finance", 403), ("colleague", 200)])
async def test_neither_who_drafted_a_plan_nor_who_published_it_decides_objections(
    scenario: FundsScenario, library: FakeProjectLibrary, publisher: str, status: int
) -> None:
    clients = {
        "bureau": scenario.bureau,
        "finance": scenario.finance,
        "colleague": scenario.door.client_as("bureau", person="colleague"),
    }
    source = await scenario.create_source(1000_00)
    plan = await scenario.create_plan(build_line(library.create_project(), source["id"], 100_00))
    await scenario.approve_plan(plan["id"])
    notice = {"level": "allocation", "places": ["公示栏"], "starts_on": "2024-05-20"}
    posted = expect_ok(await scenario.finance.post(f"/funds/plans/{plan['id']}/notices", json=notice), 201)
    objections = f"/funds/notices/{posted['id']}/objections"
    raised = expect_ok(await scenario.leader.post(objections, json={"text": "该项目与我村重复"}), 201)
    waiting = await clients[publisher].get("/funds/worklist/funds.public-notices.objections.open")
    assert [row["id"] for row in expect_ok(waiting)["items"]] == [posted["id"]] * (status == 200)
    answer = {"answer": "经核实不重复", "upheld": False}
    answered = await clients[publisher].post(f"{objections}/{raised['id']}/answer", json=answer)
    assert answered.status_code == status


async def test_the_notice_is_read_without_login_and_goes_when_the_plan_is_cancelled(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, project = await scenario.create_source(1000_00), library.create_project("机井")
    plan = await scenario.create_plan(build_line(project, source["id"], 100_00))
    await scenario.approve_plan(plan["id"])
    await scenario.post_plan_notice(plan["id"])
    nobody = scenario.door.anonymous_client()
    (notice,) = expect_ok(await nobody.get("/funds/public-notices"))["items"]
    assert [line["name"] for line in notice["content"]["lines"]] == ["机井"]
    expect_refusal(await scenario.transition_plan(scenario.finance, plan["id"], "cancel"), 409, "no_reason")
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "cancel", reason="项目变更"))
    assert expect_ok(await nobody.get("/funds/public-notices"))["items"] == []
    assert await scenario.get_totals() == _build_figures(received=1000_00, available=1000_00)
    expect_ok(await scenario.finance.post("/funds/reconciliations", json={}))
    assert library.list_committed_amounts(project) == []
    await scenario.check_balanced()


async def test_a_dry_run_says_what_is_missing_and_changes_nothing(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(1000_00)
    plan = await scenario.create_plan(build_line(library.create_project(), source["id"], 1000_01))
    tried = expect_ok(await scenario.bureau.post(f"/funds/plans/{plan['id']}/submit?dry_run=true", json={}))
    assert (tried["allowed"], tried["missing"][0]["code"]) == (False, "plan.within_source")
    assert expect_ok(await scenario.leader.get(f"/funds/plans/{plan['id']}"))["state"] == "draft"


async def test_the_detail_offers_what_the_caller_may_do(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(1000_00)
    plan = await scenario.create_plan(build_line(library.create_project(), source["id"], 100_00))
    actions = expect_ok(await scenario.bureau.get(f"/funds/plans/{plan['id']}"))["available_actions"]
    assert [(item["action"], item["ready"]) for item in actions] == [("submit", True), ("cancel", False)]
    assert expect_ok(await scenario.leader.get(f"/funds/plans/{plan['id']}"))["available_actions"] == []


async def test_two_plans_cannot_both_have_the_last_yuan(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(1000_00)
    plans = [
        await scenario.create_plan(build_line(library.create_project(), source["id"], 600_00))
        for _ in range(2)
    ]
    for plan in plans:
        expect_ok(await scenario.transition_plan(scenario.bureau, plan["id"], "submit"))
    decision = {"decision_no": "〔2024〕5号", "decision_on": "2024-05-20"}
    expect_ok(await scenario.transition_plan(scenario.finance, plans[0]["id"], "approve", **decision))
    expect_refusal(
        await scenario.transition_plan(scenario.finance, plans[1]["id"], "approve", **decision),
        409,
        "plan.within_source",
    )


async def test_history_is_entered_with_its_real_days(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(1000_00, document_date="2023-05-06", received_on="2023-05-08")
    plan = await scenario.create_plan(
        build_line(library.create_project(), source["id"], 100_00), happened_at="2023-06-01T09:00:00+08:00"
    )
    checks = expect_ok(await scenario.bureau.get(f"/funds/plans/{plan['id']}/checks"))
    late = next(finding for finding in checks["findings"] if finding["key"] == "plan.break_down_days")
    assert late["passed"] is True
    expect_ok(
        await scenario.transition_plan(
            scenario.bureau, plan["id"], "submit", happened_at="2023-06-02T09:00:00+08:00"
        )
    )
    decision = {"decision_no": "〔2023〕5号", "decision_on": "2023-06-05"}
    when = "2023-06-05T09:00:00+08:00"
    expect_refusal(
        await scenario.transition_plan(
            scenario.finance, plan["id"], "approve", **decision, happened_at="2023-06-01T10:00:00+08:00"
        ),
        422,
        "before_previous",
    )
    expect_ok(
        await scenario.transition_plan(scenario.finance, plan["id"], "approve", **decision, happened_at=when)
    )
    at_the_time = expect_ok(await scenario.auditor.get("/funds/ledger", params={"as_of": "2023-06-05"}))[
        "total"
    ]
    assert at_the_time["planned"] == "100.00"
    before = expect_ok(await scenario.auditor.get("/funds/ledger", params={"as_of": "2023-06-04"}))["total"]
    assert (before["received"], before["planned"]) == ("1000.00", "0.00")


async def test_every_step_of_a_plan_is_an_event(scenario: FundsScenario, library: FakeProjectLibrary) -> None:
    source = await scenario.create_source(1000_00)
    plan = await scenario.create_plan(build_line(library.create_project(), source["id"], 100_00))
    await scenario.issue_plan(plan["id"])
    events = expect_ok(await scenario.auditor.get("/funds/events"))["items"]
    types = [event["type"] for event in events]
    assert types == [
        "source.registered",
        "plan.drafted",
        "plan.moved",
        "plan.moved",
        "notice.posted",
        "plan.moved",
        "plan.moved",
        "allocation.issued",
    ]


async def test_lists_of_plans_are_paged_and_filtered(scenario: FundsScenario) -> None:
    ids = [(await scenario.create_plan(title=f"方案{n}"))["id"] for n in range(3)]
    first = expect_ok(
        await scenario.leader.get("/funds/plans", params={"limit": 2, "state": "draft", "year": 2024})
    )
    second = expect_ok(
        await scenario.leader.get("/funds/plans", params={"limit": 2, "cursor": first["next_cursor"]})
    )
    assert {item["id"] for item in [*first["items"], *second["items"]]} == set(ids)
    assert expect_ok(await scenario.leader.get("/funds/plans", params={"year": 2023}))["items"] == []


def _build_figures(**overrides: int) -> dict[str, int]:
    names = ("received", "available", "planned", "allocated", "unpaid", "applied", "paid")
    return {name: overrides.get(name, 0) for name in names}


async def test_lines_are_judged_before_they_are_saved(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(1000_00)
    project = library.create_project("机井")
    plan = await scenario.create_plan(announced_total="1000.00")
    checks = f"/funds/plans/{plan['id']}/checks"

    over = {"lines": [build_line(project, source["id"], 1200_00)]}
    found = expect_ok(await scenario.bureau.post(checks, json=over))
    failed = {one["key"] for one in found["findings"] if not one["passed"]}
    assert {"plan.within_source", "plan.announced_total"} <= failed
    assert (found["total"], found["stops"]) == ("1200.00", 2)

    exact = {"lines": [build_line(project, source["id"], 1000_00)]}
    assert expect_ok(await scenario.bureau.post(checks, json=exact))["stops"] == 0
    assert expect_ok(await scenario.bureau.get(f"/funds/plans/{plan['id']}/lines")) == []

    unknown = {"lines": [build_line(uuid4(), source["id"], 1000_00)]}
    expect_refusal(await scenario.bureau.post(checks, json=unknown), 422, "no_project")
    assert (await scenario.finance.post(checks, json=exact)).status_code == 403
