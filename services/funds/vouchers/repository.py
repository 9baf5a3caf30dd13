"""Statements of voucher numbers."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from services.funds.vouchers.models import Voucher
from shared.db import execute_core, note_rows
from shared.unit_of_work import UnitOfWork

VOUCHER: sa.Table = Voucher.__table__  # type: ignore[attr-defined]
KEY = ("district", "year", "kind", "number")


def _build_key_conditions(values: dict[str, Any]) -> list[sa.ColumnElement[bool]]:
    return [VOUCHER.c[name] == values[name] for name in KEY]


async def find_voucher(work: UnitOfWork, values: dict[str, Any]) -> sa.Row[Any] | None:
    """Find the first use of a number. Not scoped: numbers of the whole district's treasury are compared."""
    return (
        await execute_core(work.session, sa.select(VOUCHER).where(*_build_key_conditions(values)))
    ).first()


async def insert_voucher(work: UnitOfWork, values: dict[str, Any]) -> sa.Row[Any]:
    """Insert a number unless it is in use; return its first use, locked until the transaction ends."""
    insert = postgresql.insert if work.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    await execute_core(work.session, insert(VOUCHER).on_conflict_do_nothing(), values)
    query = sa.select(VOUCHER).where(*_build_key_conditions(values)).with_for_update()
    row = (await execute_core(work.session, query)).one()
    note_rows(work.session, VOUCHER, [row._asdict()])
    return row
