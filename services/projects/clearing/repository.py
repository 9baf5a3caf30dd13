"""Every query about clearances."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.screening.kinds import ClearanceState
from services.projects.screening.models import Clearance
from shared.db import run
from shared.errors import NotFound
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.work import Work

CLEARANCE: sa.Table = Clearance.__table__  # type: ignore[attr-defined]
ORDERS = {"created_at": col(Clearance.created_at)}


async def get(work: Work, clearance_id: UUID) -> Clearance:
    """One clearance of the caller's regions, locked; NotFound otherwise."""
    query = select(Clearance).where(
        Clearance.id == clearance_id, work.actor.where(May.PROJECT_READ, col(Clearance.region))
    )
    found = (await work.session.exec(query.with_for_update())).first()
    if found is None:
        raise NotFound(f"没有这条放行申请: {clearance_id}", f"No clearance {clearance_id}")
    return found


async def of_finding(work: Work, finding: str) -> list[Clearance]:
    """What was said of a finding of a project the caller was given, oldest first."""
    query = select(Clearance).where(Clearance.finding == finding)
    return list(await work.session.exec(query.order_by(col(Clearance.attempt))))


async def of_project(work: Work, project_id: UUID) -> list[Clearance]:
    """All clearances of a project the caller was given, oldest first."""
    query = select(Clearance).where(Clearance.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(Clearance.created_at), col(Clearance.id))))


async def waiting(work: Work, asked: Asked) -> Page[Clearance]:
    """Waivers that wait for a second person, in the caller's regions."""
    query = select(Clearance).where(
        Clearance.state == ClearanceState.ASKED, work.actor.where(May.PROJECT_WAIVE, col(Clearance.region))
    )
    return await page(work.session, query, asked, orders=ORDERS, key=col(Clearance.id), default="created_at")


async def asked_of(work: Work) -> int:
    """How many waivers wait for the caller: asked for by others, in the caller's regions."""
    query = sa.select(sa.func.count()).where(
        CLEARANCE.c.state == ClearanceState.ASKED,
        CLEARANCE.c.created_by != work.actor.id,
        work.actor.where(May.PROJECT_WAIVE, CLEARANCE.c.region),
    )
    return int((await run(work.session, query)).scalar_one())
