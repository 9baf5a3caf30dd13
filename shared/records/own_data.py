"""What one service holds about the caller: 查阅、复制 of one's own personal information (个人信息保护法 art. 45).

The rows are those whose `owner` column, as their kind declares it, names an account of the person who asks, whatever their
permissions are now; beside them the person's uploads, and how many records of each kind they made. Sealed columns are left out.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from shared.db import file, read_together
from shared.http import ReadWork, Route, never_stored, requires_sign_in
from shared.records.kinds import RecordKind, json_fields
from shared.unit_of_work import UnitOfWork

OWN_DATA_PATH = "/internal/own-data"
MAX_OWN_ROWS = 500
"""Rows of one kind in one answer; the rest is read at the kind's own address."""
COUNT = "count_of_all"


class OwnRecords(BaseModel):
    """本人的一种记录: newest first, each row with the fields of the kind's list that stand in its table."""

    kind: str
    label: str
    address: str = Field(description="这种记录的地址")
    count: int = Field(description="本人的条数")
    items: list[dict[str, Any]]


class OwnFile(BaseModel):
    """本人上传的一个文件."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    media_type: str
    size: int
    uploaded_at: datetime


class OwnData(BaseModel):
    """一个服务保存的本人信息."""

    service: str
    records: list[OwnRecords] = Field(description="关于本人的记录")
    made: dict[str, int] = Field(description="本人经办的记录条数, 按种类")
    files: list[OwnFile] = Field(description="本人上传的文件, 新的在前")


def internal_own_data_router(kinds: Sequence[RecordKind]) -> APIRouter:
    """What the gateway asks in the caller's own name; not reachable from outside."""
    router = APIRouter(prefix=OWN_DATA_PATH, tags=["本人信息"], route_class=Route)

    @router.get("", response_model=OwnData, **never_stored(requires_sign_in()))
    async def read_own_data(work: ReadWork) -> OwnData:
        """本服务保存的本人信息."""
        return await get_own_data(work, kinds)

    return router


async def get_own_data(work: UnitOfWork, kinds: Sequence[RecordKind]) -> OwnData:
    """Everything that this service holds about the person who asks, up to MAX_OWN_ROWS of each kind, in one statement."""
    owned = {f"own_{number}": kind for number, kind in enumerate(kinds) if kind.owner}
    made = {f"made_{number}": kind for number, kind in enumerate(kinds) if "created_by" in kind.table.c}
    rows = await read_together(
        work.session,
        files=_select_own_files(work),
        **{name: _select_own_records(work, kind) for name, kind in owned.items()},
        **{name: _select_made(work, kind) for name, kind in made.items()},
    )
    counts = {kind.label: rows[name][0].made for name, kind in made.items()}
    return OwnData(
        service=work.context.name,
        records=[_build_own_records(kind, rows[name]) for name, kind in owned.items()],
        made={label: count for label, count in counts.items() if count},
        files=[OwnFile.model_validate(row) for row in rows["files"]],
    )


def _select_own_records(work: UnitOfWork, kind: RecordKind) -> sa.Select[Any]:
    table = kind.table
    shown = [column for column in table.c if column.name in json_fields(kind.read)]
    return (
        sa.select(*shown, sa.func.count().over().label(COUNT))
        .where(table.c[kind.owner].in_(work.actor.own_accounts), *_list_conditions(kind))
        .order_by(table.c[kind.key].desc())
        .limit(MAX_OWN_ROWS)
    )


def _build_own_records(kind: RecordKind, rows: Sequence[Any]) -> OwnRecords:
    return OwnRecords(
        kind=kind.name,
        label=kind.label,
        address=kind.path,
        count=getattr(rows[0], COUNT) if rows else 0,
        items=[{name: value for name, value in row._asdict().items() if name != COUNT} for row in rows],
    )


def _select_made(work: UnitOfWork, kind: RecordKind) -> sa.Select[Any]:
    return sa.select(sa.func.count().label("made")).where(
        kind.table.c.created_by.in_(work.actor.own_accounts), *_list_conditions(kind)
    )


def _list_conditions(kind: RecordKind) -> list[sa.ColumnElement[bool]]:
    return [] if kind.only is None else [kind.only()]


def _select_own_files(work: UnitOfWork) -> sa.Select[Any]:
    return (
        sa.select(*(file.c[name] for name in OwnFile.model_fields))
        .where(file.c.uploaded_by.in_(work.actor.own_accounts))
        .order_by(file.c.id.desc())
        .limit(MAX_OWN_ROWS)
    )
