"""Finds what is due soon in a service, and writes one message a day for each district."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from shared.db import event_log, execute_core
from shared.events import publish
from shared.records import RecordKind
from shared.reminders.rules import REMINDER, ReminderRule
from shared.reminders.schemas import ReminderDue
from shared.unit_of_work import ServiceContext, UnitOfWork

SCAN_INTERVAL_S = 3600
MAX_DAYS = 30
MAX_ROWS_PER_KIND = 2000
DISTRICT_DIGITS = 6


@dataclass(frozen=True, slots=True)
class DueRecord:
    """A record that waits for somebody and is due soon."""

    kind: str
    title: str
    state: str
    region: str
    due_on: date


def list_reminded_kinds(kinds: Sequence[RecordKind]) -> list[RecordKind]:
    """The kinds whose records have a day by which somebody must end their state."""
    return [kind for kind in kinds if kind.due and kind.turns]


async def remind_due(context: ServiceContext, kinds: Sequence[RecordKind]) -> int:
    """Write today's message of each district that has none yet; returns how many were written."""
    async with context.database.read() as session:
        work = context.unit_of_work(session)
        by_district: dict[str, list[DueRecord]] = defaultdict(list)
        for kind in list_reminded_kinds(kinds):
            for record in await _list_due(work, kind):
                by_district[record.region[:DISTRICT_DIGITS].ljust(12, "0")].append(record)
    written = 0
    for district, records in sorted(by_district.items()):
        async with context.database.write() as session:
            written += await _write_message(context.unit_of_work(session), district, records)
    if written:
        context.changed.set()
    return written


async def _list_due(work: UnitOfWork, kind: RecordKind) -> list[DueRecord]:
    columns = kind.table.c
    due, states = columns[kind.due], {one.state.value: one.state.label for one in kind.turns}
    conditions: list[sa.ColumnElement[bool]] = [
        columns.state.in_(sorted(states)),
        due.between(work.today, work.today + timedelta(days=MAX_DAYS)),
    ]
    if kind.only is not None:
        conditions.append(kind.only())
    wanted: list[Any] = [columns[kind.title], columns[kind.region], columns.state, due]
    query = sa.select(*wanted).where(*conditions).order_by(due, columns[kind.key]).limit(MAX_ROWS_PER_KIND)
    rows: Any = await execute_core(work.session, query)
    return [
        DueRecord(kind.label, str(title), states[str(getattr(state, "value", state))], region, due_on)
        for title, region, state, due_on in rows
    ]


async def _write_message(work: UnitOfWork, district: str, records: Sequence[DueRecord]) -> bool:
    """Write the message unless the district has today's, the rule is off there, or nothing is due that soon."""
    rule = (await work.get_rule(REMINDER, region=district)).value
    last = work.today + timedelta(days=rule.days)
    due = sorted(
        (one for one in records if one.due_on <= last), key=lambda one: (one.due_on, one.kind, one.title)
    )
    if not rule.enabled or not due:
        return False
    subject = f"reminder:{district}:{work.today}"
    columns = event_log.c
    query = sa.select(columns.seq).where(columns.subject == subject).limit(1)
    if (await execute_core(work.session, query)).first() is not None:
        return False
    text = format_message(work.today, due, rule)
    await publish(
        work.session,
        ReminderDue(on=work.today, count=len(due), text=text),
        actor=work.actor,
        subject=subject,
        version=1,
        region=district,
        at=work.at,
    )
    return True


def format_message(today: date, due: Sequence[DueRecord], rule: ReminderRule) -> str:
    """The message in Chinese: how many are due, then a line for each, the most urgent first."""
    lines = [f"【到期提醒】{today}: {rule.days} 天内到期 {len(due)} 件"]
    for number, one in enumerate(due[: rule.most], 1):
        days = (one.due_on - today).days
        when = "今天到期" if days == 0 else f"还有 {days} 天({one.due_on})"
        lines.append(f"{number}. {one.kind}“{one.title[:40]}” {one.state}, {when}")
    if len(due) > rule.most:
        lines.append(f"另有 {len(due) - rule.most} 件, 请登录办公端查看")
    return "\n".join(lines)
