"""What answers, for each table of a service, which of its records the caller may read: who reads a file follows from it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from shared.files.holders import list_file_columns
from shared.records.kinds import RecordKind
from shared.unit_of_work import RecordReader, UnitOfWork


def build_file_readers(kinds: Sequence[RecordKind]) -> dict[str, list[RecordReader]]:
    """Table → readers: those of its kinds; for a table without a kind, those of the first table that it refers to."""
    readers: dict[str, list[RecordReader]] = {}
    by_table: dict[str, list[RecordKind]] = {}
    for kind in kinds:
        by_table.setdefault(kind.table.name, []).append(kind)
        readers.setdefault(kind.table.name, []).append(_build_reader(kind, kind.table.c[kind.key]))
    tables = {table for kind in kinds for table in kind.table.metadata.tables.values()}
    for table in tables:
        if table.name in by_table or not list_file_columns(table):
            continue
        for reference in sorted(table.foreign_keys, key=lambda one: one.parent.name):
            parents = by_table.get(reference.column.table.name, [])
            readers.setdefault(table.name, []).extend(
                _build_reader(kind, table.c.id, reference.parent) for kind in parents
            )
    return readers


def build_photo_readers(kinds: Sequence[RecordKind]) -> list[RecordReader]:
    """Readers of the tables that are written in bulk, by the id of the file in their column."""
    return [_build_reader(kind, kind.table.c[kind.photo]) for kind in kinds if kind.photo]


def _build_reader(
    kind: RecordKind, column: sa.Column[Any], reference: sa.Column[Any] | None = None
) -> RecordReader:
    def read(work: UnitOfWork, values: set[str]) -> sa.Select[Any]:
        asked = [UUID(one) for one in values] if isinstance(column.type, sa.Uuid) else list(values)
        query = sa.select(column).where(column.in_(asked), kind.visible_condition(work))
        return query if reference is None else query.join(kind.table, kind.table.c[kind.key] == reference)

    return read
