"""Which records hold a file: a file is as readable as a record that holds it.

Whenever a record is written whose table has one of `FILE_COLUMNS`, the files it names are noted in `file_holder`. A reader
of the service (`ServiceContext.file_readers`) then says which of these records the caller may read.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.orm import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import May, Reach
from shared.db import execute_core, file, file_holder
from shared.unit_of_work import UnitOfWork

FILE_COLUMNS = frozenset(
    {"after_photos", "decision_file", "evidence", "file_id", "file_ids", "files", "photo", "photos"}
)
"""Names of the columns that hold ids of files: one id, a list of them, or a list of objects with `file_id`."""
MAX_ROWS_AT_ONCE = 500


def list_file_columns(table: sa.Table) -> list[str]:
    """The columns of a table that hold ids of files."""
    if table.name == file.name or "id" not in table.c:
        return []
    return [one.name for one in table.c if one.name in FILE_COLUMNS]


@event.listens_for(Session, "after_flush")
def _note_holders(session: Session, _context: object) -> None:
    rows = [row for record in (*session.new, *session.dirty) for row in _list_held(record)]
    if rows:
        session.connection().execute(_insert_once(session.get_bind().dialect.name, rows))


def _list_held(record: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a record of any table
    state = sa.inspect(record)
    for name in list_file_columns(state.mapper.local_table):
        if state.attrs[name].history.has_changes():
            for file_id in find_file_ids(getattr(record, name)):
                yield _build_row(state.mapper.local_table.name, record.id, file_id)


def _build_row(holder: str, record_id: object, file_id: UUID) -> dict[str, Any]:
    return {"file_id": file_id, "holder": holder, "record_id": str(record_id)}


def find_file_ids(value: Any) -> set[UUID]:  # noqa: ANN401 - the value of a column
    """The ids of files in the value of a column."""
    if isinstance(value, Mapping):
        return find_file_ids(value.get("file_id"))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {found for one in value for found in find_file_ids(one)}
    try:
        return {UUID(str(value))} if value else set()
    except ValueError:
        return set()


def _insert_once(dialect: str, rows: Sequence[Mapping[str, Any]]) -> sa.Executable:
    insert = insert_postgres if dialect == "postgresql" else insert_sqlite
    unique = {tuple(row.values()): row for row in rows}
    return insert(file_holder).values(list(unique.values())).on_conflict_do_nothing()


async def note_holders_of_old_files(session: AsyncSession, tables: Iterable[sa.Table]) -> None:
    """Fill `file_holder` once, for the records of an earlier release."""
    if (await execute_core(session, sa.select(file_holder.c.file_id).limit(1))).first() is not None:
        return
    if (await execute_core(session, sa.select(file.c.id).limit(1))).first() is None:
        return
    for table in tables:
        names = list_file_columns(table)
        if names:
            found = await execute_core(session, sa.select(table.c.id, *(table.c[name] for name in names)))
            rows = [
                _build_row(table.name, row.id, one) for row in found for one in find_file_ids(list(row[1:]))
            ]
            for start in range(0, len(rows), MAX_ROWS_AT_ONCE):
                part = rows[start : start + MAX_ROWS_AT_ONCE]
                await execute_core(session, _insert_once(session.get_bind().dialect.name, part))


async def find_readable(
    work: UnitOfWork, file_ids: Collection[UUID], *, to_attach: bool = False
) -> tuple[set[UUID], dict[UUID, sa.Row[Any]]]:
    """Those of the files that are this service's own; and of these, by id, those that the caller may read.

    They are the caller's uploads, and what a record holds that the caller may read. `to_attach` adds the files of the
    caller's regions that nothing holds yet: a town takes the photo, the bureau attaches it.
    """
    actor = work.actor
    query = sa.select(file, file_holder.c.holder, file_holder.c.record_id).where(file.c.id.in_(file_ids))
    query = query.outerjoin(file_holder, file_holder.c.file_id == file.c.id)
    rows = (await execute_core(work.session, query)).all()
    found = {row.id: row for row in rows}
    reaches = {reach for reach, _, _ in actor.list_reaches(May.FILE_READ)}
    if Reach.ALL in reaches or not reaches:
        return set(found), found if reaches else {}
    readable = {row.id for row in rows if actor.is_same_person(row.uploaded_by)}
    if to_attach:
        in_region = {row.id for row in rows if actor.has_access(May.FILE_READ, row.region)}
        readable |= in_region & {row.id for row in rows if row.holder is None}
    asked = [row for row in rows if row.id not in readable]
    readable |= await _find_visible(work, {row.id for row in asked}, [row for row in asked if row.holder])
    return set(found), {file_id: row for file_id, row in found.items() if file_id in readable}


async def find_held(work: UnitOfWork, file_ids: Collection[UUID]) -> tuple[set[UUID], set[UUID]]:
    """Of files of services/files: those that records of this service hold, and those the caller may read with such a record."""
    if any(reach is Reach.ALL for reach, _, _ in work.actor.list_reaches(May.FILE_READ)):
        return set(file_ids), set(file_ids)
    query = sa.select(file_holder.c.file_id.label("id"), file_holder.c.holder, file_holder.c.record_id)
    holders = (await execute_core(work.session, query.where(file_holder.c.file_id.in_(file_ids)))).all()
    return {row.id for row in holders}, await _find_visible(work, set(file_ids), holders)


async def _find_visible(work: UnitOfWork, file_ids: set[UUID], holders: Sequence[sa.Row[Any]]) -> set[UUID]:
    """Those of the files of which a record is visible; tables written in bulk are asked where no holder is noted."""
    found: set[UUID] = set()
    for name in {row.holder for row in holders}:
        ids = {row.record_id for row in holders if row.holder == name}
        for read in work.context.file_readers.get(name, ()):
            visible = {str(one) for one in (await execute_core(work.session, read(work, ids))).scalars()}
            found |= {row.id for row in holders if row.holder == name and row.record_id in visible}
    unheld = {str(one) for one in file_ids - {row.id for row in holders}}
    for read in work.context.photo_readers if unheld else ():
        found |= {UUID(one) for one in (await execute_core(work.session, read(work, unheld))).scalars()}
    return found
