"""Sheets of months and years, and their signature."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from services.attendance import repository as records
from services.attendance.complaints import repository as complaints
from services.attendance.complaints.lifecycle import ComplaintState
from services.attendance.complaints.models import Complaint
from services.attendance.complaints.schemas import ObjectionRead
from services.attendance.days.models import AttendanceDay
from services.attendance.days.schemas import DayRead
from services.attendance.days.service import evaluate_days
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import send_message
from services.attendance.months import repository
from services.attendance.months.lifecycle import SHEET, SheetAction, SheetFacts, SheetState
from services.attendance.months.models import MonthSheet
from services.attendance.months.schemas import (
    GroupBy,
    MonthRead,
    OwnDay,
    OwnMonth,
    SheetDetail,
    SheetRead,
    SheetSign,
    Tally,
)
from services.attendance.policy import PresenceRules, load_calendar, load_rule
from services.attendance.posts.service import get_person_region
from services.attendance.reviews.models import Review
from shared.auth import May
from shared.china import is_workday, list_days, month_bounds
from shared.clients.attendance import SheetMoved
from shared.db import new_id
from shared.errors import Forbidden
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.unit_of_work import UnitOfWork

YEAR_DIGITS = 4


def list_months(year: int) -> list[str]:
    """The months of a year."""
    return [f"{year:04d}-{month:02d}" for month in range(1, 13)]


async def get_month_sheet(work: UnitOfWork, region: str, period: str, by: GroupBy) -> MonthRead:
    """A region's month ("2024-05") or year ("2024"), one row per person, team, village or town."""
    yearly = len(period) == YEAR_DIGITS
    months = list_months(int(period)) if yearly else [period]
    first, _ = month_bounds(months[0])
    rules, rule = await load_rule(work, "presence.rules", PresenceRules, region, on=first)
    rows = await repository.list_tallies(work, region, months, by)
    names = await repository.list_team_names(work, region) if by == "team" else {}
    least = rules.least_days if rules.period == ("year" if yearly else "month") else None
    whole = await repository.get_total_tally(work, region, months)
    signed = None if yearly else await repository.find_signed_sheet(work, region, period)
    return MonthRead(
        region=region,
        period=period,
        by=by,
        rule_ref=rule.ref,
        state=SheetState.OPEN if signed is None else SheetState.SIGNED,
        signed_by="" if signed is None else signed.signed_by,
        rows=[_build_tally(row, by, names, least) for row in rows],
        total=_build_tally(whole | {"key": region, "region": region}, "town", {}, None),
    )


def _build_tally(row: dict[str, Any], by: str, names: dict[str, str], least: int | None) -> Tally:
    key = "" if row["key"] is None else str(row["key"])
    figures = {
        name: row[name] or 0
        for name in Tally.model_fields
        if name in row and name not in {"key", "name", "region"}
    }
    stationed = (row["halves"] or 0) / 2
    person = by == "person"
    return Tally(
        **figures,
        key=key.ljust(12, "0") if by == "town" else key,
        name=str(row.get("name") or names.get(key, "")),
        region=str(row.get("region") or ""),
        team_id=UUID(row["team"]) if row.get("team") else None,
        stationed=stationed,
        leave=(row["leave_halves"] or 0) / 2,
        least_days=least if person else None,
        met=stationed >= least if person and least is not None else None,
    )


async def _load_facts(work: UnitOfWork, region: str, month: str, reason: str = "") -> SheetFacts:
    whole = await repository.get_total_tally(work, region, [month])
    _, last = month_bounds(month)
    return SheetFacts(work.today, last, int(whole["provisional"] or 0), reason)


async def transition_sheet(
    work: UnitOfWork, action: SheetAction, body: SheetSign, *, match: VersionMatch, dry_run: bool
) -> TransitionPreview | MonthSheet:
    """Sign a region's month, which freezes its days, or take the signature back with a reason.

    Forbidden for somebody whose own days are in it: another person signs.
    """
    work.actor.require(May.PRESENCE_REVIEW, body.region)
    if action is SheetAction.SIGN:
        await evaluate_days(work, await repository.list_unsettled_days(work, body.region, body.month))
    row = await repository.find_sheet(work, body.region, body.month, lock=True) or _build_sheet(work, body)
    lines = (await get_month_sheet(work, body.region, body.month, "person")).rows
    if action is SheetAction.SIGN and work.actor.id in {line.key for line in lines}:
        raise Forbidden("不能为包含本人的月表签字", "Another person must sign")
    preview = await apply_transition(
        work,
        SHEET,
        row,
        action,
        await _load_facts(work, body.region, body.month, body.reason),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: SheetMoved(month=body.month, was=was, now=now),
    )
    if preview is not None:
        return preview
    await (_sign_sheet(work, row, lines) if action is SheetAction.SIGN else _reopen_sheet(work, row))
    return row


def _build_sheet(work: UnitOfWork, body: SheetSign) -> MonthSheet:
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


async def _sign_sheet(work: UnitOfWork, row: MonthSheet, lines: Sequence[Tally]) -> None:
    row.rows = [line.model_dump(mode="json") for line in lines]
    text = json.dumps(row.rows, sort_keys=True, ensure_ascii=False)
    row.digest = hashlib.sha256(text.encode()).hexdigest()
    row.signed_by, row.signed_name = work.actor.id, work.actor.name[:50]
    work.session.add(row)
    await work.session.flush()
    await repository.update_frozen(work, row.region, row.month, frozen=True)
    for line in lines:
        words = f"{row.month} 月表已由{work.actor.name}签字: 计入驻村 {line.stationed:g} 天. 有异议的可对具体日期提出"
        await send_message(work, line.key, MessageKind.SHEET, row, words)


async def _reopen_sheet(work: UnitOfWork, row: MonthSheet) -> None:
    row.signed_by = row.signed_name = row.digest = ""
    row.rows = []
    work.session.add(row)
    await work.session.flush()
    await repository.update_frozen(work, row.region, row.month, frozen=False)
    await evaluate_days(work, await repository.list_person_days(work, row.region, row.month))


async def get_sheet_detail(work: UnitOfWork, sheet_id: UUID) -> SheetDetail:
    """A sheet as it was signed, and what the caller may do."""
    row = await records.get_record(work, MonthSheet, sheet_id, "这张月表")
    facts = await _load_facts(work, row.region, row.month)
    return SheetDetail(
        **SheetRead.model_validate(row).model_dump(),
        rows=[Tally.model_validate(line) for line in row.rows],
        available_actions=available_actions(work, SHEET, row, facts),
    )


async def get_own_month(work: UnitOfWork, asked: str) -> OwnMonth:
    """The caller's month as it stands now; days that have not come yet are only counted."""
    first, last = month_bounds(asked)
    region = await get_person_region(work, work.actor.id, min(max(work.today, first), last))
    whole = await get_month_sheet(work, region, asked, "person")
    rows = await repository.list_own_days(work, first, last)
    reviews = await repository.list_own_reviews(work, first, last)
    objections: dict[date, list[Complaint]] = defaultdict(list)
    for one in await complaints.list_objections(work, work.actor.id, first, last):
        if one.work_date is not None:
            objections[one.work_date].append(one)
    changes = await load_calendar(work, region)
    ahead = [on for on in list_days(first, last) if on > work.today and is_workday(on, changes=changes)]
    return OwnMonth(
        person=work.actor.id,
        month=asked,
        region=region,
        rule_ref=whole.rule_ref,
        state=whole.state,
        signed_by=whole.signed_by,
        tally=next((row for row in whole.rows if row.key == work.actor.id), None),
        days=[_build_own_day(row, reviews.get(row.work_date), objections[row.work_date]) for row in rows],
        to_come=len(ahead),
    )


def _build_own_day(row: AttendanceDay, review: Review | None, objections: Sequence[Complaint]) -> OwnDay:
    return OwnDay(
        **DayRead.model_validate(row).model_dump(),
        review=_describe_review(review) if review else "",
        objections=[ObjectionRead.model_validate(one) for one in objections],
        may_object=not any(one.state is ComplaintState.OPEN for one in objections),
    )


def _describe_review(review: Review) -> str:
    odd = "、".join(dict.fromkeys(one["words"] for one in review.oddities))
    return f"{review.state.label}({odd})" + (f": {review.reason}" if review.reason else "")
