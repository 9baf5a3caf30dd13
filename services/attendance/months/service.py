"""Sheets of months and years, and their signature."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.attendance import repository as records
from services.attendance.days.service import reckon_days
from services.attendance.messages.kinds import MessageKind
from services.attendance.messages.service import inform
from services.attendance.months import repository
from services.attendance.months.lifecycle import SHEET, SheetAction, SheetFacts, SheetState
from services.attendance.months.models import MonthSheet
from services.attendance.months.schemas import (
    By,
    MonthRead,
    SheetDetail,
    SheetRead,
    SheetSign,
    Tally,
)
from services.attendance.policy import PresenceRules, ruled
from shared.contracts.attendance import SheetMoved
from shared.errors import Forbidden
from shared.http import Match
from shared.ids import new_id
from shared.moves import Preview, fire, offers
from shared.permissions import May
from shared.work import Work
from shared.workdays import month_span

YEAR_DIGITS = 4


def months_of(year: int) -> list[str]:
    """The months of a year."""
    return [f"{year:04d}-{month:02d}" for month in range(1, 13)]


async def sheet(work: Work, region: str, period: str, by: By) -> MonthRead:
    """A region's month ("2024-05") or year ("2024"), one row per person, team, village or town."""
    yearly = len(period) == YEAR_DIGITS
    months = months_of(int(period)) if yearly else [period]
    first, _ = month_span(months[0])
    rules, rule = await ruled(work, "presence.rules", PresenceRules, region, on=first)
    rows = await repository.tallies(work, region, months, by)
    names = await repository.team_names(work, region) if by == "team" else {}
    least = rules.least_days if rules.period == ("year" if yearly else "month") else None
    whole = await repository.total(work, region, months)
    signed = None if yearly else await repository.signed_over(work, region, period)
    return MonthRead(
        region=region,
        period=period,
        by=by,
        rule_ref=rule.ref,
        state=SheetState.OPEN if signed is None else SheetState.SIGNED,
        signed_by="" if signed is None else signed.signed_by,
        rows=[_tally(row, by, names, least) for row in rows],
        total=_tally(whole | {"key": region, "region": region}, "town", {}, None),
    )


def _tally(row: dict[str, Any], by: str, names: dict[str, str], least: int | None) -> Tally:
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


async def _facts(work: Work, region: str, month: str, reason: str = "") -> SheetFacts:
    whole = await repository.total(work, region, [month])
    _, last = month_span(month)
    return SheetFacts(work.today, last, int(whole["provisional"] or 0), reason)


async def act(
    work: Work, action: SheetAction, body: SheetSign, *, match: Match, dry_run: bool
) -> Preview | MonthSheet:
    """Sign a region's month, which freezes its days, or take the signature back with a reason.

    Forbidden for somebody whose own days are in it: another person signs.
    """
    work.actor.require(May.PRESENCE_REVIEW, body.region)
    if action is SheetAction.SIGN:
        await reckon_days(work, await repository.unsettled(work, body.region, body.month))
    row = await repository.sheet(work, body.region, body.month, lock=True) or _made(work, body)
    lines = (await sheet(work, body.region, body.month, "person")).rows
    if action is SheetAction.SIGN and work.actor.id in {line.key for line in lines}:
        raise Forbidden("不能为包含本人的月表签字", "Another person must sign")
    preview = await fire(
        work,
        SHEET,
        row,
        action,
        await _facts(work, body.region, body.month, body.reason),
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: SheetMoved(month=body.month, was=was, now=now),
    )
    if preview is not None:
        return preview
    await (_signed(work, row, lines) if action is SheetAction.SIGN else _opened(work, row))
    return row


def _made(work: Work, body: SheetSign) -> MonthSheet:
    first, _ = month_span(body.month)
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


async def _signed(work: Work, row: MonthSheet, lines: Sequence[Tally]) -> None:
    row.rows = [line.model_dump(mode="json") for line in lines]
    text = json.dumps(row.rows, sort_keys=True, ensure_ascii=False)
    row.digest = hashlib.sha256(text.encode()).hexdigest()
    row.signed_by, row.signed_name = work.actor.id, work.actor.name[:50]
    work.session.add(row)
    await work.session.flush()
    await repository.freeze(work, row.region, row.month, frozen=True)
    for line in lines:
        words = f"{row.month} 月表已由{work.actor.name}签字: 计入驻村 {line.stationed:g} 天. 有异议的可对具体日期提出"
        await inform(work, line.key, MessageKind.SHEET, row, words)


async def _opened(work: Work, row: MonthSheet) -> None:
    row.signed_by = row.signed_name = row.digest = ""
    row.rows = []
    work.session.add(row)
    await work.session.flush()
    await repository.freeze(work, row.region, row.month, frozen=False)
    await reckon_days(work, await repository.persons(work, row.region, row.month))


async def detail(work: Work, sheet_id: UUID) -> SheetDetail:
    """A sheet as it was signed, and what the caller may do."""
    row = await records.get(work, MonthSheet, sheet_id, "这张月表")
    facts = await _facts(work, row.region, row.month)
    return SheetDetail(
        **SheetRead.model_validate(row).model_dump(),
        rows=[Tally.model_validate(line) for line in row.rows],
        available_actions=offers(work, SHEET, row, facts),
    )
