"""Queries on complaints and objections."""

from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.complaints.lifecycle import ComplaintState
from services.attendance.complaints.models import Complaint
from services.attendance.repository import visible_rows
from shared.auth import May
from shared.db import execute_core, lock_until_commit
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

COMPLAINT_LOCK_ID = 620_602_17
DISTRICT_DIGITS = 6


async def system_get_complaint(session: AsyncSession, complaint_id: UUID) -> Complaint:
    """Returns a complaint (not an objection) by its id, which only its author and its handlers know. Raises NotFound."""
    query = select(Complaint).where(Complaint.id == complaint_id, col(Complaint.day_id).is_(None))
    complaint = (await session.exec(query)).first()
    if complaint is None:
        raise NotFound("没有这条投诉", "No such complaint")
    return complaint


async def system_count_complaints(work: UnitOfWork, region: str) -> tuple[int, int]:
    """(complaints of this sender in the last hour, all without login of the district in the last day); waits for others' turn."""
    await lock_until_commit(work.session, COMPLAINT_LOCK_ID)
    in_district = work.within_region(col(Complaint.region), f"{region[:DISTRICT_DIGITS]:0<12}")
    created = col(Complaint.created_at)
    from_sender = sa.and_(col(Complaint.created_by) == work.actor.id, created > work.at - timedelta(hours=1))
    query = sa.select(
        sa.func.count().filter(from_sender).label("of_sender"),
        sa.func.count().filter(in_district).label("of_district"),
    ).where(created > work.at - timedelta(days=1), col(Complaint.day_id).is_(None))
    row = (await execute_core(work.session, query)).one()
    return int(row.of_sender), int(row.of_district)


async def list_complaints(
    work: UnitOfWork, params: PageParams, *, region: str, state: ComplaintState | None
) -> Page[Complaint]:
    """Returns a page of the complaints that the caller handles, newest first."""
    query = select(Complaint).where(visible_rows(work, Complaint, May.COMPLAINT_HANDLE))
    if region:
        query = query.where(work.within_region(col(Complaint.region), region))
    if state is not None:
        query = query.where(Complaint.state == state)
    orders = {"created_at": col(Complaint.created_at)}
    return await list_page(
        work.session, query, params, orders=orders, key=col(Complaint.id), default="-created_at"
    )


async def has_open_objection(work: UnitOfWork, day_id: UUID, except_id: UUID | None) -> bool:
    """True if another objection to the day is open."""
    query = select(Complaint.id).where(
        Complaint.day_id == day_id, Complaint.state == ComplaintState.OPEN, visible_rows(work, Complaint)
    )
    if except_id is not None:
        query = query.where(Complaint.id != except_id)
    return (await work.session.exec(query.limit(1))).first() is not None


async def list_objections(work: UnitOfWork, person: str, first: date, last: date) -> list[Complaint]:
    """Returns a person's visible objections to days of a period, newest first."""
    query = select(Complaint).where(
        Complaint.person == person,
        col(Complaint.work_date).between(first, last),
        visible_rows(work, Complaint),
    )
    return list(await work.session.exec(query.order_by(col(Complaint.created_at).desc()).limit(500)))


def build_objection_condition() -> sa.ColumnElement[bool]:
    """Whether a complaint is a person's objection to a day of their own."""
    return col(Complaint.day_id).is_not(None)
