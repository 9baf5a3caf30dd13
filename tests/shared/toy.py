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

from shared.app import Service, build
from shared.creates import create
from shared.db import NAMING, Record, text_enum
from shared.errors import Conflict, Fault, Forbidden, NotFound, NotReady, Stale, VersionRequired
from shared.events import Event
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.money import Money
from shared.moves import Act, Offer, Preview, fire, offers
from shared.pages import Page, Paging, page
from shared.permissions import May
from shared.settings import Settings
from shared.tables import own
from shared.work import Work


class Base(SQLModel, registry=registry(metadata=sa.MetaData(naming_convention=NAMING))):
    """The toy's own tables."""


own(Base)


class State(Labelled):
    """工单状态."""

    OPEN = "open", "处理中"
    CLOSED = "closed", "已结"


class Action(Labelled):
    """工单操作."""

    CLOSE = "close", "办结"


class Ticket(Base, Record, table=True):
    """工单."""

    name: str
    amount: int = Column(default=0, sa_type=sa.BigInteger)
    state: State = Column(default=State.OPEN, sa_type=text_enum(State))
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
    region: str = Field(pattern="^[0-9]{12}$")


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
    state: State
    version: int
    created_by: str
    available_actions: list[Offer] = []


def is_paid(ticket: Ticket) -> Fault | None:
    """金额须大于零."""
    return None if ticket.amount else Fault("unpaid", "还没有金额", "no amount", "/amount")


TICKET: Lifecycle[State, Action, Ticket] = Lifecycle(
    "ticket",
    "工单",
    State,
    State.OPEN,
    (move(Action.CLOSE, State.OPEN, State.CLOSED, May.PROJECT_DECLARE, is_paid, eyes=("created_by",)),),
)
router = APIRouter(prefix="/toy", route_class=Route)


async def load(work: Work, ticket_id: UUID, *, lock: bool = True) -> Ticket:
    """One ticket in the caller's regions."""
    query = select(Ticket).where(
        Ticket.id == ticket_id, work.actor.where(May.PROJECT_READ, col(Ticket.region))
    )
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound("没有这个工单")
    return found


@router.post(
    "", status_code=201, response_model=TicketRead, **allows(May.PROJECT_DECLARE, refuses=(Conflict,))
)
async def open_ticket(work: Writing, body: TicketCreate) -> Any:
    """Make one."""
    work.actor.require(May.PROJECT_DECLARE, body.region)
    columns = body.model_dump(include={"name", "amount"})
    return (await create(work, Ticket, body, region=body.region, id=body.id, state_since=work.at, **columns))[
        0
    ]


@router.get("", response_model=Page[TicketRead], **allows(May.PROJECT_READ))
async def list_tickets(work: Reading, asked: Paging) -> Any:
    """A page of them."""
    query = select(Ticket).where(work.actor.where(May.PROJECT_READ, col(Ticket.region)))
    orders = {"created_at": col(Ticket.created_at), "name": col(Ticket.name), "amount": col(Ticket.amount)}
    return await page(work.session, query, asked, orders=orders, key=col(Ticket.id), default="-created_at")


@router.get("/{ticket_id}", response_model=TicketRead, **allows(May.PROJECT_READ, refuses=(NotFound,)))
async def read_ticket(work: Reading, ticket_id: UUID) -> Any:
    """One of them, with what may be done."""
    ticket = await load(work, ticket_id, lock=False)
    return TicketRead.model_validate(ticket).model_copy(
        update={"available_actions": offers(work, TICKET, ticket, ticket)}
    )


@router.patch(
    "/{ticket_id}",
    response_model=TicketRead,
    **allows(May.PROJECT_DECLARE, refuses=(NotFound, Stale, VersionRequired)),
)
async def change_ticket(work: Writing, ticket_id: UUID, body: TicketChange, match: IfMatch) -> Any:
    """Change one."""
    ticket = await load(work, ticket_id)
    match.require(ticket)
    ticket.name = body.name
    ticket.version += 1
    return ticket


@router.post(
    "/{ticket_id}/{action}",
    response_model=TicketRead | Preview,
    **allows(May.PROJECT_DECLARE, refuses=(NotFound, Conflict, NotReady, Stale, Forbidden)),
)
async def act(
    work: Writing, ticket_id: UUID, action: Action, body: Act, match: IfMatch, *, dry_run: bool = False
) -> Any:
    """Move one."""
    ticket = await load(work, ticket_id)
    preview = await fire(
        work,
        TICKET,
        ticket,
        action,
        ticket,
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, _now: TicketClosed(was=was),
    )
    return preview or ticket


@router.post("/{ticket_id}/close/late", response_model=TicketRead, **allows(May.PROJECT_DECLARE))
async def fail_late(work: Writing, ticket_id: UUID) -> Any:
    """Change one and then fail, as a bug would."""
    ticket = await load(work, ticket_id)
    ticket.name = "坏了"
    work.session.add(ticket)
    await work.session.flush()
    raise RuntimeError("bug")


def create_app(
    settings: Settings, *, apps: Mapping[str, Any] | None = None, now: Callable[[], datetime]
) -> FastAPI:
    """The toy as a service."""
    return build(Service("toy", "玩具", May.PROJECT_READ, (router,)), settings, apps=apps, now=now)
