"""Rows that came too early: tried again when what they wait for has come, by whoever comes by, and regularly by themselves."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from services.funds.exchange import repository, taking
from services.funds.exchange.kinds import ExchangeKind, RowState
from services.funds.exchange.models import ExchangeRow
from services.funds.exchange.schemas import ROWS, BatchResult, Settled
from shared.access import Actor, Grant
from shared.contracts.funds import ExchangeRowTaken
from shared.errors import Conflict, Forbidden, NotFound
from shared.permissions import May, Role
from shared.work import Context, Work


async def take(
    context: Context, actor: Actor, kind: ExchangeKind, rows: Sequence[dict[str, Any]]
) -> BatchResult:
    """Take a batch, then what it or others made ready. Unavailable when the database is, with what was done kept."""
    taken = await taking.take(context, actor, kind, rows)
    settled = await settle_ready(context)
    context.changed.set()
    return taken.model_copy(update={"settled": settled})


async def settle(context: Context, actor: Actor) -> Settled:
    """Try again everything that waited in the actor's regions."""
    async with context.database.read() as session:
        rows = await repository.waiting(context.work(session, actor))
    done = await _try(context, rows, actor)
    return Settled(settled=done, waiting=len(rows) - done)


async def settle_ready(context: Context) -> int:
    """Try what waits for something that has come since, each in the name of who sent it; how many took effect."""
    async with context.database.read() as session:
        rows = await repository.system_ready(context.work(session))
    return await _try(context, rows)


async def _try(context: Context, rows: Iterable[ExchangeRow], actor: Actor | None = None) -> int:
    done = 0
    for kept in rows:
        row = ROWS[kept.kind].model_validate(kept.content)
        try:
            state, _, _ = await taking.attempt(
                context, actor or _sender(kept), row, kept.content_digest, kept.id
            )
        except (Conflict, NotFound, Forbidden):
            continue
        done += state is RowState.APPLIED
    if done:
        context.changed.set()
    return done


def _sender(kept: ExchangeRow) -> Actor:
    """Who sent a row, with what a sender may do at home, where the row is kept."""
    return Actor(kept.created_by, kept.created_by, (Grant(Role.MACHINE, kept.region),), kind="machine")


async def dismiss(work: Work, row_id: UUID, reason: str) -> ExchangeRow:
    """Say why a row is not dealt with any more. Conflict for one that took effect."""
    kept = await repository.get(work, row_id, lock=True)
    work.actor.require(May.RECONCILE, kept.region)
    if kept.state is RowState.APPLIED:
        raise Conflict("这一行已入账", "This row took effect")
    kept.state, kept.note = RowState.DISMISSED, reason
    kept.settled_at, kept.settled_by = work.at, work.actor.id
    kept.version, kept.updated_at = kept.version + 1, work.at
    work.session.add(kept)
    await work.tell(ExchangeRowTaken(row_id=kept.id, kind=kept.kind, state=kept.state), kept, reason=reason)
    return kept
