"""A day's result by the rules, with its explanation, and anew when something late comes."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from services.attendance.check_ins.models import CheckIn
from services.attendance.days.follow import coarsen, follow, ripen
from services.attendance.imports.models import Punch
from services.attendance.rows import columns
from services.attendance.visits.models import Visit
from shared.db import run
from tests.attendance.fake_channels import a_punch
from tests.attendance.world import HALL, a_post, a_tap, read, sent, set_rule, tapped
from tests.conftest import Clock
from tests.doors import DISTRICT, Door


async def reckoned(door: Door) -> None:
    while await follow(door.context):
        pass


async def the_day(client: httpx.AsyncClient, on: str = "2024-05-20", person: str = "li") -> Any:
    (found,) = (await read(client, f"/attendance/days?person={person}&from={on}&to={on}"))["items"]
    return found


async def test_the_explanation_names_place_and_time(
    attendance: Door, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await tapped(cadre, a_tap(clock))
    await tapped(cadre, a_tap(clock, north_m=900))
    await reckoned(attendance)
    found = await the_day(cadre)
    assert (found["result"], found["halves"], found["provisional"]) == ("present", 2, True)
    assert found["words"] == "在岗: 08:59 在新店村村委会围栏内; 08:59 在新店村村委会围栏外约 700 米"
    assert found["rule_refs"][0].startswith("presence.rules@")


async def test_late_data_changes_the_day_until_it_is_settled(
    attendance: Door, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    morning = clock.now()
    clock.advance(timedelta(days=1))
    await ripen(attendance.context)
    assert (await the_day(cadre))["result"] == "unexplained"
    late = await tapped(cadre, a_tap(clock, at=morning))
    assert late["result"] == "applied"
    await reckoned(attendance)
    assert (await the_day(cadre))["result"] == "present"
    clock.advance(timedelta(days=4))
    await ripen(attendance.context)
    assert (await the_day(cadre))["provisional"] is False
    told = (await read(attendance.as_("bureau"), "/attendance/events?limit=200"))["items"]
    settled = [one["after"]["work_date"] for one in told if one["type"] == "day.settled"]
    assert settled.count("2024-05-20") == 1


async def test_a_leave_an_errand_and_a_make_up_reach_the_day(
    attendance: Door, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    leave = await sent(
        cadre,
        "/attendance/leaves",
        {"kind": "sick", "starts_on": "2024-05-20", "ends_on": "2024-05-20", "why": "感冒"},
    )
    await reckoned(attendance)
    assert "请假审批中" in (await the_day(cadre))["words"]
    await sent(town, f"/attendance/leaves/{leave['id']}/approve", {}, 200)
    await reckoned(attendance)
    found = await the_day(cadre)
    assert (found["result"], found["leave_halves"]) == ("leave", 2)
    errand = {
        "kind": "meeting",
        "starts_on": "2024-05-17",
        "ends_on": "2024-05-17",
        "place": "镇政府",
        "why": "例会",
    }
    late = await sent(cadre, "/attendance/errands", errand)
    await reckoned(attendance)
    assert (await the_day(cadre, "2024-05-17"))["result"] == "unexplained"
    await sent(town, f"/attendance/errands/{late['id']}/acknowledge", {}, 200)
    await reckoned(attendance)
    assert (await the_day(cadre, "2024-05-17"))["result"] == "errand"
    made = await sent(cadre, "/attendance/make-ups", {"on": "2024-05-16", "why": "没电", "witness": "zhang"})
    await sent(attendance.as_("cadre", person="zhang"), f"/attendance/make-ups/{made['id']}/witness", {}, 200)
    await sent(town, f"/attendance/make-ups/{made['id']}/approve", {}, 200)
    await reckoned(attendance)
    assert (await the_day(cadre, "2024-05-16"))["result"] == "present"


async def test_a_held_tap_is_asked_about_and_the_decision_makes_the_day(
    attendance: Door, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await tapped(cadre, a_tap(clock, north_m=205))
    await reckoned(attendance)
    assert (await the_day(cadre))["result"] == "pending"
    (review,) = (await read(town, "/attendance/reviews", state="open"))["items"]
    assert review["oddities"][0]["kind"] == "unsettled"
    address = f"/attendance/reviews/{review['id']}"
    assert len((await read(town, address))["check_ins"]) == 1
    await sent(town, f"{address}/accept", {}, 409)
    await sent(cadre, f"{address}/accept", {"reason": "我在"}, 403)
    await sent(town, f"{address}/accept", {"reason": "村干部证实"}, 200)
    await reckoned(attendance)
    assert (await the_day(cadre))["result"] == "present"
    await sent(town, f"{address}/reopen", {"reason": "再看"}, 200)
    await sent(town, f"{address}/reject", {"reason": "不在"}, 200)
    await reckoned(attendance)
    assert (await the_day(cadre))["result"] == "unexplained"


async def test_a_better_tap_settles_what_a_held_one_left_open(
    attendance: Door, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await tapped(cadre, a_tap(clock, north_m=205))
    await reckoned(attendance)
    await tapped(cadre, a_tap(clock))
    await reckoned(attendance)
    assert (await read(town, "/attendance/reviews", state="open"))["items"] == []
    assert (await the_day(cadre))["result"] == "present"


async def test_a_managers_correction_is_seen_as_such(
    attendance: Door, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    body = {
        "person": "li",
        "taken_at": (clock.now() - timedelta(hours=1)).isoformat(),
        "reason": "现场查看在岗",
    }
    made = await sent(town, "/attendance/corrections", body)
    assert (made["source"], made["sent_by"]) == ("BOSS", "town_officer-620602100000")
    await sent(cadre, "/attendance/corrections", body, 403)
    await reckoned(attendance)
    assert "管理员补记(现场查看在岗)" in (await the_day(cadre))["words"]


async def test_a_night_shift_belongs_to_the_day_it_begins(
    attendance: Door, town: httpx.AsyncClient, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    shift = {
        "person": "li",
        "person_name": "李明",
        "kind": "night",
        "starts_at": "2024-05-18T20:00:00+08:00",
        "ends_at": "2024-05-19T08:00:00+08:00",
    }
    (duty,) = await sent(town, "/attendance/duties", {"post_id": post["id"], "shifts": [shift]})
    assert duty["work_date"] == "2024-05-18"
    await reckoned(attendance)
    missed = await the_day(cadre, "2024-05-18")
    assert (missed["result"], missed["works"]) == ("unexplained", False)
    await tapped(cadre, a_tap(clock, at=datetime.fromisoformat("2024-05-19T01:30:00+08:00")))
    await reckoned(attendance)
    assert (await the_day(cadre, "2024-05-18"))["result"] == "present"
    await sent(town, f"/attendance/duties/{duty['id']}/cancel", {}, 422)
    assert (await sent(town, f"/attendance/duties/{duty['id']}/keep", {}, 200))["state"] == "kept"


async def test_a_district_without_punching_reckons_by_report(
    attendance: Door, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await set_rule(attendance, "check_in.switches", own_check_in=False, imports=False)
    clock.advance(timedelta(days=1))
    await ripen(attendance.context)
    found = await the_day(cadre)
    assert (found["result"], found["words"]) == ("present", "在岗: 未报备离村, 按报备制认定在岗")


async def test_old_places_lose_their_detail(
    attendance: Door, cadre: httpx.AsyncClient, bureau: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await set_rule(attendance, "check_in.switches", coarse_after_days=30)
    tap_ = a_tap(clock)
    await tapped(cadre, tap_)
    visit = {"visited_on": "2024-05-20", "kind": "other", "purpose": "policy", "fix": tap_["fix"]}
    await sent(cadre, "/attendance/visits", visit)
    account = {"channel": "dingtalk", "external": "ding-li", "person": "li", "region": DISTRICT}
    await sent(bureau, "/attendance/external-accounts", account)
    place = {"userLongitude": HALL[0], "userLatitude": HALL[1], "userAddress": "新店村八组"}
    records = [a_punch(1, "ding-li", "2024-05-20 08:00:00", **place)]
    await sent(bureau, "/attendance/imports", {"channel": "dingtalk", "region": DISTRICT, "records": records})
    clock.advance(timedelta(days=30))
    assert await coarsen(attendance.context) == 0
    assert "八组" in await everything_about_places(attendance)
    clock.advance(timedelta(days=1))
    assert await coarsen(attendance.context) == 4
    assert await coarsen(attendance.context) == 0
    left = await everything_about_places(attendance)
    assert [word for word in ("八组", str(HALL[0]), str(HALL[1])) if word in left] == []


async def everything_about_places(attendance: Door) -> str:
    """Every column of the rows that know where somebody was."""
    async with attendance.context.database.read() as session:
        rows = [
            dict(row._mapping)
            for table in (CheckIn, Visit, Punch)
            for row in await run(session, sa.select(columns(table)))
        ]
    return str(rows)


async def test_the_calendar_shows_the_made_up_days(
    cadre: httpx.AsyncClient, bureau: httpx.AsyncClient
) -> None:
    found = {one["on"]: one for one in await read(bureau, "/attendance/calendar", month="2024-05")}
    assert (found["2024-05-11"]["kind"], found["2024-05-01"]["name"]) == ("made_up", "劳动节")
    assert found["2024-05-20"]["works"] is True
    assert len(found) == 31


async def test_a_district_moves_its_own_days_and_a_wrong_list_is_refused(bureau: httpx.AsyncClient) -> None:
    entry = {"key": "calendar.changes", "title": "县级调休", "region": DISTRICT, "basis": "区政府通知"}
    own = [
        {"date": "2024-05-25", "name": "调休", "isOffDay": False},
        {"date": "2024-05-27", "isOffDay": True},
    ]
    rule = entry | {"effective_from": "2024-05-01", "confirmed": True}
    for bad in ([{"on": "x"}], [{"days": [{"date": "?", "isOffDay": "no"}]}], [{"days": own, "rank": 1}]):
        await sent(bureau, "/attendance/rules", rule | {"value": bad}, 422)
    await sent(bureau, "/attendance/rules", rule | {"value": [{"days": own}]})
    found = {one["on"]: one for one in await read(bureau, "/attendance/calendar", month="2024-05")}
    assert (found["2024-05-25"]["works"], found["2024-05-25"]["name"]) == (True, "调休")
    assert found["2024-05-27"]["works"] is False


async def test_the_four_districts_days_differ_by_their_rules(attendance: Door, clock: Clock) -> None:
    for region, result, halves in (
        ("630202100201", "present", 2),
        ("450123100201", "present", 2),
        ("610929100201", "present", 2),
        ("520522100201", "part", 1),
    ):
        await a_post(attendance.as_("town_officer", region[:9] + "000"), f"p{region}", region=region)
        cadre = attendance.as_("cadre", region, person=f"p{region}")
        await tapped(cadre, a_tap(clock, device=f"d{region}"))
        await reckoned(attendance)
        found = await the_day(cadre, person=f"p{region}")
        assert (found["result"], found["halves"]) == (result, halves)
