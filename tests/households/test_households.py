"""防返贫监测 over HTTP: from a clue to monitoring, and from help to the removal of the risk."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from services.households.households.lifecycle import HOUSEHOLD
from services.households.households.models import Household, HouseholdMember
from shared.db import execute_core
from shared.errors import Unavailable
from tests.clients import DISTRICT, TOWN, VILLAGE, ServiceUnderTest, SystemUnderTest, set_rule_version
from tests.conftest import Clock
from tests.households.factories_households import HOUSEHOLDS, Monitoring, build_form, build_id_card
from tests.legal_moves import list_deviations

CLUES = "/households/clues"
PURPOSE = {"purpose": "入户前核对"}
REPORT = {"region": VILLAGE, "name": "钱样甲", "phone": "13893512345", "text": "家里有人住院, 花了很多钱"}
IMPROVED: dict[str, Any] = {
    "income": {"wages": "45000.00", "transfer": "3000.00"},
    "safeguards": {"education": True, "medical": True, "housing": True, "water": True},
}


@pytest.fixture
def people(door: Callable[[str], ServiceUnderTest]) -> Monitoring:
    """The people around one household."""
    return Monitoring(door)


def test_legal_moves_are_those_of_the_policy() -> None:
    # 线索 → 入户核查 → 信息比对 → 村评议 → 公示 → 乡镇审核 → 县审定 → 监测帮扶中 → 拟消除 → (same chain) → 风险消除;
    # 退回, 不符合, 消除回退.
    assert not list_deviations(
        HOUSEHOLD,
        """
        verified          compare              compared
        verified          reject               rejected
        compared          appraise             appraised
        compared          vote_down            rejected
        compared          town_send_back       verified
        compared          reject               rejected
        appraised         review               reviewed
        appraised         town_send_back       verified
        appraised         reject               rejected
        reviewed          approve              monitored
        reviewed          send_back            verified
        reviewed          reject               rejected
        monitored         propose              proposed
        monitored         end                  ended
        proposed          appraise_removal     removal_appraised
        proposed          town_refuse_removal  monitored
        removal_appraised review_removal       removal_reviewed
        removal_appraised town_refuse_removal  monitored
        removal_reviewed  remove               removed
        removal_reviewed  refuse_removal       monitored
        removed           return               monitored
        """,
    )


async def test_a_household_reports_itself_and_follows_its_number(people: Monitoring, clock: Clock) -> None:
    told = await people.public.post(f"{CLUES}/self-reports", json=REPORT)
    assert told.status_code == 201, told.text
    # 2024-05-20 is a Monday: five working days later is the next Monday.
    assert (told.json()["due_on"], told.json()["progress"]) == ("2024-05-27", "等待入户核查")
    number = told.json()["number"]
    (clue,) = (await people.town.get(CLUES)).json()["items"]
    assert (clue["name_masked"], "text" in clue) == ("钱**", False)
    await people.must(people.town, clue["id"], "assignee", CLUES, assignee="cadre-a")
    assert (await people.neighbour.get(f"{CLUES}/{clue['id']}")).status_code == 404
    opened = await people.cadre.post(f"{CLUES}/{clue['id']}/readings", json=PURPOSE)
    assert opened.json() == {"name": "钱样甲", "phone": "13893512345", "text": REPORT["text"]}
    await people.enter(clue_id=clue["id"])
    later = await people.public.get(f"{CLUES}/self-reports/{number.lower()}")
    assert later.json()["progress"] == "已入户核查"
    assert "钱" not in later.text
    assert (await people.public.get(f"{CLUES}/self-reports/0000-0000-0000")).status_code == 404
    clock.advance(timedelta(days=30))
    await people.bureau.post("/households/alerts/sweep")
    assert "households.clue_late" not in (await people.bureau.get("/households/alerts")).text


async def test_self_reports_are_limited_and_of_a_village_here(people: Monitoring) -> None:
    for region in (TOWN, "110101001001"):
        refused = await people.public.post(f"{CLUES}/self-reports", json=REPORT | {"region": region})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/region")
    codes = [(await people.public.post(f"{CLUES}/self-reports", json=REPORT)).status_code for _ in range(6)]
    assert codes == [201] * 5 + [429]


async def test_a_department_enters_a_clue_and_reads_no_household(people: Monitoring) -> None:
    clue = {"region": VILLAGE, "source": "department", "name": "李样甲", "text": "医保自付超过两万元"}
    assert (await people.line.post(CLUES, json=clue)).status_code == 201
    assert (await people.line.get(CLUES)).status_code == 403
    wrong = await people.clerk.post(CLUES, json=clue | {"visit_reasons": ["rumour"]})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/visit_reasons/0")


async def test_the_chain_from_the_visit_to_monitoring(people: Monitoring, clock: Clock) -> None:
    household = await people.enter()
    assert (await people.cadre.get(f"{HOUSEHOLDS}/{household}")).json()["due_on"] == "2024-06-11"
    early = await people.act(people.clerk, household, "appraise", met_on="2024-05-20", attended=9, agreed=8)
    assert early.status_code == 409, "the comparison comes first"
    silent = await people.act(people.comparer, household, "compare", clean=True)
    assert silent.json()["errors"][0]["pointer"] == "/comparison"
    await people.must(people.comparer, household, "compare", comparison="房管、公安: 无", clean=True)
    half = await people.act(people.clerk, household, "appraise", met_on="2024-05-20", attended=8, agreed=4)
    assert half.json()["errors"][0]["code"] == "no_majority"
    await people.must(people.clerk, household, "appraise", met_on="2024-05-20", attended=8, agreed=5)
    missing = await people.act(people.town, household, "review")
    assert missing.json()["errors"][0]["code"] == "notice_none"
    notice = await people.notice(household, "monitoring", "2024-05-20")
    assert notice["ends_on"] == "2024-05-24", "five days, the first and the last included"
    board = (await people.public.get("/households/public-notices")).text
    assert "钱**" in board
    assert not any(secret in board for secret in ("钱样甲", build_id_card(1), "因病", "illness", "20000"))
    clock.advance(timedelta(days=6))
    await people.must(people.town, household, "review")
    own = await people.act(people.comparer, household, "approve")
    assert own.status_code == 403, "who compared does not approve"
    done = await people.must(people.bureau, household, "approve")
    assert (done["state"], done["identified_on"], done["faults"]) == ("monitored", "2024-05-26", [])


async def test_an_unanswered_objection_stops_the_town(people: Monitoring, clock: Clock) -> None:
    household = await people.enter()
    await people.must(people.comparer, household, "compare", comparison="房管、公安: 无", clean=True)
    await people.must(people.clerk, household, "appraise", met_on="2024-05-20", attended=8, agreed=5)
    notice = await people.notice(household, "monitoring", "2024-05-20")
    told = await people.public.post(
        f"/households/public-notices/{notice['id']}/objections", json={"text": "这户有一辆新车"}
    )
    assert told.status_code == 201, told.text
    clock.advance(timedelta(days=6))
    stopped = await people.act(people.town, household, "review")
    assert stopped.json()["errors"][0]["code"] == "notice_objected"


async def test_income_is_reckoned_from_its_parts_and_judged_by_the_year(
    people: Monitoring, clock: Clock
) -> None:
    household = await people.enter(
        income={
            "wages": "27325.00",
            "business": "7426.00",
            "business_cost": "1677.00",
            "property_income": "300.00",
            "transfer": "595.00",
            "compensation": "0",
            "self_paid": "5387.00",
        }
    )
    file = (await people.cadre.post(f"{HOUSEHOLDS}/{household}/readings", json=PURPOSE)).json()
    assert (file["net"], file["per_head"], file["line"]) == ("28582.00", "9527.33", "7700.00")
    refused = await people.identify_refused(household, clock)
    assert refused["code"] == "income_above"
    with_reason = await people.must(people.bureau, household, "approve", reason="刚性支出将骤增")
    assert with_reason["state"] == "monitored"


async def test_the_risk_is_removed_by_the_same_chain(people: Monitoring, clock: Clock) -> None:
    household = await people.enter()
    await people.identify(household, clock)
    refused = await people.act(people.cadre, household, "propose", way="help")
    assert {error["code"] for error in refused.json()["errors"]} == {"income_low", "measures_open"}
    measure = await people.plan_measure(household)
    tag = (await people.cadre.get(f"{HOUSEHOLDS}/{household}")).headers["ETag"]
    changed = await people.cadre.patch(f"{HOUSEHOLDS}/{household}", json=IMPROVED, headers={"If-Match": tag})
    assert changed.status_code == 200, changed.text
    open_measure = await people.act(people.cadre, household, "propose", way="help")
    assert [error["code"] for error in open_measure.json()["errors"]] == ["measures_open"]
    path = "/households/measures"
    await people.must(people.cadre, measure, "finish", path, result="救助到位", done_on="2024-05-26")
    await people.must(people.cadre, household, "propose", way="help")
    await people.must(people.clerk, household, "appraise_removal", met_on="2024-05-26", attended=9, agreed=9)
    await people.notice(household, "removal", "2024-05-26")
    clock.advance(timedelta(days=6))
    await people.must(people.town, household, "review_removal")
    done = await people.must(people.bureau, household, "remove")
    assert (done["state"], done["removed_on"], done["faults"]) == ("removed", "2024-06-01", [])
    file = (await people.bureau.post(f"{HOUSEHOLDS}/{household}/readings", json=PURPOSE)).json()
    assert file["income_after"]["wages"] == "45000.00"
    back = await people.must(people.bureau, household, "return", reason="又住院")
    assert (back["state"], back["removed_on"]) == ("monitored", None)


@pytest.mark.parametrize("change", [{"no_labour": True}, {"income_unstable": True}])
async def test_a_household_without_labour_or_steady_income_stays(
    people: Monitoring, clock: Clock, change: dict[str, Any]
) -> None:
    household = await people.enter(**IMPROVED, **change)
    await people.identify(household, clock, reason="突发住院")
    refused = await people.act(people.cadre, household, "propose", way="natural")
    assert refused.json()["errors"][0]["code"] == ("no_labour" if "no_labour" in change else "income_low")


async def test_who_reads_a_household_is_known_and_others_do_not_reach_it(people: Monitoring) -> None:
    household = await people.enter()
    assert (await people.neighbour.get(f"{HOUSEHOLDS}/{household}")).status_code == 404
    assert (
        await people.neighbour.post(f"{HOUSEHOLDS}/{household}/readings", json=PURPOSE)
    ).status_code == 404
    for outsider in (people.line, people.leader):
        assert (await outsider.get(f"{HOUSEHOLDS}/{household}")).status_code == 403
        assert (await outsider.post(f"{HOUSEHOLDS}/{household}/readings", json=PURPOSE)).status_code == 403
    nameless = await people.town.post(f"{HOUSEHOLDS}/{household}/readings", json={"purpose": ""})
    assert nameless.status_code == 422
    file = await people.town.post(f"{HOUSEHOLDS}/{household}/readings", json=PURPOSE)
    assert file.json()["members"][0] == {"name": "钱样甲", "id_no": build_id_card(1), "relation": "head"}
    log = (await people.bureau.get("/households/events", params={"limit": 100})).json()["items"]
    readings = [event for event in log if event["type"] == "household.opened"]
    assert [(one["actor"], one["after"]["purpose"]) for one in readings] == [("town-a", "入户前核对")]
    assert not any(secret in str(log) for secret in ("钱样甲", "孙样乙", build_id_card(1), "13893512345"))
    listed = (await people.cadre.get(HOUSEHOLDS)).text
    assert "钱**" in listed
    assert not any(secret in listed for secret in ("钱样甲", "illness", "20000.00", "6228480402564890018"))


async def test_another_cadre_takes_over_with_the_measures(people: Monitoring, clock: Clock) -> None:
    household = await people.enter()
    await people.identify(household, clock)
    measure = await people.plan_measure(household)
    await people.must(people.town, household, "cadre", cadre="cadre-b", cadre_name="孙样甲")
    assert (await people.cadre.get(f"{HOUSEHOLDS}/{household}")).status_code == 404
    assert (await people.neighbour.get(f"/households/measures/{measure}")).status_code == 200


async def test_what_is_stored_is_sealed(people: Monitoring, door: Callable[[str], ServiceUnderTest]) -> None:
    await people.enter()
    context = door("households").context
    async with context.database.read() as session:
        rows = [
            str(row)
            for table in (Household, HouseholdMember)
            for row in await execute_core(session, sa.select(table))
        ]
    secrets = ("钱样甲", "孙样乙", build_id_card(1), "13893512345", "6228480402564890018", "illness")
    assert not any(secret in row for row in rows for secret in secrets)


async def test_a_person_stands_in_one_household(people: Monitoring) -> None:
    await people.enter()
    members = [{"name": "钱样丙", "id_no": build_id_card(3), "relation": "head"}]
    refused = await people.clerk.post(HOUSEHOLDS, json=build_form(members=members))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (409, "/members/0/id_no")


async def test_the_class_is_one_of_the_year(people: Monitoring, clock: Clock) -> None:
    refused = await people.cadre.post(HOUSEHOLDS, json=build_form(monitor_class="at_risk"))
    assert refused.json()["errors"][0]["pointer"] == "/monitor_class"
    clock.advance(timedelta(days=700))
    await people.enter(monitor_class="at_risk", verified_on="2026-04-20")
    old = build_form(
        verified_on="2026-04-20", members=[{"name": "李样", "id_no": build_id_card(9), "relation": "head"}]
    )
    assert (await people.cadre.post(HOUSEHOLDS, json=old)).json()["errors"][0]["pointer"] == "/monitor_class"


async def test_published_checks_are_told_and_stop_the_town(people: Monitoring, clock: Clock) -> None:
    household = await people.enter(risks=[], safeguards={"education": True}, household_type="lifted")
    found = (await people.town.get(HOUSEHOLDS, params={"faulty": True})).json()["items"]
    assert found[0]["faults"] == ["no_risk", "no_safeguard", "class_of_type"]
    refused = await people.identify_refused(household, clock, at="review")
    assert refused["code"] == "faulty"
    await people.bureau.post("/households/alerts/sweep")
    alerts = (await people.bureau.get("/households/alerts")).json()["items"]
    assert [one["rule"] for one in alerts] == ["households.faulty"]


async def test_a_month_without_a_measure_and_a_missed_deadline_are_alerts(
    people: Monitoring, clock: Clock
) -> None:
    household = await people.enter()
    members = [{"name": "李样", "id_no": build_id_card(9), "relation": "head"}]
    slow = await people.enter(members=members)
    clue = {"region": VILLAGE, "source": "letter", "text": "来信反映生活困难"}
    assert (await people.town.post(CLUES, json=clue)).status_code == 201
    await people.identify(household, clock)
    clock.advance(timedelta(days=31))
    await people.bureau.post("/households/alerts/sweep")
    alerts = (await people.bureau.get("/households/alerts")).json()["items"]
    assert sorted((one["rule"].removeprefix("households."), one["subject"]) for one in alerts)[0::2] == [
        ("approval_late", slow),
        ("no_measure", household),
    ]
    assert len(alerts) == 3
    await people.plan_measure(household)
    await people.bureau.post("/households/alerts/sweep")
    gone = (await people.bureau.get("/households/alerts")).json()["items"]
    assert [one["gone"] for one in gone if one["rule"] == "households.no_measure"] in ([], [True])


async def test_the_summary_counts_without_households(people: Monitoring, clock: Clock) -> None:
    household = await people.enter()
    await people.identify(household, clock)
    answer = await people.leader.get("/households/summary", params={"region": DISTRICT, "year": 2024})
    found = answer.json()
    assert (found["households"], found["people"], found["monitored"], found["without_measure"]) == (
        1,
        3,
        1,
        1,
    )
    assert found["removed_percent_of_towns"] == "0.0"
    assert found["by_class"][0]["label"] == "边缘易致贫户"
    assert "钱" not in answer.text


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"verified_on": "2024-05-21"}, "/verified_on"),
        ({"verified_on": "9999-12-31"}, "/verified_on"),
        ({"members": []}, "/members"),
        (
            {"members": [{"name": "钱", "id_no": "622301197001011231", "relation": "head"}]},
            "/members/0/id_no",
        ),
        ({"income": {"wages": "-1"}}, "/income/wages"),
        ({"risks": ["luck"]}, "/risks/0"),
        ({"region": TOWN}, "/region"),
    ],
)
async def test_bad_entries_are_refused_with_the_field(
    people: Monitoring, change: dict[str, Any], pointer: str
) -> None:
    refused = await people.clerk.post(HOUSEHOLDS, json=build_form(**change))
    assert refused.status_code == 422, refused.text
    assert pointer in [error["pointer"] for error in refused.json()["errors"]]


async def test_another_service_learns_whether_a_person_is_monitored_and_no_more(
    people: Monitoring, doors: SystemUnderTest, clock: Clock
) -> None:
    household = await people.enter()
    service = doors.service("households")
    keyring = service.context.keyring
    known, stranger = (keyring.blind_index(build_id_card(number), "id_card") for number in (1, 77))
    client = service.anonymous_client()
    token = {"Authorization": f"Bearer {doors.service_token('funds', 'households')}"}
    address, asked = "http://test/internal/household-persons", {"marks": [known, stranger]}
    assert (await client.post(address, json=asked, headers=token)).json() == {"marks": []}
    await people.identify(household, clock)
    token = {"Authorization": f"Bearer {doors.service_token('funds', 'households')}"}
    assert (await client.post(address, json=asked, headers=token)).json() == {"marks": [known]}
    assert (await people.bureau.post(address, json=asked)).status_code == 403


async def test_the_printed_ledger_names_nobody(people: Monitoring) -> None:
    await people.enter()
    answer = await people.town.get("/households/export", params={"region": TOWN})
    assert answer.status_code == 200, answer.text
    (sheet,) = [
        CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_name(name).to_python()
        for name in ("监测台账",)
    ]
    (row,) = [cells for cells in sheet if "钱**" in cells]
    assert ("边缘易致贫户" in row, "已入户核查" in row, "钱样甲" in str(sheet)) == (True, True, False)


async def test_deadlines_run_by_the_districts_calendar(
    people: Monitoring, door: Callable[[str], ServiceUnderTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    day_off = {"date": "2024-05-24", "name": "区庆", "isOffDay": True}
    rule = {"key": "calendar.changes", "title": "县级调休与放假", "value": [{"days": [day_off]}]}
    await set_rule_version(
        door("attendance"),
        rule | {"region": DISTRICT, "effective_from": "2024-05-01", "confirmed": True},
    )
    clue = {"region": VILLAGE, "source": "letter", "text": "来信反映生活困难"}
    told = await people.town.post(CLUES, json=clue)
    # Five working days after Monday 20 May, of which Friday 24 is none here.
    assert told.json()["due_on"] == "2024-05-28", told.text
    household = await people.enter()
    assert (await people.town.get(f"{HOUSEHOLDS}/{household}")).json()["due_on"] == "2024-06-12"

    clients = door("households").context.clients
    send = clients.send

    async def refuse(service: str, *arguments: Any, **options: Any) -> Any:
        if service == "attendance":
            raise Unavailable("驻村服务暂时联系不上", "attendance does not answer")
        return await send(service, *arguments, **options)

    monkeypatch.setattr(clients, "send", refuse)
    assert (await people.town.post(CLUES, json=clue)).json()["due_on"] == "2024-05-27", (
        "the national calendar"
    )
