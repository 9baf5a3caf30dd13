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
    """List the commitments of a plan in the order of their ids."""
    query = select(Commitment).where(Commitment.plan_id == plan_id).order_by(col(Commitment.id))
    return list(await work.session.exec(query.with_for_update() if lock else query))


async def system_list_unfinished_commitments(
    work: UnitOfWork, before: datetime, limit: int = 200
) -> list[Commitment]:
    """List and lock PENDING commitments requested before a moment and all RELEASING ones."""
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
    """Change the state of the commitments that are in state `was`; return how many were changed."""
    statement = (
        sa.update(COMMITMENT)
        .where(COMMITMENT.c.id.in_(ids), COMMITMENT.c.state == was)
        .values(state=now, last_error="")
    )
    return (await execute_core(work.session, statement)).rowcount


async def system_record_release_error(work: UnitOfWork, commitment_id: UUID, error: str) -> None:
    """Store why a commitment could not be released."""
    await execute_core(
        work.session,
        sa.update(COMMITMENT).where(COMMITMENT.c.id == commitment_id).values(last_error=error[:500]),
    )


async def system_record_site_visit(work: UnitOfWork, project_id: UUID, on: date) -> None:
    """Store the day of a report from the project's site if it is the latest."""
    later = sa.or_(SNAPSHOT.c.reported_on.is_(None), SNAPSHOT.c.reported_on < on)
    await execute_core(
        work.session, sa.update(SNAPSHOT).where(SNAPSHOT.c.id == project_id, later).values(reported_on=on)
    )


async def get_project_snapshots(work: UnitOfWork, project_ids: Iterable[UUID]) -> dict[UUID, ProjectSnapshot]:
    """Get cached projects by id. Not scoped: the caller has checked access to the records that refer to them."""
    ids = set(project_ids)
    rows = await work.session.exec(select(ProjectSnapshot).where(col(ProjectSnapshot.id).in_(ids)))
    return {snapshot.id: snapshot for snapshot in rows}


async def system_upsert_snapshots(work: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> None:
    """Upsert project snapshots, each unless a newer version is stored; sorted by id, so that two writers never deadlock."""
    is_postgres = work.session.get_bind().dialect.name == "postgresql"
    statement = (postgresql.insert if is_postgres else sqlite.insert)(SNAPSHOT)
    new_values = {name: statement.excluded[name] for name in SNAPSHOT.c.keys() if name != "id"}  # noqa: SIM118 - columns
    upsert = statement.on_conflict_do_update(
        index_elements=[SNAPSHOT.c.id],
        set_=new_values,
        where=statement.excluded.version >= SNAPSHOT.c.version,
    )
    for row in sorted(rows, key=lambda values: str(values["id"])):
        await execute_core(work.session, upsert.values(**row))


async def system_update_progress(work: UnitOfWork, project_id: UUID, percent: int, version: int) -> None:
    """Update the physical progress (%) of a cached project unless a newer version is stored."""
    statement = (
        sa.update(SNAPSHOT)
        .where(SNAPSHOT.c.id == project_id, SNAPSHOT.c.version <= version)
        .values(physical_percent=percent, version=version, seen_at=work.at)
    )
    await execute_core(work.session, statement)


async def list_unfinished_commitments(work: UnitOfWork) -> list[Commitment]:
    """List PENDING and RELEASING commitments in the caller's regions (at most 200)."""
    states = (CommitmentState.PENDING, CommitmentState.RELEASING)
    query = select(Commitment).where(
        col(Commitment.state).in_(states), work.actor.scope_filter(May.FUND_READ, col(Commitment.region))
    )
    return list(await work.session.exec(query.order_by(col(Commitment.id)).limit(200)))
