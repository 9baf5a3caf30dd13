"""Shapes and keys of the dated rules that the households service reads."""

from dataclasses import replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from shared.china import CalendarChanges, add_workdays, list_months
from shared.errors import Unavailable
from shared.notices.rules import NOTICE_RULES
from shared.person_requests.rules import PERSON_REQUEST_DAYS
from shared.records.table_imports import declare_heads
from shared.rules import Code, Label, Labels, RuleKey, RuleValue, YuanText
from shared.unit_of_work import UnitOfWork

Workdays = Annotated[int, Field(ge=1, le=60)]


class Deadlines(RuleValue):
    """监测办理时限."""

    verify_workdays: Workdays = Field(title="收到线索后入户核查的工作日")
    approve_workdays: Workdays = Field(title="入户核查后县级审定的工作日")


class VisitList(RuleValue):
    """必访清单."""

    name: Label = Field(title="清单名称")
    reasons: Labels = Field(title="必访情形", min_length=1)


class SelfReportLimits(RuleValue):
    """公众自主申报的次数限制."""

    per_sender_day: Annotated[int, Field(ge=1, le=100)] = Field(title="每个来源每天次数")
    per_village_day: Annotated[int, Field(ge=1, le=1000)] = Field(title="每个村每天次数")


class LoanTerms(RuleValue):
    """小额信贷的条件."""

    most: YuanText = Field(title="一户贷款上限(元)")
    months: Annotated[int, Field(ge=1, le=120)] = Field(title="最长期限(月)")
    least_age: Annotated[int, Field(ge=16, le=100)] = Field(title="借款人最小年龄")
    most_age: Annotated[int, Field(ge=16, le=100)] = Field(title="借款人最大年龄")
    extensions: Annotated[int, Field(ge=0, le=5)] = Field(title="可展期次数")
    forbidden: Annotated[tuple[Label, ...], Field(max_length=100)] = Field(title="禁止的用途词")


HOUSEHOLD_HEADS = declare_heads("households")
LOAN_HEADS = declare_heads("loans")
DEADLINES = RuleKey[Deadlines]("households.deadlines", Deadlines)
INCOME_LINE = RuleKey[str]("households.income_line", Annotated[YuanText, Field(title="监测范围(元/人·年)")])
CLASSES = RuleKey[tuple[str, ...]](
    "households.classes",
    Annotated[tuple[Code, ...], Field(title="监测对象类别", min_length=1, max_length=10)],
)
VISIT_LIST = RuleKey[VisitList]("households.visit_list", VisitList)
SELF_REPORT_LIMITS = RuleKey[SelfReportLimits]("households.self_report_limits", SelfReportLimits)
LOAN_TERMS = RuleKey[LoanTerms]("households.loan_terms", LoanTerms)
RULES: tuple[RuleKey[Any], ...] = (
    DEADLINES,
    INCOME_LINE,
    CLASSES,
    VISIT_LIST,
    SELF_REPORT_LIMITS,
    LOAN_TERMS,
    HOUSEHOLD_HEADS,
    LOAN_HEADS,
    PERSON_REQUEST_DAYS,
    *NOTICE_RULES,
)


class DeadlineStep(StrEnum):
    """Which deadline of the rule."""

    VERIFY = "verify_workdays"
    APPROVE = "approve_workdays"


async def find_deadline(work: UnitOfWork, region: str, start: date, step: DeadlineStep) -> tuple[date, str]:
    """(last day of a step that begins on `start`, the rule), in working days of the district's calendar.

    The calendar is asked of attendance, which keeps it; while that is down the national calendar counts. Call it before
    the first statement of a transaction.
    """
    async with work.context.database.read() as session:
        rule = await replace(work, session=session).get_rule(DEADLINES, on=start, region=region)
    days: int = getattr(rule.value, step)
    client = work.service_client("attendance")
    changes: dict[date, tuple[bool, str]] = {}
    try:
        for month in list_months(start, start + timedelta(days=days * 2 + 14)):
            query = {"month": month, "region": region}
            for day in await client.get("/api/v1/attendance/calendar", params=query):
                changes[date.fromisoformat(day["on"])] = (day["works"], day["name"])
    except Unavailable:
        changes = {}
    return add_workdays(start, days, changes=CalendarChanges(changes)), rule.ref
