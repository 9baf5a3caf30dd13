"""What a service keeps of people with accounts: open work that stands against an erasure, copies of a name that go with it.

The identity service asks for open work at `/internal/account-duties/{account}` before it erases an account, and tells by
`account.erased` that it did; who consumes the topic is asked and empties its copies. Ids stay: logs and books name nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from sqlmodel import col

from shared.alerts.lifecycle import AlertState
from shared.alerts.models import AlertConfig
from shared.auth import May
from shared.clients.identity import AccountErased
from shared.db import answer, delete_rows, execute_core, note_keys
from shared.events import Envelope, EventRecord
from shared.events.inbox import EventHandler
from shared.files.uploads import delete_contents
from shared.http import ReadWork, Route, requires
from shared.imports.models import ImportConfig
from shared.imports.schemas import ImportState
from shared.person_requests.models import ACCOUNT_NAME
from shared.person_requests.repository import system_delete_files, system_list_source_tables
from shared.records import log_events
from shared.retention.erasure import PersonalDataErased
from shared.unit_of_work import UnitOfWork

DUTIES_PATH = "/internal/account-duties"


class AccountDuties(BaseModel):
    """一个账号在本服务未办结、未移交的事项: their kind → how many."""

    duties: dict[str, int] = Field(description="种类和件数")


@dataclass(frozen=True, kw_only=True)
class AccountDuty:
    """Rows that are open work of the account in a column, with the condition under which they are."""

    model: Any
    label: str
    account: str = "person"
    is_open: Callable[[UnitOfWork], sa.ColumnElement[bool]]


@dataclass(frozen=True, kw_only=True)
class AccountRows:
    """Rows of the account in a column, and what stands in their columns afterwards; rows with `deletes` are removed.

    `files` is a column with the id of a file or a list of ids, whose contents go. `source`: the uploaded tables from which
    the rows came name the person and go, too.
    """

    model: Any
    account: str = "person"
    empties: Mapping[str, Any] = field(default_factory=dict)
    deletes: bool = False
    files: str = ""
    source: bool = False
    only: Callable[[], sa.ColumnElement[bool]] = sa.true
    find: Callable[[str], sa.ColumnElement[bool]] | None = None
    """The condition of the account's rows, where no column names it."""


@dataclass(frozen=True, kw_only=True)
class AccountCopies:
    """What a service keeps of people with accounts."""

    duties: Sequence[AccountDuty] = ()
    rows: Sequence[AccountRows] = ()
    imports: ImportConfig | None = None


def alert_duty(alerts: AlertConfig) -> AccountDuty:
    """The open alerts of a service that somebody has to answer."""
    row = alerts.row
    return AccountDuty(
        model=row, label="预警", account="owner", is_open=lambda _work: col(row.state) != AlertState.CLOSED
    )


def import_rows(job: Any) -> AccountRows:  # noqa: ANN401 - a table of imports
    """The copy of the uploader's name and rights in imports that have ended."""
    return AccountRows(
        model=job,
        account="created_by",
        empties={"actor": {}, "message": ""},
        only=lambda: col(job.state) != ImportState.RUNNING,
    )


def account_duties_router(copies: AccountCopies) -> APIRouter:
    """What the identity service asks before it erases an account; not reachable from outside."""
    router = APIRouter(prefix=DUTIES_PATH, tags=["账号个人信息请求"], route_class=Route)

    @router.get("/{account}", response_model=AccountDuties, **requires(May.ACCOUNT_DUTIES_ASK))
    async def read_account_duties(
        work: ReadWork, account: Annotated[str, Path(min_length=1, max_length=64)]
    ) -> AccountDuties:
        """本服务中这个账号未办结、未移交的事项."""
        return AccountDuties(duties=await system_count_duties(work, copies, account))

    return router


async def system_count_duties(work: UnitOfWork, copies: AccountCopies, account: str) -> dict[str, int]:
    """Label → number of the rows that are open work of an account, wherever they are, without those of none; one statement."""
    counts = [
        sa.select(sa.func.count())
        .select_from(one.model)
        .where(getattr(one.model, one.account) == account, one.is_open(work))
        .scalar_subquery()
        for one in copies.duties
    ]
    if not counts:
        return {}
    found = (await execute_core(work.session, sa.select(*counts))).one()
    return {one.label: count for one, count in zip(copies.duties, found, strict=True) if count}


def handle_account_erased(copies: AccountCopies) -> EventHandler:
    """Handler of `account.erased`: empty the copies of the account's name, with one event that tells of which columns."""

    async def handle(work: UnitOfWork, envelope: Envelope, event: AccountErased) -> None:
        digests: list[str] = []
        columns: list[str] = []
        elsewhere: list[UUID] = []
        for rows in copies.rows:
            gone, away = await _system_delete_row_files(work, rows, event.account)
            digests, elsewhere = digests + gone, elsewhere + away
            if rows.source and copies.imports is not None:
                ids = sa.select(rows.model.id).where(*_is_of(rows, event.account))
                digests += await system_list_source_tables(work, copies.imports, ids)
            if await _system_empty_rows(work, rows, event):
                columns += [f"{rows.model.__tablename__}.{name}" for name in rows.empties]
        await execute_core(work.session, answer.delete().where(answer.c.principal == event.account))
        erased = PersonalDataErased(columns=sorted(set(columns)), file_ids=tuple(elsewhere))
        await log_events(work, [EventRecord(erased, event.account, 1, envelope.region)])
        await delete_contents(work.context, digests)

    return handle


def _is_of(rows: AccountRows, account: str) -> tuple[sa.ColumnElement[bool], ...]:
    of_account = getattr(rows.model, rows.account) == account if rows.find is None else rows.find(account)
    return of_account, rows.only()


async def _system_delete_row_files(
    work: UnitOfWork, rows: AccountRows, account: str
) -> tuple[list[str], list[UUID]]:
    """Delete the files of the rows: digests of contents that nobody needs, ids that are not of this service."""
    if not rows.files:
        return [], []
    column = getattr(rows.model, rows.files)
    query = sa.select(rows.model.id, column).where(*_is_of(rows, account))
    found: Any = (await execute_core(work.session, query)).all()
    named = [row[1] if isinstance(row[1], list) else [row[1]] for row in found]
    files = {UUID(one) for values in named for one in values if one}
    return await system_delete_files(work, files, [str(row[0]) for row in found]) if files else ([], [])


async def _system_empty_rows(work: UnitOfWork, rows: AccountRows, event: AccountErased) -> bool:
    """Empty or delete the rows; whether there were any."""
    table: sa.Table = rows.model.__table__
    conditions = _is_of(rows, event.account)
    if rows.deletes:
        await delete_rows(work.session, table, *conditions)
        return False
    values = {name: event.display if value is ACCOUNT_NAME else value for name, value in rows.empties.items()}
    values |= {rows.files: "" if rows.files == "photo" else []} if rows.files else {}
    if "version" in table.c:
        values |= {"version": table.c.version + 1, "updated_at": work.at}
    query = sa.update(table).where(*conditions).values(**values).returning(table.c.id)
    keys = list((await execute_core(work.session, query)).scalars())
    note_keys(work.session, table, keys)
    return bool(keys)
