"""Queries over handovers."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.identity.handovers.models import Handover
from services.identity.handovers.schemas import HandoverRead
from shared.auth import May
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork


async def get_handover(work: UnitOfWork, handover_id: UUID) -> Handover:
    """Get a handover in the caller's regions; raises NotFound."""
    scope = work.actor.scope_filter(May.ACCOUNT_MANAGE, col(Handover.region))
    handover = (await work.session.exec(select(Handover).where(Handover.id == handover_id, scope))).first()
    if handover is None:
        raise NotFound("没有这次移交", "No such handover")
    return handover


async def list_handovers(work: UnitOfWork, params: PageParams, account: str) -> PageAnswer:
    """A page of handovers in the caller's regions, newest first; `account`: from or to this one."""
    query = select(Handover).where(work.actor.scope_filter(May.ACCOUNT_MANAGE, col(Handover.region)))
    if account:
        query = query.where(
            sa.or_(col(Handover.account_id) == account, col(Handover.successor_id) == account)
        )
    orders = {"created_at": col(Handover.created_at)}
    return await answer_page(
        work.session,
        query,
        params,
        orders=orders,
        key=col(Handover.id),
        default="-created_at",
        read=HandoverRead,
    )
