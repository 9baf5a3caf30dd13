"""Telling the library before and after: an intent first, then the telling, then the decision; a reconciler for the rest.

approve   pending (own transaction) → library told → held, in the transaction that approves the plan
died in between   pending too long → releasing → library told → released
cancel    releasing, in the transaction that cancels → library told → released
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from uuid import UUID

from services.funds.commitments import library, repository
from services.funds.commitments.kinds import CommitmentState
from services.funds.commitments.library import Commit
from services.funds.commitments.models import Commitment
from services.funds.commitments.project import LibraryProject
from shared.errors import Refusal, Unavailable
from shared.work import Context, Peer, Work

PATIENCE = timedelta(minutes=2)
"""How long a pending commitment may belong to a request that is still running."""
S = CommitmentState


async def intend(work: Work, region: str, wanted: Sequence[Commit]) -> None:
    """Write down, in a transaction of its own, what the library is about to be told.

    Unavailable while an earlier attempt is being undone.
    """
    async with work.context.database.write() as session:
        inner = work.context.work(session, work.actor)
        known = {row.id: row for row in await repository.of_plan(inner, wanted[0].plan_id, lock=True)}
        for one in wanted:
            row = known.get(one.id)
            if row is not None and row.state in {S.RELEASING, S.HELD}:
                raise Unavailable("上一次登记正在撤销, 请稍后重试", "An earlier commitment is being undone")
            if row is None:
                row = Commitment(id=one.id, plan_id=one.plan_id, project_id=one.project_id, region=region, amount=0,
                                 state=S.PENDING, asked_at=work.at)  # fmt: skip
            row.state, row.amount, row.asked_at, row.last_error = S.PENDING, one.amount, work.at, ""
            session.add(row)


async def tell_library(work: Work, wanted: Sequence[Commit]) -> None:
    """Tell the library; when it refuses one, mark all for release at once and pass the refusal on."""
    try:
        await library.commit(work.peer("projects"), wanted)
    except Unavailable:
        raise
    except Refusal:
        async with work.context.database.write() as session:
            inner = work.context.work(session, work.actor)
            await repository.system_settle(inner, [one.id for one in wanted], S.PENDING, S.RELEASING)
        work.context.changed.set()
        raise


async def hold(work: Work, plan_id: UUID, expected: Sequence[UUID]) -> None:
    """Inside the approving transaction: the intents are still ours and become commitments, or Unavailable."""
    rows = {row.id: row for row in await repository.of_plan(work, plan_id, lock=True)}
    if any(one not in rows or rows[one].state is not S.PENDING for one in expected):
        raise Unavailable("项目登记已被撤销, 请重试", "The commitments were undone meanwhile", retry_after=20)
    await repository.system_settle(work, list(expected), S.PENDING, S.HELD)


async def let_go(work: Work, plan_id: UUID) -> None:
    """Inside the cancelling transaction: the library is to be told that nothing comes."""
    ids = [row.id for row in await repository.of_plan(work, plan_id, lock=True)]
    await repository.system_settle(work, ids, S.HELD, S.RELEASING)


async def reconcile(context: Context) -> tuple[int, int]:
    """Undo what was left half done: (released now, still open). Safe to run anywhere, any number of times."""
    async with context.database.write() as session:
        work = context.work(session)
        rows = await repository.system_half_done(work, work.at - PATIENCE)
        ids = [row.id for row in rows]
        await repository.system_settle(work, ids, S.PENDING, S.RELEASING)
    done = 0
    for row in rows:
        done += await _release(context, row)
    return done, len(rows) - done


async def _release(context: Context, row: Commitment) -> int:
    try:
        peer = Peer(context, "projects", context.itself(), context.clock())
        await library.release(peer, row.project_id, row.id)
    except Refusal as refusal:
        async with context.database.write() as session:
            await repository.system_failed(context.work(session), row.id, refusal.detail)
        return 0
    async with context.database.write() as session:
        return await repository.system_settle(context.work(session), [row.id], S.RELEASING, S.RELEASED)


async def remember(work: Work, views: Iterable[LibraryProject]) -> None:
    """Keep what the library said, unless something newer is known."""
    rows = [
        {
            "id": view.id,
            "region": view.region,
            "name": view.name,
            "code": view.code,
            "category": view.category,
            "industry": view.industry,
            "blocked": view.blocked,
            "state": view.state,
            "physical_percent": view.physical_percent,
            "version": view.version,
            "seen_at": work.at,
        }
        for view in views
    ]
    await repository.system_keep_cards(work, rows)


async def progressed(work: Work, project_id: UUID, percent: int, version: int) -> None:
    """Keep how far a project is, by what was reported; a project that never had money is not kept."""
    await repository.system_progressed(work, project_id, percent, version)


async def seen_on_site(work: Work, project_id: UUID, on: date) -> None:
    """Keep when somebody last reported from the site, whatever order the reports come in."""
    await repository.system_seen_on_site(work, project_id, on)


async def cards(work: Work, project_ids: Iterable[UUID]) -> dict[UUID, LibraryProject]:
    """What the library last said of these projects."""
    known = await repository.cards(work, project_ids)
    return {
        project_id: LibraryProject(
            id=card.id,
            region=card.region,
            name=card.name,
            state=card.state,
            category=card.category,
            code=card.code,
            industry=card.industry,
            blocked=card.blocked,
            physical_percent=card.physical_percent,
            version=card.version,
        )
        for project_id, card in known.items()
    }
