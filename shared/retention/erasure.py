"""Erases columns of closed records whose time is over, a batch in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from shared.auth import region_bounds
from shared.db import execute_core
from shared.events import Event
from shared.records import save_record
from shared.retention.rules import MIN_RETENTION_DAYS, RETENTION
from shared.unit_of_work import ServiceContext, UnitOfWork

BATCH_ROWS = 100
ASKED_BY_THE_PERSON = "应本人要求删除"
DISTRICT_DIGITS = 6


class PersonalDataErased(Event):
    """Columns of a record were emptied: their time was over, or the person asked for it."""

    topic: ClassVar[str] = "personal_data.erased"
    columns: list[str]
    file_ids: tuple[UUID, ...] = ()
    """Uploads of services/files that the record alone held: their contents go, too."""


@dataclass(frozen=True, slots=True)
class ExpiringColumns:
    """Text columns of a kind of record, the sealed one first, and the states after which their time runs from `state_since`."""

    model: Any
    columns: tuple[str, ...]
    closed: tuple[str, ...]


async def erase_columns(work: UnitOfWork, expiring: ExpiringColumns, record: Any, *, reason: str) -> bool:  # noqa: ANN401 - a record of its model
    """Empty the columns of a locked record; False when they were empty."""
    if not getattr(record, expiring.columns[0]):
        return False
    for name in expiring.columns:
        setattr(record, name, "")
    await save_record(work, record, PersonalDataErased(columns=list(expiring.columns)), reason=reason)
    return True


async def erase_expired(context: ServiceContext, every: Sequence[ExpiringColumns]) -> bool:
    """Erase one batch of each kind; True when there may be more."""
    has_more = False
    for expiring in every:
        async with context.database.write() as session:
            work = context.unit_of_work(session)
            for district in await _system_list_districts(work, expiring):
                days = (await work.get_rule(RETENTION, region=district)).value
                records = await _system_list_expired(work, expiring, district, days)
                for record in records:
                    await erase_columns(work, expiring, record, reason=f"办结已满 {days} 天")
                has_more |= len(records) == BATCH_ROWS
    return has_more


def _is_due(work: UnitOfWork, expiring: ExpiringColumns, days: int) -> list[sa.ColumnElement[bool]]:
    model = expiring.model
    return [
        col(model.state).in_(expiring.closed),
        col(model.state_since) <= work.at - timedelta(days=days),
        col(getattr(model, expiring.columns[0])) != "",
    ]


async def _system_list_districts(work: UnitOfWork, expiring: ExpiringColumns) -> list[str]:
    district = sa.func.substr(col(expiring.model.region), 1, DISTRICT_DIGITS)
    query = sa.select(district).where(*_is_due(work, expiring, MIN_RETENTION_DAYS)).distinct()
    return [f"{code:0<12}" for code in (await execute_core(work.session, query)).scalars()]


async def _system_list_expired(
    work: UnitOfWork, expiring: ExpiringColumns, district: str, days: int
) -> list[Any]:
    low, high = region_bounds(district)
    query = (
        select(expiring.model)
        .where(*_is_due(work, expiring, days), col(expiring.model.region).between(low, high))
        .order_by(col(expiring.model.id))
        .limit(BATCH_ROWS)
        .with_for_update()
    )
    return list((await work.session.exec(query)).all())


__all__ = ["ASKED_BY_THE_PERSON", "ExpiringColumns", "PersonalDataErased", "erase_columns", "erase_expired"]
