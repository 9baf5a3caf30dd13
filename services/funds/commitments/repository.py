"""Queries of commitments and cached projects."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from services.funds.commitments.models import CachedProject, Commitment
from services.funds.commitments.schemas import CommitmentState
from shared.auth import May
from shared.clients.projects import ProjectSnapshot
from shared.db import execute_core, note_keys
from shared.unit_of_work import UnitOfWork

COMMITMENT: sa.Table = Commitment.__table__  # type: ignore[attr-defined]
CACHED: sa.Table = CachedProject.__table__  # type: ignore[attr-defined]
SNAPSHOT_COLUMNS = set(ProjectSnapshot.model_fields) & set(CACHED.c.keys())
"""What is cached of a project snapshot."""


async def list_commitments(work: UnitOfWork, plan_id: UUID, *, lock: bool = False) -> list[Commitment]:
    """List the commitments of a plan in the order of their ids."""
    query = select(Commitment).where(Commitment.plan_id == plan_id).order_by(col(Commitment.id))
    return list(await work.session.exec(query.with_for_update() if lock else query))


async def system_list_unfinished_commitments(
    work: UnitOfWork, before: datetime, limit: int = 200
) -> list[Commitment]:
    """List and lock PENDING commitments requested before a moment, and RELEASING ones that nobody is releasing now."""
    query = (
        select(Commitment)
        .where(
            sa.or_(
                sa.and_(
                    col(Commitment.state) == CommitmentState.RELEASING, col(Commitment.asked_at) <= work.at
                ),
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
    changed = (await execute_core(work.session, statement.returning(COMMITMENT.c.id))).scalars().all()
    note_keys(work.session, COMMITMENT, changed)
    return len(changed)


async def system_claim_release(
    work: UnitOfWork, commitment_id: UUID, asked_at: datetime, until: datetime
) -> bool:
    """Claim a RELEASING commitment as it was listed; False when another replica has it or it is another attempt by now."""
    statement = sa.update(COMMITMENT).where(
        COMMITMENT.c.id == commitment_id,
        COMMITMENT.c.state == CommitmentState.RELEASING,
        COMMITMENT.c.asked_at == asked_at,
    )
    result = await execute_core(work.session, statement.values(asked_at=until).returning(COMMITMENT.c.id))
    return result.first() is not None


async def system_finish_release(work: UnitOfWork, commitment_id: UUID, claim: datetime, error: str) -> int:
    """End a claim: RELEASED, or with an error open to the next attempt; return how many ended as RELEASED."""
    values = {"last_error": error[:500], "asked_at": work.at}
    if not error:
        values["state"] = CommitmentState.RELEASED
    statement = sa.update(COMMITMENT).where(
        COMMITMENT.c.id == commitment_id,
        COMMITMENT.c.state == CommitmentState.RELEASING,
        COMMITMENT.c.asked_at == claim,
    )
    changed = (await execute_core(work.session, statement.values(**values).returning(COMMITMENT.c.id))).all()
    note_keys(work.session, COMMITMENT, [commitment_id for _ in changed])
    return 0 if error else len(changed)


async def system_record_site_visit(work: UnitOfWork, project_id: UUID, on: date) -> None:
    """Store the day of a report from the project's site if it is the latest."""
    later = sa.or_(CACHED.c.reported_on.is_(None), CACHED.c.reported_on < on)
    await execute_core(
        work.session, sa.update(CACHED).where(CACHED.c.id == project_id, later).values(reported_on=on)
    )


async def get_cached_projects(work: UnitOfWork, project_ids: Iterable[UUID]) -> dict[UUID, CachedProject]:
    """Get cached projects by id. Not scoped: the caller has checked access to the records that refer to them."""
    ids = set(project_ids)
    rows = await work.session.exec(select(CachedProject).where(col(CachedProject.id).in_(ids)))
    return {row.id: row for row in rows}


async def system_upsert_projects(work: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> None:
    """Upsert cached projects, each unless a newer version is stored; sorted by id, so that two writers never deadlock.

    Columns that the rows do not have stay as they are.
    """
    is_postgres = work.session.get_bind().dialect.name == "postgresql"
    for row in sorted(rows, key=lambda values: str(values["id"])):
        values = {**row, "seen_at": work.at}
        statement = (postgresql.insert if is_postgres else sqlite.insert)(CACHED).values(**values)
        upsert = statement.on_conflict_do_update(
            index_elements=[CACHED.c.id],
            set_={name: statement.excluded[name] for name in values if name != "id"},
            where=statement.excluded.version >= CACHED.c.version,
        )
        await execute_core(work.session, upsert)


async def system_update_project(work: UnitOfWork, project_id: UUID, columns: Mapping[str, Any]) -> None:
    """Update columns of a cached project unless a newer version is stored; other projects are ignored."""
    is_current = CACHED.c.version <= columns["version"]
    statement = sa.update(CACHED).where(CACHED.c.id == project_id, is_current)
    await execute_core(work.session, statement.values(**columns, seen_at=work.at))


async def list_unfinished_commitments(work: UnitOfWork) -> list[Commitment]:
    """List PENDING and RELEASING commitments in the caller's regions (at most 200)."""
    states = (CommitmentState.PENDING, CommitmentState.RELEASING)
    query = select(Commitment).where(
        col(Commitment.state).in_(states), work.actor.scope_filter(May.FUND_READ, col(Commitment.region))
    )
    return list(await work.session.exec(query.order_by(col(Commitment.id)).limit(200)))
