"""Every query over check-ins."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import psycopg
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins.autocommit_connection import AutocommitConnection
from services.attendance.check_ins.calculation import CheckInRow, build_event_payload
from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import Result
from shared.auth import Actor, May, region_bounds
from shared.clients.attendance import CheckInRecorded
from shared.db import event_log, execute_core, new_id
from shared.errors import NotFound
from shared.events import insert_once
from shared.http import Page, Pagination, list_page
from shared.unit_of_work import UnitOfWork

MAX_ROWS_PER_INSERT = 500
"""Rows of one statement on SQLite, which takes some 32,000 values."""
CHECK_IN_TABLE: sa.Table = CheckIn.__table__  # type: ignore[attr-defined]
_CONSTANT_COLUMNS = {
    "version": "1",
    "created_at": "received_at",
    "updated_at": "received_at",
    "coarse": "false",
}
_SENT_COLUMNS = tuple(one.name for one in CHECK_IN_TABLE.columns if one.name not in _CONSTANT_COLUMNS)


RowsWithActors = Sequence[tuple[CheckInRow, Actor]]


async def system_insert_check_ins(session: AsyncSession, sent: RowsWithActors) -> set[UUID]:
    """Write all rows whose id is new, and their events, in one statement; the ids that were new."""
    if session.get_bind().dialect.name == "postgresql":
        return set(
            (await execute_core(session, _build_insert_statement(), {"rows": _encode_rows(sent)})).scalars()
        )
    fresh: set[UUID] = set()
    for start in range(0, len(sent), MAX_ROWS_PER_INSERT):
        statement = insert_once(
            session, CHECK_IN_TABLE, [row for row, _ in sent[start : start + MAX_ROWS_PER_INSERT]]
        )
        fresh |= set((await execute_core(session, statement)).scalars())
    events = [_build_log_row(row, actor) for row, actor in sent if row["id"] in fresh]
    if events:
        await execute_core(session, event_log.insert(), events)
    return fresh


async def system_insert_check_ins_autocommit(
    connection: AutocommitConnection, sent: RowsWithActors
) -> set[UUID]:
    """`system_insert_check_ins` as its own transaction, committed on return."""
    if connection.is_supported:
        rows = await connection.execute(_compile_insert_statement(), {"rows": _encode_rows(sent)})
        return {row[0] for row in rows}
    async with connection.database.write() as session:
        return await system_insert_check_ins(session, sent)


def _encode_rows(sent: RowsWithActors) -> str:
    """What the statement reads: the columns that differ, and what the event has besides."""
    return to_json(
        [{name: row[name] for name in _SENT_COLUMNS} | _build_event_columns(actor) for row, actor in sent]
    ).decode()


def _build_event_columns(actor: Actor) -> dict[str, Any]:
    """What the event beside a row has that the row does not."""
    return {"event_id": new_id(), "actor_device": actor.device, "obo": actor.on_behalf_of}


def _build_log_row(row: CheckInRow, actor: Actor) -> dict[str, Any]:
    return {
        "tx": 0,
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
    }


@cache
def _build_insert_statement() -> sa.Executable:
    """Rows as one JSON parameter, so that the statement is the same for any number; the log beside, in the same breath.

    A new row's version is 1, its three times are that of its receipt, and nothing of it is coarse: these are not sent.
    """
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    shape = ", ".join(f'"{name}" {CHECK_IN_TABLE.c[name].type.compile(dialect)}' for name in _SENT_COLUMNS)
    names = ", ".join(f'"{one.name}"' for one in CHECK_IN_TABLE.columns)
    values = ", ".join(_CONSTANT_COLUMNS.get(one.name, f'"{one.name}"') for one in CHECK_IN_TABLE.columns)
    return sa.text(
        f"""
        WITH sent AS MATERIALIZED (
            SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb))
            AS r({shape}, event_id uuid, actor_device text, obo text)
        ), fresh AS (
            INSERT INTO check_in ({names}) SELECT {values} FROM sent
            ON CONFLICT (id) DO NOTHING RETURNING id
        ), logged AS (
            INSERT INTO event_log (tx, id, type, subject, subject_version, region, actor, on_behalf_of,
                device, reason, recorded_at, ingested_at, before, after)
            SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint), event_id, '{CheckInRecorded.topic}',
                CAST(sent.id AS text), 1, region, created_by, obo, actor_device, '',
                LEAST(taken_at, received_at), received_at, '{{}}',
                jsonb_build_object('person', person, 'work_date', work_date, 'kind', kind, 'verdict',
                    coalesce(verdict, ''), 'result', result, 'post_id', post_id, 'taken_at', taken_at)
            FROM sent JOIN fresh ON fresh.id = sent.id
        )
        SELECT id FROM fresh
        """  # noqa: S608 - names of our own columns
    ).columns(sa.column("id", sa.Uuid))


@cache
def _compile_insert_statement() -> str:
    """The same as the driver reads it."""
    return str(_build_insert_statement().compile(dialect=psycopg.dialect()))  # type: ignore[attr-defined,no-untyped-call]


async def system_find_digests(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, tuple[str, str]]:
    """(digest, person) of the records with these ids, for telling a repeat from a clash."""
    query = select(CheckIn.id, CheckIn.created_digest, CheckIn.person).where(col(CheckIn.id).in_(ids))
    return {row[0]: (row[1], row[2]) for row in await session.exec(query)}


async def get_check_in(work: UnitOfWork, check_in_id: UUID) -> CheckIn:
    """One record the caller sees; NotFound otherwise."""
    query = select(CheckIn).where(CheckIn.id == check_in_id, _visible_check_ins(work))
    found = (await work.session.exec(query)).first()
    if found is None:
        raise NotFound("没有这条打卡记录", "No such check-in")
    return found


async def list_check_ins(
    work: UnitOfWork,
    asked: Pagination,
    *,
    region: str,
    person: str,
    low: date | None,
    high: date | None,
    result: Result | None,
) -> Page[CheckIn]:
    """Check-ins the caller sees, newest first."""
    query = select(CheckIn).where(_visible_check_ins(work))
    if region:
        query = query.where(col(CheckIn.region).between(*region_bounds(region)))
    if person:
        query = query.where(CheckIn.person == person)
    if low is not None:
        query = query.where(CheckIn.work_date >= low)
    if high is not None:
        query = query.where(CheckIn.work_date <= high)
    if result is not None:
        query = query.where(CheckIn.result == result)
    orders = {"taken_at": col(CheckIn.taken_at)}
    return await list_page(
        work.session, query, asked, orders=orders, key=col(CheckIn.id), default="-taken_at"
    )


def _visible_check_ins(work: UnitOfWork) -> sa.ColumnElement[bool]:
    return work.actor.scope_filter(May.PRESENCE_READ, col(CheckIn.region), col(CheckIn.person))
