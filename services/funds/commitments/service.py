"""Telling the library before and after: an intent first, then the telling, then the decision; a reconciler for the rest.

approve   pending (own transaction) → library told → held, in the transaction that approves the plan
died in between   pending too long → releasing → library told → released
cancel    releasing, in the transaction that cancels → library told → released
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from uuid import UUID

from services.funds.commitments import projects_client, repository
from services.funds.commitments.models import Commitment
from services.funds.commitments.projects_client import CommitmentRequest, ProjectFacts
from services.funds.commitments.schemas import CommitmentState
from shared.errors import ApiError, Unavailable
from shared.unit_of_work import ServiceClient, ServiceContext, UnitOfWork

PENDING_TIMEOUT = timedelta(minutes=2)
"""How long a pending commitment may belong to a request that is still running."""


async def record_intent(work: UnitOfWork, region: str, wanted: Sequence[CommitmentRequest]) -> None:
    """Write down, in a transaction of its own, what the library is about to be told.

    Unavailable while an earlier attempt is being undone.
    """
    async with work.context.database.write() as session:
        inner = work.context.unit_of_work(session, work.actor)
        known = {
            row.id: row for row in await repository.list_commitments(inner, wanted[0].plan_id, lock=True)
        }
        for one in wanted:
            row = known.get(one.id)
            if row is not None and row.state in {CommitmentState.RELEASING, CommitmentState.HELD}:
                raise Unavailable("上一次登记正在撤销, 请稍后重试", "An earlier commitment is being undone")
            if row is None:
                row = Commitment(id=one.id, plan_id=one.plan_id, project_id=one.project_id, region=region, amount=0,
                                 state=CommitmentState.PENDING, asked_at=work.at)  # fmt: skip
            row.state, row.amount, row.asked_at, row.last_error = (
                CommitmentState.PENDING,
                one.amount,
                work.at,
                "",
            )
            session.add(row)


async def register_with_library(work: UnitOfWork, wanted: Sequence[CommitmentRequest]) -> None:
    """Tell the library; when it refuses one, mark all for release at once and pass the refusal on."""
    try:
        await projects_client.register_commitments(work.service_client("projects"), wanted)
    except Unavailable:
        raise
    except ApiError:
        async with work.context.database.write() as session:
            inner = work.context.unit_of_work(session, work.actor)
            await repository.system_update_commitment_state(
                inner, [one.id for one in wanted], CommitmentState.PENDING, CommitmentState.RELEASING
            )
        work.context.changed.set()
        raise


async def confirm_commitments(work: UnitOfWork, plan_id: UUID, expected: Sequence[UUID]) -> None:
    """Inside the approving transaction: the intents are still ours and become commitments, or Unavailable."""
    rows = {row.id: row for row in await repository.list_commitments(work, plan_id, lock=True)}
    if any(one not in rows or rows[one].state is not CommitmentState.PENDING for one in expected):
        raise Unavailable("项目登记已被撤销, 请重试", "The commitments were undone meanwhile", retry_after=20)
    await repository.system_update_commitment_state(
        work, list(expected), CommitmentState.PENDING, CommitmentState.HELD
    )


async def release_commitments(work: UnitOfWork, plan_id: UUID) -> None:
    """Inside the cancelling transaction: the library is to be told that nothing comes."""
    ids = [row.id for row in await repository.list_commitments(work, plan_id, lock=True)]
    await repository.system_update_commitment_state(
        work, ids, CommitmentState.HELD, CommitmentState.RELEASING
    )


async def reconcile_commitments(context: ServiceContext) -> tuple[int, int]:
    """Undo what was left half done: (released now, still open). Safe to run anywhere, any number of times."""
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        rows = await repository.system_list_unfinished_commitments(work, work.at - PENDING_TIMEOUT)
        ids = [row.id for row in rows]
        await repository.system_update_commitment_state(
            work, ids, CommitmentState.PENDING, CommitmentState.RELEASING
        )
    done = 0
    for row in rows:
        done += await _release_commitment(context, row)
    return done, len(rows) - done


async def _release_commitment(context: ServiceContext, row: Commitment) -> int:
    try:
        peer = ServiceClient(context, "projects", context.service_actor(), context.clock())
        await projects_client.release_commitment(peer, row.project_id, row.id)
    except ApiError as refusal:
        async with context.database.write() as session:
            await repository.system_record_release_error(
                context.unit_of_work(session), row.id, refusal.detail
            )
        return 0
    async with context.database.write() as session:
        return await repository.system_update_commitment_state(
            context.unit_of_work(session), [row.id], CommitmentState.RELEASING, CommitmentState.RELEASED
        )


async def cache_projects(work: UnitOfWork, views: Iterable[ProjectFacts]) -> None:
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
    await repository.system_upsert_snapshots(work, rows)


async def record_progress(work: UnitOfWork, project_id: UUID, percent: int, version: int) -> None:
    """Keep how far a project is, by what was reported; a project that never had money is not kept."""
    await repository.system_update_progress(work, project_id, percent, version)


async def record_site_visit(work: UnitOfWork, project_id: UUID, on: date) -> None:
    """Keep when somebody last reported from the site, whatever order the reports come in."""
    await repository.system_record_site_visit(work, project_id, on)


async def get_cached_projects(work: UnitOfWork, project_ids: Iterable[UUID]) -> dict[UUID, ProjectFacts]:
    """What the library last said of these projects."""
    known = await repository.get_project_snapshots(work, project_ids)
    return {
        project_id: ProjectFacts(
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
