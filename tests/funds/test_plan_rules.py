"""Findings of the dated plan rules as pure functions."""

import json
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

import services.funds
from services.funds import policy
from services.funds.findings import Effect, RuleFinding
from services.funds.percentages import exceeds_percent, format_percent
from services.funds.plans.calculation import LineFacts, RuleInputs, SourceFacts, YearTotals, evaluate_rules
from shared.china import parse_wan_cell
from shared.rules import Rule
from tests.funds.published_batches import DACHUAN, ZEKU, get_batch

RULES_FILE = Path(services.funds.__file__).parent / "rules" / "plans.json"
SOURCE_ID = uuid4()
INDUSTRY_TYPES = ("产业发展",)


def load_rules_on(day: date) -> dict[str, Rule[Any]]:
    """Plan rules of the rule file in force on a day."""
    shapes = {key.key: key for key in policy.RULES}
    rules = {}
    for entry in json.loads(RULES_FILE.read_text(encoding="utf-8")):
        until = entry.get("effective_to")
        if entry["effective_from"] <= str(day) and (until is None or str(day) <= until):
            rules[entry["key"]] = Rule(
                entry["key"],
                1,
                shapes[entry["key"]].parse_value(entry["value"]),
                entry["basis"],
                entry["confirmed"],
                entry["title"],
            )
    return rules


def build_line(amount: int, **overrides: object) -> LineFacts:
    """Line of the single source for a project in reserve state."""
    facts: dict[str, object] = {
        "id": uuid4(),
        "name": "泽库县农村牧区小口机井工程",
        "amount": amount,
        "source_id": SOURCE_ID,
        "project_id": uuid4(),
        "level": "central",
        "task": "consolidation",
        "category": "3.1",
        "industry": False,
        "management_fee": False,
        "project_state": "reserve",
    }
    return LineFacts(**{**facts, **overrides})  # type: ignore[arg-type]


def build_draft(
    *lines: LineFacts, available: int | None = None, day: date = date(2023, 6, 1), **overrides: object
) -> RuleInputs:
    """Rule inputs of these lines with one source that covers them by default."""
    total = sum(line.amount for line in lines)
    source = SourceFacts(
        SOURCE_ID,
        "青财农字〔2023〕505号",
        "central",
        total,
        total if available is None else available,
        date(2023, 5, 20),
    )
    return RuleInputs(on=day, lines=lines, sources={SOURCE_ID: source}, **overrides)  # type: ignore[arg-type]


def find_finding(findings: list[RuleFinding], key: str) -> RuleFinding:
    """The finding of a rule."""
    return next(finding for finding in findings if finding.key == key)


def build_zeku_draft() -> RuleInputs:
    """The published batch 泽库县 2023 第二批."""
    published = get_batch(ZEKU)
    lines = [
        build_line(
            amount,
            name=row["project_name"],
            industry=row["project_type"].startswith(INDUSTRY_TYPES),
            management_fee=row["project_type"] == "项目管理",
        )
        for row, amount in zip(published.rows, published.amounts, strict=True)
    ]
    return build_draft(*lines, announced_total=published.total)


def test_the_published_batch_of_zeku_balances_and_its_management_fee_is_warned_of() -> None:
    findings = evaluate_rules(build_zeku_draft(), load_rules_on(date(2023, 6, 1)))
    assert not [finding for finding in findings if finding.effect is Effect.STOP and not finding.passed]
    fee = find_finding(findings, "plan.management_fee")
    assert (fee.passed, fee.effect, fee.figures["占比%"]) == (False, Effect.WARN, "1.11")
    assert "14.0000" in fee.figures["项目管理费(万元)"]
    share = find_finding(findings, "plan.industry_share")
    assert (share.passed, share.figures["占比%"], share.figures["下限%"]) == (False, "24.38", "60")


def test_the_central_part_of_dachuan_keeps_the_fee_below_one_percent() -> None:
    published = get_batch(DACHUAN)
    lines = [
        build_line(amount, management_fee=row["project_type"] == "项目管理费")
        for row, amount in zip(published.rows, published.amounts, strict=True)
        if row["fund_source"].startswith("中央")
    ]
    assert sum(item.amount for item in lines) == parse_wan_cell("5273")
    fee = find_finding(
        evaluate_rules(build_draft(*lines), load_rules_on(date(2024, 1, 1))), "plan.management_fee"
    )
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
    findings = evaluate_rules(build_draft(build_line(100)), load_rules_on(date(year, 7, 1)))
    share = find_finding(findings, "plan.industry_share")
    assert (share.figures["下限%"], share.effect, share.passed) == (floor, effect, False)


def test_from_2026_the_industry_share_is_only_reported() -> None:
    share = find_finding(
        evaluate_rules(build_draft(build_line(100)), load_rules_on(date(2026, 7, 1))), "plan.industry_share"
    )
    assert share.effect is Effect.REPORT
    assert share.passed
    assert "下限%" not in share.figures


@pytest.mark.parametrize(("industry", "passed"), [(54, False), (55, True), (56, True)])
def test_fifty_five_of_a_hundred_is_enough_in_2022(industry: int, passed: bool) -> None:
    lines = (build_line(industry, industry=True), build_line(100 - industry))
    share = find_finding(
        evaluate_rules(build_draft(*lines), load_rules_on(date(2022, 7, 1))), "plan.industry_share"
    )
    assert share.passed is passed


def test_the_years_other_plans_count_towards_the_industry_share() -> None:
    alone = evaluate_rules(build_draft(build_line(100)), load_rules_on(date(2022, 7, 1)))
    assert not find_finding(alone, "plan.industry_share").passed
    with_year = evaluate_rules(
        build_draft(build_line(100), year={"central": YearTotals(900, 900)}), load_rules_on(date(2022, 7, 1))
    )
    assert find_finding(with_year, "plan.industry_share").passed


def test_the_fee_of_the_year_counts_though_the_plan_alone_keeps_the_limit() -> None:
    lines = (build_line(990_000), build_line(10_000, management_fee=True))
    rules = load_rules_on(date(2023, 6, 1))
    alone = find_finding(evaluate_rules(build_draft(*lines), rules), "plan.management_fee")
    assert alone.passed
    with_year = build_draft(
        *lines, year={"central": YearTotals(1_000_000, 0, 10_001), "provincial": YearTotals(10, 0, 9)}
    )
    finding = find_finding(evaluate_rules(with_year, rules), "plan.management_fee")
    assert not finding.passed
    assert finding.figures["全年占比%"] == "1.00"
    assert finding.message == "项目管理费占 1.00%, 不超过上限 1%; 全年占 1.00%, 超过上限"


def test_what_the_library_finds_unready_is_reported_and_stops_nothing() -> None:
    unready = build_line(60, name="机井", readiness=("没有写明建成后由谁管护",))
    rules = load_rules_on(date(2023, 6, 1))
    finding = find_finding(evaluate_rules(build_draft(unready, build_line(40)), rules), "plan.readiness")
    assert (finding.passed, finding.effect, finding.lines) == (False, Effect.REPORT, [unready.id])
    assert finding.figures == {"机井": "没有写明建成后由谁管护"}
    assert find_finding(evaluate_rules(build_draft(build_line(1)), rules), "plan.readiness").passed
    assert not find_finding(
        evaluate_rules(build_draft(build_line(1), library_unavailable=True), rules), "plan.readiness"
    ).passed


def test_more_than_a_source_holds_is_stopped_with_the_excess() -> None:
    finding = find_finding(
        evaluate_rules(build_draft(build_line(1001), available=1000), load_rules_on(date(2023, 6, 1))),
        "plan.within_source",
    )
    assert (finding.passed, finding.effect) == (False, Effect.STOP)
    assert "超出 0.01 元" in finding.message


def test_a_total_that_is_off_by_one_fen_is_stopped_with_the_difference() -> None:
    finding = find_finding(
        evaluate_rules(build_draft(build_line(999), announced_total=1000), load_rules_on(date(2023, 6, 1))),
        "plan.announced_total",
    )
    assert (finding.passed, finding.effect, finding.figures["差额"]) == (False, Effect.STOP, "-0.01")


@pytest.mark.parametrize(
    ("overrides", "passed"),
    [
        ({"project_state": "reserve"}, True),
        ({"project_state": "planned"}, True),
        ({"project_state": "approval"}, False),
        ({"project_state": None}, False),
        ({"project_state": "reserve", "blocked": True}, False),
    ],
)
def test_only_a_project_in_the_library_that_nothing_blocks_is_given_money(
    overrides: dict[str, object], passed: bool
) -> None:
    line = build_line(100, **overrides)
    finding = find_finding(evaluate_rules(build_draft(line), load_rules_on(date(2023, 6, 1))), "plan.library")
    assert finding.passed is passed
    assert finding.lines == ([] if passed else [line.id])


def test_a_silent_library_stops_nothing_by_chance() -> None:
    finding = find_finding(
        evaluate_rules(
            build_draft(build_line(100), library_unavailable=True), load_rules_on(date(2023, 6, 1))
        ),
        "plan.library",
    )
    assert not finding.passed


def test_money_that_was_not_broken_down_in_thirty_days_is_reported_with_its_age() -> None:
    in_time = find_finding(
        evaluate_rules(build_draft(build_line(1), day=date(2023, 6, 19)), load_rules_on(date(2023, 6, 1))),
        "plan.break_down_days",
    )
    late = find_finding(
        evaluate_rules(build_draft(build_line(1), day=date(2023, 6, 20)), load_rules_on(date(2023, 6, 1))),
        "plan.break_down_days",
    )
    assert (in_time.passed, late.passed) == (True, False)
    assert late.figures == {"青财农字〔2023〕505号": "31"}


def test_a_project_that_was_given_money_before_is_named() -> None:
    line = build_line(100)
    finding = find_finding(
        evaluate_rules(
            build_draft(line, funded_before={line.project_id: 4200}), load_rules_on(date(2023, 6, 1))
        ),
        "plan.same_project",
    )
    assert finding.lines == [line.id]
    assert finding.figures == {line.name: "42.00"}


def test_every_finding_names_its_rule_and_basis() -> None:
    for finding in evaluate_rules(build_zeku_draft(), load_rules_on(date(2023, 6, 1))):
        assert finding.rule.startswith(finding.key + "@")
        assert finding.basis


@given(part=st.integers(0, 10**14), rest=st.integers(0, 10**14))
def test_a_share_is_never_off_by_more_than_half_a_hundredth(part: int, rest: int) -> None:
    total = part + rest
    hundredths = int(format_percent(part, total).replace(".", ""))
    assert abs(hundredths * total - part * 10000) * 2 <= total if total else hundredths == 0


@pytest.mark.parametrize(
    ("part", "limit", "too_much"), [(100, "1", False), (101, "1", True), (150, "1.5", False)]
)
def test_exactly_the_limit_is_not_over_it(part: int, limit: str, too_much: bool) -> None:
    assert exceeds_percent(part, 10000, limit) is too_much


def test_ids_of_lines_are_what_a_screen_can_point_at() -> None:
    fee = build_line(2, management_fee=True)
    finding = find_finding(
        evaluate_rules(build_draft(build_line(98), fee), load_rules_on(date(2023, 6, 1))),
        "plan.management_fee",
    )
    assert finding.lines == [fee.id]
    assert isinstance(finding.lines[0], UUID)
