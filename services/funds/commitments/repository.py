"""Every query about commitments and project cards."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from services.funds.commitments.kinds import CommitmentState
from services.funds.commitments.models import Commitment, ProjectCard
from shared.db import run
from shared.permissions import May
from shared.work import Work

TABLE: sa.Table = Commitment.__table__  # type: ignore[attr-defined]
CARD: sa.Table = ProjectCard.__table__  # type: ignore[attr-defined]


async def of_plan(work: Work, plan_id: UUID, *, lock: bool = False) -> list[Commitment]:
    """A plan's commitments in the order of their ids."""
    query = select(Commitment).where(Commitment.plan_id == plan_id).order_by(col(Commitment.id))
    return list(await work.session.exec(query.with_for_update() if lock else query))


async def system_half_done(work: Work, before: datetime, limit: int = 200) -> list[Commitment]:
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


async def system_settle(work: Work, ids: Sequence[UUID], was: CommitmentState, now: CommitmentState) -> int:
    """Take commitments from one state to another, those still in the first; how many there were."""
    statement = (
        sa.update(TABLE).where(TABLE.c.id.in_(ids), TABLE.c.state == was).values(state=now, last_error="")
    )
    return (await run(work.session, statement)).rowcount


async def system_failed(work: Work, commitment_id: UUID, error: str) -> None:
    """Keep why a commitment could not be released yet."""
    await run(
        work.session, sa.update(TABLE).where(TABLE.c.id == commitment_id).values(last_error=error[:500])
    )


async def system_seen_on_site(work: Work, project_id: UUID, on: date) -> None:
    """Keep the latest day somebody reported from a project's site."""
    later = sa.or_(CARD.c.reported_on.is_(None), CARD.c.reported_on < on)
    await run(work.session, sa.update(CARD).where(CARD.c.id == project_id, later).values(reported_on=on))


async def cards(work: Work, project_ids: Iterable[UUID]) -> dict[UUID, ProjectCard]:
    """What is remembered of projects. Not scoped: for records whose own scope was asked already."""
    wanted = set(project_ids)
    rows = await work.session.exec(select(ProjectCard).where(col(ProjectCard.id).in_(wanted)))
    return {card.id: card for card in rows}


async def system_keep_cards(work: Work, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep what the library said of projects, each unless something newer is known; two at once never collide."""
    postgres_ = work.session.get_bind().dialect.name == "postgresql"
    statement = (postgresql.insert if postgres_ else sqlite.insert)(CARD)
    fresh = {name: statement.excluded[name] for name in CARD.c.keys() if name != "id"}  # noqa: SIM118 - columns
    kept = statement.on_conflict_do_update(
        index_elements=[CARD.c.id], set_=fresh, where=statement.excluded.version >= CARD.c.version
    )
    for row in sorted(rows, key=lambda one: str(one["id"])):
        await run(work.session, kept.values(**row))


async def system_progressed(work: Work, project_id: UUID, percent: int, version: int) -> None:
    """Keep how far a known project is, unless something newer is known."""
    statement = (
        sa.update(CARD)
        .where(CARD.c.id == project_id, CARD.c.version <= version)
        .values(physical_percent=percent, version=version, seen_at=work.at)
    )
    await run(work.session, statement)


async def unsettled(work: Work) -> list[Commitment]:
    """Half-done commitments in the caller's regions."""
    states = (CommitmentState.PENDING, CommitmentState.RELEASING)
    query = select(Commitment).where(
        col(Commitment.state).in_(states), work.actor.where(May.FUND_READ, col(Commitment.region))
    )
    return list(await work.session.exec(query.order_by(col(Commitment.id)).limit(200)))
