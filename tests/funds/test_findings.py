"""What the dated rules say of a plan, as pure arithmetic."""

import json
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

import services.funds
from services.funds.plans.draft import Given
from services.funds.plans.findings import (
    Draft,
    Effect,
    Finding,
    LineFacts,
    SourceFacts,
    examine,
    over,
    percent,
)
from shared.money import from_wan
from shared.rules import Rule
from tests.funds.published import DACHUAN, ZEKU, batch

RULES = Path(services.funds.__file__).parent / "rules" / "plans.json"
SOURCE = uuid4()
INDUSTRY = ("产业发展",)


def rules_on(day: date) -> dict[str, Rule]:
    """The plan rules of the file that are in force on a day."""
    found = {}
    for entry in json.loads(RULES.read_text(encoding="utf-8")):
        until = entry.get("effective_to")
        if entry["effective_from"] <= str(day) and (until is None or str(day) <= until):
            found[entry["key"]] = Rule(
                entry["key"], 1, entry["value"], entry["basis"], entry["confirmed"], entry["title"]
            )
    return found


def line(amount: int, **given_: object) -> LineFacts:
    """A line of the one source, for a project in reserve."""
    facts: dict[str, object] = {
        "id": uuid4(),
        "name": "泽库县农村牧区小口机井工程",
        "amount": amount,
        "source_id": SOURCE,
        "project_id": uuid4(),
        "level": "central",
        "task": "consolidation",
        "category": "3.1",
        "industry": False,
        "management_fee": False,
        "project_state": "reserve",
    }
    return LineFacts(**{**facts, **given_})  # type: ignore[arg-type]


def draft(
    *lines: LineFacts, available: int | None = None, day: date = date(2023, 6, 1), **given_: object
) -> Draft:
    """A draft of these lines from one source that just covers them unless told otherwise."""
    total = sum(one.amount for one in lines)
    source = SourceFacts(
        SOURCE,
        "青财农字〔2023〕505号",
        "central",
        total,
        total if available is None else available,
        date(2023, 5, 20),
    )
    return Draft(on=day, lines=lines, sources={SOURCE: source}, **given_)  # type: ignore[arg-type]


def one(found: list[Finding], key: str) -> Finding:
    """The finding of a rule."""
    return next(finding for finding in found if finding.key == key)


def zeku() -> Draft:
    """泽库县 2023 第二批 as published."""
    published = batch(ZEKU)
    lines = [
        line(
            amount,
            name=row["project_name"],
            industry=row["project_type"].startswith(INDUSTRY),
            management_fee=row["project_type"] == "项目管理",
        )
        for row, amount in zip(published.rows, published.amounts, strict=True)
    ]
    return draft(*lines, announced_total=published.total)


def test_the_published_batch_of_zeku_balances_and_its_management_fee_is_warned_of() -> None:
    found = examine(zeku(), rules_on(date(2023, 6, 1)))
    assert not [finding for finding in found if finding.effect is Effect.STOP and not finding.passed]
    fee = one(found, "plan.management_fee")
    assert (fee.passed, fee.effect, fee.figures["占比%"]) == (False, Effect.WARN, "1.11")
    assert "14.0000" in fee.figures["项目管理费(万元)"]
    share = one(found, "plan.industry_share")
    assert (share.passed, share.figures["占比%"], share.figures["下限%"]) == (False, "24.38", "60")


def test_the_central_part_of_dachuan_keeps_the_fee_below_one_percent() -> None:
    published = batch(DACHUAN)
    lines = [
        line(amount, management_fee=row["project_type"] == "项目管理费")
        for row, amount in zip(published.rows, published.amounts, strict=True)
        if row["fund_source"].startswith("中央")
    ]
    assert sum(item.amount for item in lines) == from_wan("5273")
    fee = one(examine(draft(*lines), rules_on(date(2024, 1, 1))), "plan.management_fee")
    assert (fee.passed, fee.figures["占比%"]) == (True, "0.88")


@pytest.mark.parametrize(
    ("year", "floor", "effect"),
    [
        (2021, "50", Effect.WARN),
        (2022, "55", Effect.WARN),
        (2023, "60", Effect.WARN),
        (2025, "60", Effect.WARN),
    ],
)
def test_the_industry_floor_of_a_year_is_that_years(year: int, floor: str, effect: Effect) -> None:
    found = examine(draft(line(100)), rules_on(date(year, 7, 1)))
    share = one(found, "plan.industry_share")
    assert (share.figures["下限%"], share.effect, share.passed) == (floor, effect, False)


def test_from_2026_the_industry_share_is_only_reported() -> None:
    share = one(examine(draft(line(100)), rules_on(date(2026, 7, 1))), "plan.industry_share")
    assert share.effect is Effect.REPORT
    assert share.passed
    assert "下限%" not in share.figures


@pytest.mark.parametrize(("industry", "passed"), [(54, False), (55, True), (56, True)])
def test_fifty_five_of_a_hundred_is_enough_in_2022(industry: int, passed: bool) -> None:
    lines = (line(industry, industry=True), line(100 - industry))
    share = one(examine(draft(*lines), rules_on(date(2022, 7, 1))), "plan.industry_share")
    assert share.passed is passed


def test_the_years_other_plans_count_towards_the_industry_share() -> None:
    alone = examine(draft(line(100)), rules_on(date(2022, 7, 1)))
    assert not one(alone, "plan.industry_share").passed
    with_year = examine(draft(line(100), year={"central": Given(900, 900)}), rules_on(date(2022, 7, 1)))
    assert one(with_year, "plan.industry_share").passed


def test_the_fee_of_the_year_counts_though_the_plan_alone_keeps_the_limit() -> None:
    lines = (line(990_000), line(10_000, management_fee=True))
    rules = rules_on(date(2023, 6, 1))
    alone = one(examine(draft(*lines), rules), "plan.management_fee")
    assert alone.passed
    with_year = draft(*lines, year={"central": Given(1_000_000, 0, 10_001), "provincial": Given(10, 0, 9)})
    told = one(examine(with_year, rules), "plan.management_fee")
    assert not told.passed
    assert told.figures["全年占比%"] == "1.00"
    assert told.message == "项目管理费占 1.00%, 不超过上限 1%; 全年占 1.00%, 超过上限"


def test_what_the_library_finds_unready_is_reported_and_stops_nothing() -> None:
    unready = line(60, name="机井", readiness=("没有写明建成后由谁管护",))
    rules = rules_on(date(2023, 6, 1))
    told = one(examine(draft(unready, line(40)), rules), "plan.readiness")
    assert (told.passed, told.effect, told.lines) == (False, Effect.REPORT, [unready.id])
    assert told.figures == {"机井": "没有写明建成后由谁管护"}
    assert one(examine(draft(line(1)), rules), "plan.readiness").passed
    assert not one(examine(draft(line(1), library_silent=True), rules), "plan.readiness").passed


def test_more_than_a_source_holds_is_stopped_with_the_excess() -> None:
    found = one(examine(draft(line(1001), available=1000), rules_on(date(2023, 6, 1))), "plan.within_source")
    assert (found.passed, found.effect) == (False, Effect.STOP)
    assert "超出 0.01 元" in found.message


def test_a_total_that_is_off_by_one_fen_is_stopped_with_the_difference() -> None:
    found = one(
        examine(draft(line(999), announced_total=1000), rules_on(date(2023, 6, 1))), "plan.announced_total"
    )
    assert (found.passed, found.effect, found.figures["差额"]) == (False, Effect.STOP, "-0.01")


@pytest.mark.parametrize(
    ("given_", "passed"),
    [
        ({"project_state": "reserve"}, True),
        ({"project_state": "planned"}, True),
        ({"project_state": "approval"}, False),
        ({"project_state": None}, False),
        ({"project_state": "reserve", "blocked": True}, False),
    ],
)
def test_only_a_project_in_the_library_that_nothing_blocks_is_given_money(
    given_: dict[str, object], passed: bool
) -> None:
    bad = line(100, **given_)
    found = one(examine(draft(bad), rules_on(date(2023, 6, 1))), "plan.library")
    assert found.passed is passed
    assert found.lines == ([] if passed else [bad.id])


def test_a_silent_library_stops_nothing_by_chance() -> None:
    found = one(examine(draft(line(100), library_silent=True), rules_on(date(2023, 6, 1))), "plan.library")
    assert not found.passed


def test_money_that_was_not_broken_down_in_thirty_days_is_reported_with_its_age() -> None:
    in_time = one(
        examine(draft(line(1), day=date(2023, 6, 19)), rules_on(date(2023, 6, 1))), "plan.break_down_days"
    )
    late = one(
        examine(draft(line(1), day=date(2023, 6, 20)), rules_on(date(2023, 6, 1))), "plan.break_down_days"
    )
    assert (in_time.passed, late.passed) == (True, False)
    assert late.figures == {"青财农字〔2023〕505号": "31"}


def test_a_project_that_was_given_money_before_is_named() -> None:
    again = line(100)
    found = one(
        examine(draft(again, funded_before={again.project_id: 4200}), rules_on(date(2023, 6, 1))),
        "plan.same_project",
    )
    assert found.lines == [again.id]
    assert found.figures == {again.name: "42.00"}


def test_every_finding_names_its_rule_and_basis() -> None:
    for finding in examine(zeku(), rules_on(date(2023, 6, 1))):
        assert finding.rule.startswith(finding.key + "@")
        assert finding.basis


@given(part=st.integers(0, 10**14), rest=st.integers(0, 10**14))
def test_a_share_is_never_off_by_more_than_half_a_hundredth(part: int, rest: int) -> None:
    whole = part + rest
    shown = int(percent(part, whole).replace(".", ""))
    assert abs(shown * whole - part * 10000) * 2 <= whole if whole else shown == 0


@pytest.mark.parametrize(
    ("part", "limit", "too_much"), [(100, "1", False), (101, "1", True), (150, "1.5", False)]
)
def test_exactly_the_limit_is_not_over_it(part: int, limit: str, too_much: bool) -> None:
    assert over(part, 10000, limit) is too_much


def test_ids_of_lines_are_what_a_screen_can_point_at() -> None:
    fee = line(2, management_fee=True)
    found = one(examine(draft(line(98), fee), rules_on(date(2023, 6, 1))), "plan.management_fee")
    assert found.lines == [fee.id]
    assert isinstance(found.lines[0], UUID)
