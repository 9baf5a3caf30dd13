"""Month and year sheets, their signature, and the caller's own month."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from services.attendance import repository as records
from services.attendance.complaints import repository as complaints
from services.attendance.complaints.lifecycle import ComplaintState
from services.attendance.complaints.models import Complaint
from services.attendance.complaints.schemas import AttendanceObjectionRead
from services.attendance.days.models import AttendanceDay
from services.attendance.days.schemas import DayRead
from services.attendance.days.service import evaluate_days
from services.attendance.groups.repository import list_group_names
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import send_message
from services.attendance.months import repository
from services.attendance.months.lifecycle import SHEET, SheetAction, SheetFacts, SheetState
from services.attendance.months.models import MonthSheet
from services.attendance.months.schemas import (
    GroupBy,
    HeldDay,
    MonthRead,
    MonthTally,
    OwnDay,
    OwnMonth,
    SheetDetail,
    SheetRead,
    SheetSign,
)
from services.attendance.policy import PRESENCE_RULES, PresenceRules, load_calendar
from services.attendance.posts.service import get_person_region
from services.attendance.reviews.models import Review
from services.attendance.statistics import service as statistics
from shared.auth import May
from shared.china import is_workday, list_days, month_bounds
from shared.clients.attendance import SheetMoved
from shared.db import new_id
from shared.errors import Forbidden
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.records.region_names import find_place_names
from shared.rules import Rule
from shared.unit_of_work import UnitOfWork

YEAR_DIGITS = 4
MONTHS_A_YEAR = 12
MAX_NAMED_PERSONS, MAX_NAMED_DAYS = 10, 10
"""Persons and days of each that a refused signature names; the month names all."""


def list_months(year: int) -> list[str]:
    """Returns the months of a year as "YYYY-MM"."""
    return [f"{year:04d}-{month:02d}" for month in range(1, 13)]


async def get_month_sheet(
    work: UnitOfWork, region: str, period: str, by: GroupBy, group_id: UUID | None = None
) -> MonthRead:
    """Returns a region's month ("2024-05") or year ("2024"): one row per person, team, group, village or town, and the total.

    With `group_id` only the days of that attendance group are counted.
    """
    places = await find_place_names(work, region) if by in {"village", "town"} else None
    is_year = len(period) == YEAR_DIGITS
    months = list_months(int(period)) if is_year else [period]
    rule = await _get_period_rule(work, region, months)
    rows = await repository.list_tallies(work, region, months, by, group_id)
    names = await repository.list_team_names(work, region) if by == "team" else {}
    if by == "group":
        names = await list_group_names(work, region)
    if places is not None:
        names = {row["key"]: places.find_name(row["key"].ljust(12, "0")) for row in rows}
    targets = await _load_targets(work, region, rule.value, months) if by == "person" else _Targets()
    total = await repository.get_total_tally(work, region, months, group_id)
    signed = None if is_year else await repository.find_signed_sheet(work, region, period)
    is_open_month = not is_year and signed is None
    return MonthRead(
        region=region,
        period=period,
        by=by,
        rule_ref=rule.ref,
        state=SheetState.OPEN if signed is None else SheetState.SIGNED,
        signed_by="" if signed is None else signed.signed_by,
        signed_name="" if signed is None else signed.signed_name,
        signed_at=None if signed is None else signed.state_since,
        rows=[_build_tally(row, by, names, targets) for row in rows],
        total=_build_tally(total | {"key": region, "region": region}, "town", {}, _Targets()),
        held_by=await repository.list_held_days(work, region, period) if is_open_month else [],
    )


async def _get_period_rule(work: UnitOfWork, region: str, months: Sequence[str]) -> Rule[PresenceRules]:
    """Returns the rule of a period: of a month that in force at its start.

    A year is judged by the rule that was adopted last: one of 1 November still speaks of the whole year.
    """
    first, (_, last) = month_bounds(months[0])[0], month_bounds(months[-1])
    if len(months) > 1:
        return await work.get_rule(PRESENCE_RULES, region=region, on=max(first, min(last, work.today)))
    rule = await work.get_rule(PRESENCE_RULES, region=region, on=first)
    if rule.value.period == "month":
        return rule
    on = max(first, min(date(first.year, MONTHS_A_YEAR, 31), work.today))
    of_year = await work.get_rule(PRESENCE_RULES, region=region, on=on)
    return of_year if of_year.value.period == "year" else rule


async def _load_targets(
    work: UnitOfWork, region: str, rules: PresenceRules, months: Sequence[str]
) -> "_Targets":
    """Returns what the rule demands of a person in a period."""
    is_year = len(months) > 1
    if rules.period != ("year" if is_year else "month"):
        if is_year:
            return _Targets()
        so_far = [month for month in list_months(int(months[0][:YEAR_DIGITS])) if month <= months[0]]
        halves = {row["key"]: row["halves"] for row in await repository.list_halves(work, region, so_far)}
        return _Targets(year_least_days=rules.least_days, year_halves=halves)
    coming = 0
    if rules.days_counted == "working":
        changes = await load_calendar(work, region)
        _, last = month_bounds(months[-1])
        coming_days = list_days(work.today + timedelta(days=1), last) if last > work.today else []
        coming = sum(is_workday(on, changes=changes) for on in coming_days)
    return _Targets(rules.least_days, rules.days_counted == "working", coming)


@dataclass(frozen=True, slots=True)
class _Targets:
    """Days that a rule demands of a person in a period; with `by_workdays` not more than its working days.

    A month under a yearly rule has `year_least_days`, and `year_halves` by person up to the month.
    """

    least_days: int | None = None
    by_workdays: bool = False
    coming_workdays: int = 0
    year_least_days: int | None = None
    year_halves: Mapping[str, int] = field(default_factory=dict)

    def get_least_days(self, workdays: int) -> int | None:
        """Returns the days demanded of a person with so many working days up to today."""
        if self.least_days is None or not self.by_workdays:
            return self.least_days
        return min(self.least_days, workdays + self.coming_workdays)


async def transition_sheet(
    work: UnitOfWork, action: SheetAction, body: SheetSign, *, match: VersionMatch, dry_run: bool
) -> TransitionPreview | MonthSheet:
    """Signs a region's month, which freezes its days, or revokes the signature with a reason.

    Raises Forbidden if the caller's own days are in it: another person must sign.
    """
    work.actor.require(May.PRESENCE_REVIEW, body.region)
    if action is SheetAction.SIGN:
        await evaluate_days(work, await repository.list_unsettled_days(work, body.region, body.month))
    sheet = await repository.find_sheet(work, body.region, body.month, lock=True) or _build_sheet(work, body)
    tallies = (await get_month_sheet(work, body.region, body.month, "person")).rows
    if action is SheetAction.SIGN and work.actor.is_same_person(*(tally.key for tally in tallies)):
        raise Forbidden("不能为包含本人的月表签字", "Another person must sign")
    preview = await apply_transition(
        work,
        SHEET,
        sheet,
        action,
        await _load_facts(work, body.region, body.month, body.reason),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: SheetMoved(month=body.month, was=was, now=now),
    )
    if preview is not None:
        return preview
    await (_sign_sheet(work, sheet, tallies) if action is SheetAction.SIGN else _reopen_sheet(work, sheet))
    return sheet


async def get_sheet_detail(work: UnitOfWork, sheet_id: UUID) -> SheetDetail:
    """Returns a sheet as signed, with available actions."""
    sheet = await records.get_record(work, MonthSheet, sheet_id, "这张月表")
    facts = await _load_facts(work, sheet.region, sheet.month)
    return SheetDetail(
        **SheetRead.model_validate(sheet).model_dump(),
        rows=[MonthTally.model_validate(tally) for tally in sheet.rows],
        available_actions=available_actions(work, SHEET, sheet, facts),
    )


async def get_own_month(work: UnitOfWork, month: str) -> OwnMonth:
    """Returns the caller's month as of now; workdays after today are only counted."""
    first, last = month_bounds(month)
    region = await get_person_region(work, work.actor.id, min(max(work.today, first), last))
    sheet = await get_month_sheet(work, region, month, "person")
    rows = await repository.list_own_days(work, first, last)
    reviews = await repository.list_own_reviews(work, first, last)
    objections: dict[date, list[Complaint]] = defaultdict(list)
    for objection in await complaints.list_objections(work, work.actor.id, first, last):
        if objection.work_date is not None:
            objections[objection.work_date].append(objection)
    changes = await load_calendar(work, region)
    coming_workdays = [
        on for on in list_days(first, last) if on > work.today and is_workday(on, changes=changes)
    ]
    return OwnMonth(
        person=work.actor.id,
        month=month,
        region=region,
        rule_ref=sheet.rule_ref,
        state=sheet.state,
        signed_by=sheet.signed_by,
        tally=next((row for row in sheet.rows if row.key == work.actor.id), None),
        days=[_build_own_day(row, reviews.get(row.work_date), objections[row.work_date]) for row in rows],
        to_come=len(coming_workdays),
    )


def _build_tally(row: dict[str, Any], by: str, names: dict[str, str], targets: _Targets) -> MonthTally:
    """Returns a sheet row; half days become days, a target applies to persons only."""
    key = "" if row["key"] is None else str(row["key"])
    figures = {
        name: row[name] or 0
        for name in MonthTally.model_fields
        if name in row and name not in {"key", "name", "region"}
    }
    stationed = (row["halves"] or 0) / 2
    least_days = targets.get_least_days(row["workdays"] or 0)
    year_halves = None if targets.year_least_days is None else targets.year_halves.get(key, 0)
    return MonthTally(
        **figures,
        key=key.ljust(12, "0") if by == "town" else key,
        name=str(row.get("name") or names.get(key, "")),
        region=str(row.get("region") or ""),
        team_id=UUID(row["team"]) if row.get("team") else None,
        stationed=stationed,
        leave=(row["leave_halves"] or 0) / 2,
        least_days=least_days,
        met=None if least_days is None else stationed >= least_days,
        year_stationed=None if year_halves is None else year_halves / 2,
        year_least_days=targets.year_least_days,
    )


async def _load_facts(work: UnitOfWork, region: str, month: str, reason: str = "") -> SheetFacts:
    """Returns the guards' inputs."""
    held_days = await repository.list_held_days(work, region, month)
    _, last = month_bounds(month)
    return SheetFacts(work.today, last, _describe_held_days(held_days), reason)


def _describe_held_days(held_days: Sequence[HeldDay]) -> str:
    """Returns who holds the sheet back, with the days and why, in Chinese."""
    by_person: dict[str, list[str]] = defaultdict(list)
    for day in held_days:
        by_person[day.person_name or day.person].append(f"{day.work_date:%m-%d}")
    parts = [f"{name} {'、'.join(days[:MAX_NAMED_DAYS])}" for name, days in by_person.items()]
    more = f"等 {len(parts)} 人" if len(parts) > MAX_NAMED_PERSONS else ""
    return "; ".join(parts[:MAX_NAMED_PERSONS]) + more


def _build_sheet(work: UnitOfWork, body: SheetSign) -> MonthSheet:
    """Returns an open sheet that is not stored yet."""
    first, _ = month_bounds(body.month)
    return MonthSheet(
        id=new_id(),
        region=body.region,
        version=0,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        month=body.month,
        state=SheetState.OPEN,
        state_since=work.at.replace(year=first.year, month=first.month, day=1),
    )


async def _sign_sheet(work: UnitOfWork, sheet: MonthSheet, tallies: Sequence[MonthTally]) -> None:
    """Stores the rows and the monthly statistics with their SHA-256, freezes the days, tells each person."""
    sheet.rows = [tally.model_dump(mode="json") for tally in tallies]
    lines = await statistics.list_lines(work, sheet.region, sheet.month)
    sheet.statistics = [line.model_dump(round_trip=True) for line in lines]
    sheet.deeds = await statistics.list_deed_rows(work, sheet.region, sheet.month)
    signed_json = json.dumps([sheet.rows, sheet.statistics, sheet.deeds], sort_keys=True, ensure_ascii=False)
    sheet.digest = hashlib.sha256(signed_json.encode()).hexdigest()
    sheet.signed_by, sheet.signed_name = work.actor.id, work.actor.name[:50]
    work.session.add(sheet)
    await work.session.flush()
    await repository.update_frozen(work, sheet.region, sheet.month, frozen=True)
    for tally in tallies:
        text = f"{sheet.month} 月表已由{work.actor.name}签字: 计入驻村 {tally.stationed:g} 天. 有异议的可对具体日期提出"
        await send_message(work, tally.key, MessageKind.SHEET, sheet, text)


async def _reopen_sheet(work: UnitOfWork, sheet: MonthSheet) -> None:
    """Clears the signature, releases the days and evaluates them again."""
    sheet.signed_by = sheet.signed_name = sheet.digest = ""
    sheet.rows, sheet.statistics, sheet.deeds = [], [], []
    work.session.add(sheet)
    await work.session.flush()
    await repository.update_frozen(work, sheet.region, sheet.month, frozen=False)
    await evaluate_days(work, await repository.list_person_days(work, sheet.region, sheet.month))


def _build_own_day(day: AttendanceDay, review: Review | None, objections: Sequence[Complaint]) -> OwnDay:
    """Returns a day with its review and objections."""
    return OwnDay(
        **DayRead.model_validate(day).model_dump(),
        review=_describe_review(review) if review else "",
        objections=[AttendanceObjectionRead.model_validate(objection) for objection in objections],
        may_object=not any(objection.state is ComplaintState.OPEN for objection in objections),
    )


def _describe_review(review: Review) -> str:
    """Returns state, anomalies and reason of a review in Chinese."""
    summary = "、".join(dict.fromkeys(anomaly["words"] for anomaly in review.oddities))
    return f"{review.state.label}({summary})" + (f": {review.reason}" if review.reason else "")
