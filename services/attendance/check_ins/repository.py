"""Queries on check-ins."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins.autocommit_connection import AutocommitConnection
from services.attendance.check_ins.calculation import CheckInRow, build_event_payload
from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import CheckInRead, CheckInSource, Result
from services.attendance.sql_conditions import get_columns
from shared.auth import Actor, May
from shared.clients.attendance import CheckInRecorded
from shared.db import event_log, execute_core, in_list, new_id, send_sqlite_rows
from shared.errors import NotFound
from shared.events import CURRENT_TX_SQL, TX_OFFSET_SQL
from shared.http import PageAnswer, Pagination, answer_page
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

CHECK_IN_TABLE: sa.Table = CheckIn.__table__  # type: ignore[attr-defined]
_CONSTANT_COLUMNS = {
    "version": "1",
    "created_at": "received_at",
    "updated_at": "received_at",
    "coarse": "false",
}
_SENT_COLUMNS = tuple(
    column.name for column in CHECK_IN_TABLE.columns if column.name not in _CONSTANT_COLUMNS
)


_INSERT_ON_SQLITE = sqlite.insert(CHECK_IN_TABLE)
_INSERT_ONE_ON_SQLITE = sqlite.insert(CHECK_IN_TABLE).on_conflict_do_nothing().returning(CHECK_IN_TABLE.c.id)
_LOG_ON_SQLITE = sqlite.insert(event_log).values(tx=sa.literal_column(TX_OFFSET_SQL, sa.BigInteger))
RowsWithActors = Sequence[tuple[CheckInRow, Actor]]


async def system_insert_check_ins(session: AsyncSession, rows: RowsWithActors) -> set[UUID]:
    """Inserts rows whose id is new, with their log rows; returns the new ids. One statement on PostgreSQL."""
    if session.get_bind().dialect.name == "postgresql":
        return set(
            (await execute_core(session, _build_insert_statement(), {"rows": _encode_rows(rows)})).scalars()
        )
    fresh = {row["id"]: (row, actor) for row, actor in rows}
    if len(rows) == 1:
        inserted = await execute_core(session, _INSERT_ONE_ON_SQLITE, rows[0][0])
        fresh = fresh if inserted.scalars().all() else {}
    else:
        await _insert_new_on_sqlite(session, fresh)
    if fresh:
        await send_sqlite_rows(session, _LOG_ON_SQLITE, [_build_log_row(*one) for one in fresh.values()])
    return set(fresh)


async def _insert_new_on_sqlite(session: AsyncSession, fresh: dict[UUID, tuple[CheckInRow, Actor]]) -> None:
    """Insert the rows by id of which none is known; those that are known leave `fresh`."""
    # The transaction began with the lock of the one writer: no id becomes known between the two statements.
    known = in_list(session, CHECK_IN_TABLE.c.id, [one.hex for one in fresh])
    for one in (await execute_core(session, sa.select(CHECK_IN_TABLE.c.id).where(known))).scalars():
        del fresh[one]
    if fresh:
        await send_sqlite_rows(session, _INSERT_ON_SQLITE, [row for row, _ in fresh.values()])


async def system_insert_check_ins_autocommit(
    connection: AutocommitConnection, rows: RowsWithActors
) -> set[UUID]:
    """As system_insert_check_ins, in a transaction of its own that is committed on return."""
    if connection.is_supported:
        inserted = await connection.execute(_compile_insert_statement(), {"rows": _encode_rows(rows)})
        return {row[0] for row in inserted}
    async with connection.database.write() as session:
        return await system_insert_check_ins(session, rows)


def _encode_rows(rows: RowsWithActors) -> str:
    """Returns the statement's JSON parameter: the columns that differ by row, and those of the event."""
    return to_json(
        [
            {name: row.get(name) for name in _SENT_COLUMNS} | _build_event_columns(row, actor)
            for row, actor in rows
        ]
    ).decode()


def _build_event_columns(row: CheckInRow, actor: Actor) -> dict[str, Any]:
    """Returns the columns of the log row that the check-in row does not have."""
    return {
        "event_id": new_id(),
        "actor_device": actor.device,
        "obo": actor.on_behalf_of,
        "actor_person": actor.person,
        "event": build_event_payload(row),
    }


def _build_log_row(row: CheckInRow, actor: Actor) -> dict[str, Any]:
    return {
        "id": new_id(),
        "type": CheckInRecorded.topic,
        "subject": str(row["id"]),
        "subject_version": 1,
        "region": row["region"],
        "actor": actor.id,
        "on_behalf_of": actor.on_behalf_of,
        "device": actor.device,
        "reason": "",
        "recorded_at": min(row["taken_at"], row["received_at"]),
        "ingested_at": row["received_at"],
        "before": {},
        "after": build_event_payload(row),
        "person": actor.person,
        "records": {},
    }


@cache
def _build_insert_statement() -> sa.Executable:
    """Inserts check-ins and their event-log rows in one statement (CTE).

    The rows are one JSON parameter, so the statement text is the same for any number of rows.
    Constant columns (version, the three times, coarse) are not sent.
    """
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    column_types = ", ".join(
        f'"{name}" {CHECK_IN_TABLE.c[name].type.compile(dialect)}' for name in _SENT_COLUMNS
    )
    column_names = ", ".join(f'"{column.name}"' for column in CHECK_IN_TABLE.columns)
    values = ", ".join(
        _CONSTANT_COLUMNS.get(column.name, f'"{column.name}"') for column in CHECK_IN_TABLE.columns
    )
    return sa.text(
        f"""
        WITH sent AS MATERIALIZED (
            SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb))
            AS r({column_types}, event_id uuid, actor_device text, obo text, actor_person text, event jsonb)
        ), fresh AS (
            INSERT INTO check_in ({column_names}) SELECT {values} FROM sent
            ON CONFLICT (id) DO NOTHING RETURNING id
        ), logged AS (
            INSERT INTO event_log (tx, id, type, subject, subject_version, region, actor, on_behalf_of,
                device, reason, recorded_at, ingested_at, before, after, person)
            SELECT {CURRENT_TX_SQL}, event_id, '{CheckInRecorded.topic}',
                CAST(sent.id AS text), 1, region, created_by, obo, actor_device, '',
                LEAST(taken_at, received_at), received_at, '{{}}', event, actor_person
            FROM sent JOIN fresh ON fresh.id = sent.id
        )
        SELECT id FROM fresh
        """  # noqa: S608 - names of our own columns
    ).columns(sa.column("id", sa.Uuid))


@cache
def _compile_insert_statement() -> str:
    """Returns the statement as SQL text for psycopg."""
    return str(_build_insert_statement().compile(dialect=psycopg.dialect()))  # type: ignore[attr-defined,no-untyped-call]


async def system_find_digests(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, tuple[str, str]]:
    """Returns id → (digest, person) of existing check-ins, to tell a repeat from a clash."""
    query = select(CheckIn.id, CheckIn.created_digest, CheckIn.person).where(col(CheckIn.id).in_(ids))
    return {row[0]: (row[1], row[2]) for row in await session.exec(query)}


async def system_list_ids_by_day(
    session: AsyncSession, person_days: Collection[tuple[str, date]]
) -> dict[tuple[str, date], set[UUID]]:
    """Returns (person, day) → ids of the check-ins of these days."""
    check_in = get_columns(CheckIn)
    days = [on for _, on in person_days]
    low = datetime.combine(min(days), time(), CHINA_TIME_ZONE)
    high = datetime.combine(max(days) + timedelta(days=2), time(), CHINA_TIME_ZONE)
    query = sa.select(check_in.id, check_in.person, check_in.work_date).where(
        in_list(session, check_in.person, {person for person, _ in person_days}),
        check_in.taken_at.between(low, high),
        check_in.work_date.in_(set(days)),
    )
    ids_by_day: dict[tuple[str, date], set[UUID]] = {}
    for row in await execute_core(session, query):
        ids_by_day.setdefault((row.person, row.work_date), set()).add(row.id)
    return ids_by_day


async def get_check_in(work: UnitOfWork, check_in_id: UUID) -> CheckIn:
    """Returns one visible check-in. Raises NotFound."""
    query = select(CheckIn).where(CheckIn.id == check_in_id, _visible_check_ins(work))
    check_in = (await work.session.exec(query)).first()
    if check_in is None:
        raise NotFound("没有这条打卡记录", "No such check-in")
    return check_in


async def list_check_ins(
    work: UnitOfWork,
    page_params: Pagination,
    *,
    region: str,
    person: str,
    since: date | None,
    until: date | None,
    result: Result | None,
) -> PageAnswer:
    """Returns a page of visible check-ins, newest first."""
    query = select(CheckIn).where(_visible_check_ins(work))
    if region:
        query = query.where(work.within_region(col(CheckIn.region), region))
    if person:
        query = query.where(CheckIn.person == person)
    if since is not None:
        query = query.where(CheckIn.work_date >= since)
    if until is not None:
        query = query.where(CheckIn.work_date <= until)
    if result is not None:
        query = query.where(CheckIn.result == result)
    orders = {"taken_at": col(CheckIn.taken_at)}
    return await answer_page(
        work.session,
        query,
        page_params,
        read=CheckInRead,
        orders=orders,
        key=col(CheckIn.id),
        default="-taken_at",
    )


def _visible_check_ins(work: UnitOfWork) -> sa.ColumnElement[bool]:
    return work.actor.scope_filter(May.PRESENCE_READ, col(CheckIn.region), col(CheckIn.person))


async def system_coarsen_check_ins(
    session: AsyncSession, region: tuple[str, str], before: date, limit: int
) -> int:
    """Rounds positions of check-ins before a day to two decimals (about 1 km); returns the row count."""
    row = get_columns(CheckIn)
    row_ids = (
        sa.select(row.id)
        .where(row.region.between(*region), row.work_date < before, row.coarse.is_(False))
        .limit(limit)
    )
    values: dict[str, Any] = {
        "lon": sa.func.round(sa.cast(row.lon, sa.Numeric), 2),
        "lat": sa.func.round(sa.cast(row.lat, sa.Numeric), 2),
        "fix": {},
        "coarse": True,
        # The remark of an imported check-in is an address.
        "remark": sa.case((row.source == CheckInSource.SYSTEM, ""), else_=row.remark),
    }
    result = await execute_core(
        session, sa.update(CHECK_IN_TABLE).where(row.id.in_(row_ids)).values(**values)
    )
    return result.rowcount


def system_select_ids(person: str) -> sa.Select[Any]:
    """The ids of a person's check-ins, as a query."""
    return sa.select(CHECK_IN_TABLE.c.id).where(CHECK_IN_TABLE.c.person == person)
