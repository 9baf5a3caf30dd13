"""The smallest service there can be, for tests of what every service shares: tickets that are opened and closed."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import registry
from sqlmodel import Field as Column
from sqlmodel import SQLModel, col, select

from shared.app import Service, build_app
from shared.auth import May
from shared.china import LabelledEnum, Money, RegionCode
from shared.db import NAMING_CONVENTION, Record, copy_shared_tables_into, text_enum
from shared.errors import (
    Conflict,
    FieldError,
    Forbidden,
    NotFound,
    PreconditionFailed,
    PreconditionMissing,
    VersionRequired,
)
from shared.events import Event
from shared.http import IfMatch, Page, Pagination, ReadWork, Route, WriteWork, list_page, requires
from shared.lifecycle import Lifecycle, transition
from shared.lifecycle.transitions import (
    AvailableAction,
    TransitionPreview,
    TransitionRequest,
    apply_transition,
    available_actions,
)
from shared.records import create_record
from shared.settings import Settings
from shared.unit_of_work import UnitOfWork


class ExampleBase(SQLModel, registry=registry(metadata=sa.MetaData(naming_convention=NAMING_CONVENTION))):
    """The toy's own tables."""


copy_shared_tables_into(ExampleBase)


class TicketState(LabelledEnum):
    """工单状态."""

    OPEN = "open", "处理中"
    CLOSED = "closed", "已结"


class TicketAction(LabelledEnum):
    """工单操作."""

    CLOSE = "close", "办结"


class Ticket(ExampleBase, Record, table=True):
    """工单."""

    name: str
    amount: int = Column(default=0, sa_type=sa.BigInteger)
    state: TicketState = Column(default=TicketState.OPEN, sa_type=text_enum(TicketState))
    state_since: datetime


class TicketClosed(Event):
    """A ticket was closed."""

    topic = "ticket.closed"
    was: str


class TicketCreate(BaseModel):
    """新工单."""

    id: UUID | None = None
    name: str = Field(min_length=2, max_length=20)
    amount: Money = 0
    region: RegionCode


class TicketChange(BaseModel):
    """修改."""

    name: str = Field(min_length=2, max_length=20)


class TicketRead(BaseModel):
    """工单."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    amount: Money
    region: str
    state: TicketState
    version: int
    created_by: str
    available_actions: list[AvailableAction] = []


def has_amount(ticket: Ticket) -> FieldError | None:
    """金额须大于零."""
    return None if ticket.amount else FieldError("unpaid", "还没有金额", "no amount", "/amount")


TICKET_LIFECYCLE: Lifecycle[TicketState, TicketAction, Ticket] = Lifecycle(
    "ticket",
    "工单",
    TicketState,
    TicketState.OPEN,
    (
        transition(
            TicketAction.CLOSE,
            TicketState.OPEN,
            TicketState.CLOSED,
            May.PROJECT_DECLARE,
            has_amount,
            four_eyes=("created_by",),
        ),
    ),
)
router = APIRouter(prefix="/toy", route_class=Route)


async def get_ticket(work: UnitOfWork, ticket_id: UUID, *, lock: bool = True) -> Ticket:
    """One ticket in the caller's regions."""
    query = select(Ticket).where(
        Ticket.id == ticket_id, work.actor.scope_filter(May.PROJECT_READ, col(Ticket.region))
    )
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound("没有这个工单")
    return found


@router.post(
    "", status_code=201, response_model=TicketRead, **requires(May.PROJECT_DECLARE, refuses=(Conflict,))
)
async def create_ticket(work: WriteWork, body: TicketCreate) -> Any:
    """Make one."""
    work.actor.require(May.PROJECT_DECLARE, body.region)
    columns = body.model_dump(include={"name", "amount"})
    return (
        await create_record(
            work, Ticket, body, region=body.region, id=body.id, state_since=work.at, **columns
        )
    )[0]


@router.get("", response_model=Page[TicketRead], **requires(May.PROJECT_READ))
async def list_tickets(work: ReadWork, asked: Pagination) -> Any:
    """A page of them."""
    query = select(Ticket).where(work.actor.scope_filter(May.PROJECT_READ, col(Ticket.region)))
    orders = {"created_at": col(Ticket.created_at), "name": col(Ticket.name), "amount": col(Ticket.amount)}
    return await list_page(
        work.session, query, asked, orders=orders, key=col(Ticket.id), default="-created_at"
    )


@router.get("/{ticket_id}", response_model=TicketRead, **requires(May.PROJECT_READ, refuses=(NotFound,)))
async def get_ticket_detail(work: ReadWork, ticket_id: UUID) -> Any:
    """One of them, with what may be done."""
    ticket = await get_ticket(work, ticket_id, lock=False)
    return TicketRead.model_validate(ticket).model_copy(
        update={"available_actions": available_actions(work, TICKET_LIFECYCLE, ticket, ticket)}
    )


@router.patch(
    "/{ticket_id}",
    response_model=TicketRead,
    **requires(May.PROJECT_DECLARE, refuses=(NotFound, PreconditionFailed, VersionRequired)),
)
async def update_ticket(work: WriteWork, ticket_id: UUID, body: TicketChange, match: IfMatch) -> Any:
    """Change one."""
    ticket = await get_ticket(work, ticket_id)
    match.require_version(ticket)
    ticket.name = body.name
    ticket.version += 1
    return ticket


@router.post(
    "/{ticket_id}/{action}",
    response_model=TicketRead | TransitionPreview,
    **requires(
        May.PROJECT_DECLARE, refuses=(NotFound, Conflict, PreconditionMissing, PreconditionFailed, Forbidden)
    ),
)
async def transition_ticket(
    work: WriteWork,
    ticket_id: UUID,
    action: TicketAction,
    body: TransitionRequest,
    match: IfMatch,
    *,
    dry_run: bool = False,
) -> Any:
    """Move one."""
    ticket = await get_ticket(work, ticket_id)
    preview = await apply_transition(
        work,
        TICKET_LIFECYCLE,
        ticket,
        action,
        ticket,
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, _now: TicketClosed(was=was),
    )
    return preview or ticket


@router.post("/{ticket_id}/close/late", response_model=TicketRead, **requires(May.PROJECT_DECLARE))
async def fail_after_update(work: WriteWork, ticket_id: UUID) -> Any:
    """Change one and then fail, as a bug would."""
    ticket = await get_ticket(work, ticket_id)
    ticket.name = "坏了"
    work.session.add(ticket)
    await work.session.flush()
    raise RuntimeError("bug")


def create_app(
    settings: Settings, *, apps: Mapping[str, Any] | None = None, now: Callable[[], datetime]
) -> FastAPI:
    """The toy as a service."""
    return build_app(Service("toy", "玩具", May.PROJECT_READ, (router,)), settings, apps=apps, now=now)
