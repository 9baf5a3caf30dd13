"""Results of days with their explanation, and their evaluation after late data."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from services.attendance.check_ins.models import CheckIn
from services.attendance.days.consumers import coarsen_locations, project_next_batch, refresh_provisional_days
from services.attendance.imports.models import ImportedRecord
from services.attendance.sql_conditions import get_columns
from services.attendance.visits.models import Visit
from shared.db import execute_core
from shared.events.fsck import check_service
from tests.attendance.factories_attendance import (
    HALL_POSITION,
    build_check_in,
    create_post,
    get_json,
    post_json,
    set_rule,
    submit_check_in,
)
from tests.attendance.fake_channels import build_punch
from tests.clients import DISTRICT, ServiceUnderTest, set_rule_version
from tests.conftest import Clock
from tests.papers import read_paper


async def run_day_projection(attendance: ServiceUnderTest) -> None:
    while await project_next_batch(attendance.context):
        pass


async def get_day(client: httpx.AsyncClient, on: str = "2024-05-20", person: str = "li") -> Any:
    (day,) = (await get_json(client, f"/attendance/days?person={person}&from={on}&to={on}"))["items"]
    return day


async def test_the_explanation_names_place_and_time(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await submit_check_in(cadre, build_check_in(clock))
    await submit_check_in(cadre, build_check_in(clock, north_m=900))
    await run_day_projection(attendance)
    day = await get_day(cadre)
    assert (day["result"], day["halves"], day["provisional"]) == ("present", 2, True)
    assert day["words"] == "在岗: 08:59 在新店村村委会围栏内; 08:59 在新店村村委会围栏外约 700 米"
    assert day["rule_refs"][0].startswith("presence.rules@")


async def test_late_data_changes_the_day_until_it_is_settled(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    morning = clock.now()
    clock.advance(timedelta(days=1))
    await refresh_provisional_days(attendance.context)
    assert (await get_day(cadre))["result"] == "unexplained"
    late = await submit_check_in(cadre, build_check_in(clock, at=morning))
    assert late["result"] == "applied"
    await run_day_projection(attendance)
    assert (await get_day(cadre))["result"] == "present"
    clock.advance(timedelta(days=4))
    await refresh_provisional_days(attendance.context)
    assert (await get_day(cadre))["provisional"] is False
    events = (await get_json(attendance.client_as("bureau"), "/attendance/events?limit=200"))["items"]
    settled = [event["after"]["work_date"] for event in events if event["type"] == "day.settled"]
    assert settled.count("2024-05-20") == 1


async def test_a_leave_an_errand_and_a_make_up_reach_the_day(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    leave = await post_json(
        cadre,
        "/attendance/leaves",
        {"kind": "sick", "starts_on": "2024-05-20", "ends_on": "2024-05-20", "why": "感冒"},
    )
    await run_day_projection(attendance)
    assert "请假审批中" in (await get_day(cadre))["words"]
    await post_json(town, f"/attendance/leaves/{leave['id']}/approve", {}, 200)
    await run_day_projection(attendance)
    day = await get_day(cadre)
    assert (day["result"], day["leave_halves"]) == ("leave", 2)
    errand = {
        "kind": "meeting",
        "starts_on": "2024-05-17",
        "ends_on": "2024-05-17",
        "place": "镇政府",
        "why": "例会",
    }
    late = await post_json(cadre, "/attendance/errands", errand)
    await run_day_projection(attendance)
    assert (await get_day(cadre, "2024-05-17"))["result"] == "unexplained"
    await post_json(town, f"/attendance/errands/{late['id']}/acknowledge", {}, 200)
    await run_day_projection(attendance)
    assert (await get_day(cadre, "2024-05-17"))["result"] == "errand"
    make_up = await post_json(
        cadre, "/attendance/make-ups", {"on": "2024-05-16", "why": "没电", "witness": "zhang"}
    )
    await post_json(
        attendance.client_as("cadre", person="zhang"),
        f"/attendance/make-ups/{make_up['id']}/witness",
        {},
        200,
    )
    await post_json(town, f"/attendance/make-ups/{make_up['id']}/approve", {}, 200)
    await run_day_projection(attendance)
    assert (await get_day(cadre, "2024-05-16"))["result"] == "present"


async def test_a_held_check_in_is_reviewed_and_the_decision_changes_the_day(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await submit_check_in(cadre, build_check_in(clock, north_m=205))
    await run_day_projection(attendance)
    assert (await get_day(cadre))["result"] == "pending"
    (review,) = (await get_json(town, "/attendance/reviews", state="open"))["items"]
    assert review["oddities"][0]["kind"] == "unsettled"
    address = f"/attendance/reviews/{review['id']}"
    assert len((await get_json(town, address))["check_ins"]) == 1
    await post_json(town, f"{address}/accept", {}, 409)
    await post_json(cadre, f"{address}/accept", {"reason": "我在"}, 403)
    await post_json(town, f"{address}/accept", {"reason": "村干部证实"}, 200)
    await run_day_projection(attendance)
    assert (await get_day(cadre))["result"] == "present"
    await post_json(town, f"{address}/reopen", {"reason": "再看"}, 200)
    await post_json(town, f"{address}/reject", {"reason": "不在"}, 200)
    await run_day_projection(attendance)
    assert (await get_day(cadre))["result"] == "unexplained"


async def test_a_later_valid_check_in_closes_the_review_of_a_held_one(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await submit_check_in(cadre, build_check_in(clock, north_m=205))
    await run_day_projection(attendance)
    await submit_check_in(cadre, build_check_in(clock))
    await run_day_projection(attendance)
    assert (await get_json(town, "/attendance/reviews", state="open"))["items"] == []
    assert (await get_day(cadre))["result"] == "present"


async def test_a_managers_correction_is_marked_in_the_explanation(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    body = {
        "person": "li",
        "taken_at": (clock.now() - timedelta(hours=1)).isoformat(),
        "reason": "现场查看在岗",
    }
    check_in = await post_json(town, "/attendance/corrections", body)
    assert (check_in["source"], check_in["sent_by"]) == ("BOSS", "town_officer-620602100000")
    await post_json(cadre, "/attendance/corrections", body, 403)
    await run_day_projection(attendance)
    assert "管理员补记(现场查看在岗)" in (await get_day(cadre))["words"]


async def test_the_board_of_a_day_shows_everybody_stationed_with_or_without_a_record(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    body = {"person": "wang", "person_name": "王芳", "starts_on": "2024-05-01"}
    await post_json(town, f"/attendance/posts/{post['id']}/assignments", body)
    early = await get_json(town, "/attendance/days/board")
    await submit_check_in(cadre, build_check_in(clock))
    await run_day_projection(attendance)
    board = await get_json(town, "/attendance/days/board")
    own = await get_json(cadre, "/attendance/days/board")
    paper = read_paper((await town.get("/attendance/days/board", params={"form": "pdf"})).content)

    assert (board["place"], board["on"], board["stationed"]) == ("黄羊镇", "2024-05-20", 2)
    assert {row["person"]: row["result"] for row in board["rows"]} == {
        "li": "present",
        "wang": "unexplained",
    }
    assert (early["counts"], board["counts"]) == ({"尚无记录": 2}, {"在岗": 1, "未见记录": 1})
    assert [row["person"] for row in own["rows"]] == ["li"]
    assert "黄羊镇2024-05-20驻村日报" in paper
    assert "王芳未见记录" in paper


async def test_a_night_shift_belongs_to_the_day_on_which_it_begins(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    shift = {
        "person": "li",
        "person_name": "李明",
        "kind": "night",
        "starts_at": "2024-05-18T20:00:00+08:00",
        "ends_at": "2024-05-19T08:00:00+08:00",
    }
    (duty,) = await post_json(town, "/attendance/duties", {"post_id": post["id"], "shifts": [shift]})
    assert duty["work_date"] == "2024-05-18"
    printed = await town.get("/attendance/duties/sheet", params={"month": "2024-05"})
    assert "黄羊镇2024-05值班表" in read_paper(printed.content)
    assert "2024-05-18六夜班20:00至次日08:00李明黄羊镇广场村委会新店村村委会已排班" in read_paper(
        printed.content
    )
    await run_day_projection(attendance)
    day = await get_day(cadre, "2024-05-18")
    assert (day["result"], day["works"]) == ("unexplained", False)
    await submit_check_in(
        cadre, build_check_in(clock, at=datetime.fromisoformat("2024-05-19T01:30:00+08:00"))
    )
    await run_day_projection(attendance)
    assert (await get_day(cadre, "2024-05-18"))["result"] == "present"
    await post_json(town, f"/attendance/duties/{duty['id']}/cancel", {}, 422)
    assert (await post_json(town, f"/attendance/duties/{duty['id']}/keep", {}, 200))["state"] == "kept"


async def test_a_district_without_check_ins_evaluates_days_by_report(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await set_rule(attendance, "check_in.switches", own_check_in=False, imports=False)
    clock.advance(timedelta(days=1))
    await refresh_provisional_days(attendance.context)
    day = await get_day(cadre)
    assert (day["result"], day["words"]) == ("present", "在岗: 未报备离村, 按报备制认定在岗")


async def test_positions_past_retention_are_coarsened(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, bureau: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await set_rule(attendance, "check_in.switches", coarse_after_days=30)
    check_in = build_check_in(clock)
    await submit_check_in(cadre, check_in)
    visit = {"visited_on": "2024-05-20", "kind": "other", "purpose": "policy", "fix": check_in["fix"]}
    await post_json(cadre, "/attendance/visits", visit)
    account = {"channel": "dingtalk", "external": "ding-li", "person": "li", "region": DISTRICT}
    await post_json(attendance.client_as("admin"), "/attendance/external-accounts", account)
    place = {"userLongitude": HALL_POSITION[0], "userLatitude": HALL_POSITION[1], "userAddress": "新店村八组"}
    records = [build_punch(1, "ding-li", "2024-05-20 08:00:00", **place)]
    await post_json(
        bureau, "/attendance/imports", {"channel": "dingtalk", "region": DISTRICT, "records": records}
    )
    clock.advance(timedelta(days=30))
    assert await coarsen_locations(attendance.context) == 0
    assert "八组" in await dump_location_columns(attendance)
    clock.advance(timedelta(days=1))
    assert await coarsen_locations(attendance.context) == 4
    assert await coarsen_locations(attendance.context) == 0
    stored = await dump_location_columns(attendance)
    assert [text for text in ("八组", str(HALL_POSITION[0]), str(HALL_POSITION[1])) if text in stored] == []


async def dump_location_columns(attendance: ServiceUnderTest) -> str:
    """Returns all columns of the rows that hold a location, as text."""
    async with attendance.context.database.read() as session:
        rows = [
            dict(row._mapping)
            for table in (CheckIn, Visit, ImportedRecord)
            for row in await execute_core(session, sa.select(get_columns(table)))
        ]
    return str(rows)


async def test_the_calendar_shows_the_made_up_days(
    cadre: httpx.AsyncClient, bureau: httpx.AsyncClient
) -> None:
    days = {day["on"]: day for day in await get_json(bureau, "/attendance/calendar", month="2024-05")}
    assert (days["2024-05-11"]["kind"], days["2024-05-01"]["name"]) == ("made_up", "劳动节")
    assert days["2024-05-20"]["works"] is True
    assert len(days) == 31


async def test_a_district_changes_its_calendar_and_a_malformed_list_is_refused(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient
) -> None:
    entry = {
        "key": "calendar.changes",
        "title": "县级调休",
        "region": DISTRICT,
        "basis": "区政府通知 凉政发〔2024〕3号",
    }
    own = [
        {"date": "2024-05-25", "name": "调休", "isOffDay": False},
        {"date": "2024-05-27", "isOffDay": True},
    ]
    rule = entry | {"effective_from": "2024-05-01", "confirmed": True}
    for bad in ([{"on": "x"}], [{"days": [{"date": "?", "isOffDay": "no"}]}], [{"days": own, "rank": 1}]):
        await post_json(bureau, "/attendance/rules", rule | {"value": bad}, 422)
    await set_rule_version(attendance, rule | {"value": [{"days": own}]})
    days = {day["on"]: day for day in await get_json(bureau, "/attendance/calendar", month="2024-05")}
    assert (days["2024-05-25"]["works"], days["2024-05-25"]["name"]) == (True, "调休")
    assert days["2024-05-27"]["works"] is False


async def test_the_four_districts_days_differ_by_their_rules(
    attendance: ServiceUnderTest, clock: Clock
) -> None:
    for region, result, halves in (
        ("630202100201", "present", 2),
        ("450123100201", "present", 2),
        ("610929100201", "present", 2),
        ("520522100201", "part", 1),
    ):
        await create_post(
            attendance.client_as("town_officer", region[:9] + "000"), f"p{region}", region=region
        )
        cadre = attendance.client_as("cadre", region, person=f"p{region}")
        await submit_check_in(cadre, build_check_in(clock, device=f"d{region}"))
        await run_day_projection(attendance)
        day = await get_day(cadre, person=f"p{region}")
        assert (day["result"], day["halves"]) == (result, halves)


async def test_days_after_an_assignment_that_ended_before_are_withdrawn(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any
) -> None:
    """A stored day goes with its assignment, the log tells of it; a day that somebody objected to stays as rest."""
    await run_day_projection(attendance)
    stored = await list_results(cadre)
    assert (stored["2024-05-16"], stored["2024-05-17"]) == ("unexplained", "unexplained")
    objected = await get_day(cadre, "2024-05-16")
    await post_json(cadre, f"/attendance/days/{objected['id']}/objections", {"text": "15日已调离"})
    (assignment,) = (await get_json(town, "/attendance/assignments"))["items"]
    match = {"If-Match": f'"{assignment["version"]}"'}
    ended = {"ends_on": "2024-05-15", "reason": "调离"}
    await post_json(town, f"/attendance/assignments/{assignment['id']}/end", ended, 200, headers=match)
    await run_day_projection(attendance)
    left = await list_results(cadre)
    gone = {on for on in stored if on > "2024-05-15"}
    assert left == {on: result for on, result in stored.items() if on not in gone} | {"2024-05-16": "rest"}
    events = await get_json(
        attendance.client_as("auditor"), "/attendance/events", types="day.withdrawn", limit="200"
    )
    told = {event["after"]["work_date"]: event["after"]["kept"] for event in events["items"]}
    assert told == {on: on == "2024-05-16" for on in gone}
    fsck = attendance.system.apps["attendance"].state.fsck
    assert (await check_service("attendance", attendance.context.database, fsck)).differences == []

    body = {"person": "li", "person_name": "li同志", "starts_on": "2024-05-16"}
    await post_json(town, f"/attendance/posts/{post['id']}/assignments", body)
    await run_day_projection(attendance)
    assert await list_results(cadre) == stored


async def list_results(client: httpx.AsyncClient) -> dict[str, str]:
    days = (await get_json(client, "/attendance/days?person=li&limit=200"))["items"]
    return {day["work_date"]: day["result"] for day in days}
