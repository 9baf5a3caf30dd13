"""All queries over notices and objections."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from shared.db import execute_core, note_keys, notice, objection
from shared.errors import NotFound
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


async def get_notice(work: UnitOfWork, notice_id: UUID, *, lock: bool = False) -> sa.Row[Any]:
    """One notice; NotFound when there is none."""
    query = sa.select(notice).where(notice.c.id == notice_id)
    row = (await execute_core(work.session, query.with_for_update() if lock else query)).first()
    if row is None:
        raise NotFound("没有这个公示", "No such notice")
    return row


async def list_by_subject(work: UnitOfWork, kind: str, subject: str) -> list[sa.Row[Any]]:
    """All notices of one record, by first day."""
    query = sa.select(notice).where(notice.c.subject_kind == kind, notice.c.subject == subject)
    return list(await execute_core(work.session, query.order_by(notice.c.starts_on, notice.c.id)))


async def list_objections(work: UnitOfWork, notices: Sequence[UUID]) -> list[sa.Row[Any]]:
    """All objections to these notices, by time."""
    if not notices:
        return []
    query = sa.select(objection).where(objection.c.notice_id.in_(notices))
    return list(await execute_core(work.session, query.order_by(objection.c.raised_at, objection.c.id)))


def build_objection_counts_query(kind: str, subject: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """(subject, level, last day, unanswered objections, upheld objections) of every notice not withdrawn of these subjects."""
    return (
        sa.select(
            notice.c.subject,
            notice.c.level,
            notice.c.ends_on,
            sa.func.count(objection.c.id).filter(objection.c.answered_at.is_(None)).label("unanswered"),
            sa.func.count(objection.c.id).filter(objection.c.upheld.is_(True)).label("upheld"),
        )
        .join_from(notice, objection, notice.c.id == objection.c.notice_id, isouter=True)
        .where(notice.c.subject_kind == kind, subject, notice.c.withdrawn_at.is_(None))
        .group_by(notice.c.id)
        .order_by(notice.c.starts_on, notice.c.id)
    )


async def list_objection_counts(
    work: UnitOfWork, kind: str, subjects: Sequence[str]
) -> list[tuple[str, str, date, int, int]]:
    """(subject, level, last day, unanswered objections, upheld objections) of every notice not withdrawn."""
    query = build_objection_counts_query(kind, notice.c.subject.in_(subjects))
    return [tuple(row) for row in await execute_core(work.session, query)]


async def list_public_notices(
    work: UnitOfWork,
    *,
    region: str,
    kind: str,
    on: date | None,
    level: str = "",
    year: int | None = None,
    q: str = "",
    before: tuple[date, UUID] | None,
    limit: int,
) -> list[sa.Row[Any]]:
    """Notices not withdrawn within a region, newest first; `before` is (first day, id) of a cursor."""
    query = sa.select(notice).where(
        work.within_region(notice.c.region, region), notice.c.withdrawn_at.is_(None)
    )
    if kind:
        query = query.where(notice.c.subject_kind == kind)
    if on is not None:
        query = query.where(notice.c.starts_on <= on, notice.c.ends_on >= on)
    if level:
        query = query.where(notice.c.level == level)
    if year is not None:
        query = query.where(notice.c.starts_on.between(date(year, 1, 1), date(year, 12, 31)))
    if q:
        query = query.where(notice.c.title.contains(q, autoescape=True))
    if before is not None:
        position = sa.tuple_(notice.c.starts_on, notice.c.id)
        query = query.where(
            position < sa.tuple_(sa.literal(before[0], sa.Date), sa.literal(before[1], sa.Uuid))
        )
    query = query.order_by(notice.c.starts_on.desc(), notice.c.id.desc()).limit(limit)
    return list(await execute_core(work.session, query))


async def insert_notice(work: UnitOfWork, **values: Any) -> None:  # noqa: ANN401 - the table's columns
    """Insert a notice."""
    await execute_core(work.session, notice.insert().values(**values))
    note_keys(work.session, notice, [values["id"]])


async def update_withdrawal(work: UnitOfWork, notice_id: UUID, reason: str, at: datetime) -> None:
    """Mark a notice as withdrawn."""
    await execute_core(
        work.session,
        notice.update()
        .where(notice.c.id == notice_id)
        .values(withdrawn_at=at, withdrawn_reason=reason, version=notice.c.version + 1),
    )
    note_keys(work.session, notice, [notice_id])


async def insert_objection(work: UnitOfWork, **values: Any) -> None:  # noqa: ANN401 - the table's columns
    """Insert an objection."""
    await execute_core(work.session, objection.insert().values(**values))
    note_keys(work.session, objection, [values["id"]])


async def system_count_public_objections(work: UnitOfWork, sender: str, notice_id: UUID) -> tuple[int, int]:
    """(objections of this sender in the last hour, online objections to this notice in the last day)."""
    in_hour = sa.and_(objection.c.raised_by == sender, objection.c.raised_at > work.at - timedelta(hours=1))
    in_day = sa.and_(objection.c.notice_id == notice_id, objection.c.raised_at > work.at - timedelta(days=1))
    query = sa.select(
        sa.func.count().filter(in_hour).label("by_sender"), sa.func.count().filter(in_day).label("by_notice")
    ).where(sa.or_(in_hour, in_day))
    row = (await execute_core(work.session, query)).one()
    return int(row.by_sender), int(row.by_notice)


async def system_list_objections_between(work: UnitOfWork, low: UUID, high: UUID) -> list[sa.Row[Any]]:
    """Objections with ids from `low` to `high`, with the title of their notice."""
    query = (
        sa.select(objection, notice.c.title.label("notice_title"))
        .join_from(objection, notice, objection.c.notice_id == notice.c.id)
        .where(objection.c.id.between(low, high))
    )
    return list(await execute_core(work.session, query))


async def update_objection(work: UnitOfWork, objection_id: UUID, **values: Any) -> None:  # noqa: ANN401 - the table's columns
    """Update an objection, such as with its answer."""
    await execute_core(
        work.session, objection.update().where(objection.c.id == objection_id).values(**values)
    )
    note_keys(work.session, objection, [objection_id])


async def get_objection(work: UnitOfWork, notice_id: UUID, objection_id: UUID) -> sa.Row[Any]:
    """Lock and return one objection to one notice; NotFound when there is none."""
    query = sa.select(objection).where(objection.c.id == objection_id, objection.c.notice_id == notice_id)
    row = (await execute_core(work.session, query.with_for_update())).first()
    if row is None:
        raise NotFound("没有这条异议", "No such objection")
    return row


async def system_list_entered_afterwards(
    work: UnitOfWork, since: date, limit: int, ids: Collection[str] | None
) -> list[sa.Row[Any]]:
    """Notices that stand, entered since a day and after their own first day; at most `limit` are looked at.

    With `ids` only these notices are looked at.
    """
    query = sa.select(notice).where(
        notice.c.posted_at >= datetime.combine(since, time(), CHINA_TIME_ZONE),
        notice.c.withdrawn_at.is_(None),
    )
    if ids is not None:
        query = query.where(notice.c.id.in_([UUID(notice_id) for notice_id in sorted(ids)]))
    rows = await execute_core(work.session, query.order_by(notice.c.posted_at.desc()).limit(limit))
    return [row for row in rows if is_entered_afterwards(row)]


def is_entered_afterwards(row: sa.Row[Any]) -> bool:
    """Whether a notice was entered after its first day."""
    entered_on: date = row.posted_at.astimezone(CHINA_TIME_ZONE).date()
    return bool(row.starts_on < entered_on)


@dataclass(frozen=True, slots=True)
class SubjectAuthors:
    """The table of the records that notices of a kind are about, and its columns with the accounts that made the record."""

    model: type[Any]
    columns: tuple[str, ...]

    @property
    def table(self) -> sa.Table:
        """The table of the model."""
        table: sa.Table = self.model.__table__
        return table


async def list_authors(work: UnitOfWork, authors: SubjectAuthors | None, row: sa.Row[Any]) -> set[str]:
    """The accounts that made the record a notice is about, where its kind is declared, and the one that published it."""
    if authors is None:
        return {row.posted_by}
    table = authors.table
    query = sa.select(*(table.c[name] for name in authors.columns)).where(table.c.id == UUID(row.subject))
    made = (await execute_core(work.session, query)).first() or ()
    return {row.posted_by, *made} - {""}


def build_objected_condition(
    work: UnitOfWork, authors: Mapping[str, SubjectAuthors]
) -> sa.ColumnElement[bool]:
    """Whether an objection to a notice that stands has no answer yet, and the caller may decide it."""
    own = work.actor.own_accounts
    subject_id = sa.cast(sa.func.replace(notice.c.subject, "-", ""), sa.Uuid())
    own_records = [
        sa.and_(
            notice.c.subject_kind == kind,
            sa.exists().where(
                one.table.c.id == subject_id, sa.or_(*(one.table.c[name].in_(own) for name in one.columns))
            ),
        )
        for kind, one in authors.items()
    ]
    unanswered = sa.select(objection.c.id).where(
        objection.c.notice_id == notice.c.id, objection.c.answered_at.is_(None)
    )
    unanswered = unanswered.where(objection.c.raised_by.not_in(own))
    return sa.and_(
        notice.c.withdrawn_at.is_(None),
        notice.c.posted_by.not_in(own),
        unanswered.exists(),
        sa.not_(sa.or_(sa.false(), *own_records)),
    )
