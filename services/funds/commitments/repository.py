"""Queries of commitments and project snapshots."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from services.funds.commitments.models import Commitment, ProjectSnapshot
from services.funds.commitments.schemas import CommitmentState
from shared.auth import May
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork

COMMITMENT: sa.Table = Commitment.__table__  # type: ignore[attr-defined]
SNAPSHOT: sa.Table = ProjectSnapshot.__table__  # type: ignore[attr-defined]


async def list_commitments(work: UnitOfWork, plan_id: UUID, *, lock: bool = False) -> list[Commitment]:
    """A plan's commitments in the order of their ids."""
    query = select(Commitment).where(Commitment.plan_id == plan_id).order_by(col(Commitment.id))
    return list(await work.session.exec(query.with_for_update() if lock else query))


async def system_list_unfinished_commitments(
    work: UnitOfWork, before: datetime, limit: int = 200
) -> list[Commitment]:
    """Commitments asked for before a moment and still not settled, locked, and everything being released."""
    query = (
        select(Commitment)
        .where(
            sa.or_(
                col(Commitment.state) == CommitmentState.RELEASING,
                sa.and_(col(Commitment.state) == CommitmentState.PENDING, col(Commitment.asked_at) < before),
            )
        )
        .order_by(col(Commitment.id))
        .limit(limit)
        .with_for_update()
    )
    return list(await work.session.exec(query))


async def system_update_commitment_state(
    work: UnitOfWork, ids: Sequence[UUID], was: CommitmentState, now: CommitmentState
) -> int:
    """Take commitments from one state to another, those still in the first; how many there were."""
    statement = (
        sa.update(COMMITMENT)
        .where(COMMITMENT.c.id.in_(ids), COMMITMENT.c.state == was)
        .values(state=now, last_error="")
    )
    return (await execute_core(work.session, statement)).rowcount


async def system_record_release_error(work: UnitOfWork, commitment_id: UUID, error: str) -> None:
    """Keep why a commitment could not be released yet."""
    await execute_core(
        work.session,
        sa.update(COMMITMENT).where(COMMITMENT.c.id == commitment_id).values(last_error=error[:500]),
    )


async def system_record_site_visit(work: UnitOfWork, project_id: UUID, on: date) -> None:
    """Keep the latest day somebody reported from a project's site."""
    later = sa.or_(SNAPSHOT.c.reported_on.is_(None), SNAPSHOT.c.reported_on < on)
    await execute_core(
        work.session, sa.update(SNAPSHOT).where(SNAPSHOT.c.id == project_id, later).values(reported_on=on)
    )


async def get_project_snapshots(work: UnitOfWork, project_ids: Iterable[UUID]) -> dict[UUID, ProjectSnapshot]:
    """What is remembered of projects. Not scoped: for records whose own scope was asked already."""
    wanted = set(project_ids)
    rows = await work.session.exec(select(ProjectSnapshot).where(col(ProjectSnapshot.id).in_(wanted)))
    return {card.id: card for card in rows}


async def system_upsert_snapshots(work: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep what the library said of projects, each unless something newer is known; two at once never collide."""
    postgres_ = work.session.get_bind().dialect.name == "postgresql"
    statement = (postgresql.insert if postgres_ else sqlite.insert)(SNAPSHOT)
    fresh = {name: statement.excluded[name] for name in SNAPSHOT.c.keys() if name != "id"}  # noqa: SIM118 - columns
    kept = statement.on_conflict_do_update(
        index_elements=[SNAPSHOT.c.id], set_=fresh, where=statement.excluded.version >= SNAPSHOT.c.version
    )
    for row in sorted(rows, key=lambda one: str(one["id"])):
        await execute_core(work.session, kept.values(**row))


async def system_update_progress(work: UnitOfWork, project_id: UUID, percent: int, version: int) -> None:
    """Keep how far a known project is, unless something newer is known."""
    statement = (
        sa.update(SNAPSHOT)
        .where(SNAPSHOT.c.id == project_id, SNAPSHOT.c.version <= version)
        .values(physical_percent=percent, version=version, seen_at=work.at)
    )
    await execute_core(work.session, statement)


async def list_unfinished_commitments(work: UnitOfWork) -> list[Commitment]:
    """Half-done commitments in the caller's regions."""
    states = (CommitmentState.PENDING, CommitmentState.RELEASING)
    query = select(Commitment).where(
        col(Commitment.state).in_(states), work.actor.scope_filter(May.FUND_READ, col(Commitment.region))
    )
    return list(await work.session.exec(query.order_by(col(Commitment.id)).limit(200)))
