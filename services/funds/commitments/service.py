"""Register commitments with the projects service before and after a plan is decided; reconcile what was interrupted.

approve       PENDING in a transaction of its own → projects service → HELD in the transaction that approves the plan
interrupted   PENDING for longer than PENDING_TIMEOUT → RELEASING → projects service → RELEASED
cancel        RELEASING in the transaction that cancels → projects service → RELEASED
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from services.funds.commitments import projects_client, repository
from services.funds.commitments.models import Commitment
from services.funds.commitments.projects_client import CommitmentRequest
from services.funds.commitments.schemas import CommitmentState
from shared.clients.projects import ProjectSnapshot
from shared.errors import ApiError, Unavailable
from shared.unit_of_work import ServiceClient, ServiceContext, UnitOfWork

PENDING_TIMEOUT = timedelta(minutes=2)
"""Age from which a PENDING commitment is treated as interrupted; it must exceed the longest request."""
REGISTRATION_LIMIT = timedelta(minutes=1)
"""No commitment of a plan is registered later than this after its intent; with a request more it is below PENDING_TIMEOUT."""
RELEASE_LEASE = timedelta(minutes=2)
"""For so long a replica that releases a commitment has it alone; it must exceed the longest request."""


async def record_intent(work: UnitOfWork, region: str, requests: Sequence[CommitmentRequest]) -> None:
    """Write PENDING commitments in a transaction of their own, before the projects service is called.

    Unavailable while an earlier attempt is being released.
    """
    async with work.context.database.write() as session:
        intent_work = work.context.unit_of_work(session, work.actor)
        existing = {
            commitment.id: commitment
            for commitment in await repository.list_commitments(intent_work, requests[0].plan_id, lock=True)
        }
        for request in requests:
            commitment = existing.get(request.id)
            if commitment is not None and commitment.state in {
                CommitmentState.RELEASING,
                CommitmentState.HELD,
            }:
                raise Unavailable("上一次登记正在撤销, 请稍后重试", "An earlier commitment is being undone")
            if commitment is None:
                commitment = Commitment(id=request.id, plan_id=request.plan_id, project_id=request.project_id, region=region, amount=0,
                                 state=CommitmentState.PENDING, asked_at=work.at)  # fmt: skip
            commitment.state, commitment.amount, commitment.asked_at, commitment.last_error = (
                CommitmentState.PENDING,
                request.amount,
                work.at,
                "",
            )
            session.add(commitment)


async def register_with_library(work: UnitOfWork, requests: Sequence[CommitmentRequest]) -> None:
    """Register the commitments with the projects service; if it refuses one, set all to RELEASING and re-raise.

    Unavailable when that takes so long that the last ones would be registered after they were released as interrupted.
    """
    client, ends = work.service_client("projects"), work.context.clock() + REGISTRATION_LIMIT
    try:
        for request in requests:
            if work.context.clock() > ends:
                raise Unavailable("项目库应答太慢, 请稍后重试", "The library answers too slowly")
            await projects_client.register_commitment(client, request)
    except Unavailable:
        raise
    except ApiError:
        async with work.context.database.write() as session:
            release_work = work.context.unit_of_work(session, work.actor)
            await repository.system_update_commitment_state(
                release_work,
                [request.id for request in requests],
                CommitmentState.PENDING,
                CommitmentState.RELEASING,
            )
        work.context.changed.set()
        raise


async def confirm_commitments(work: UnitOfWork, plan_id: UUID, expected: Sequence[UUID]) -> None:
    """Set the PENDING commitments to HELD within the approving transaction; Unavailable if any was released meanwhile."""
    commitments = {
        commitment.id: commitment
        for commitment in await repository.list_commitments(work, plan_id, lock=True)
    }
    if any(
        commitment_id not in commitments or commitments[commitment_id].state is not CommitmentState.PENDING
        for commitment_id in expected
    ):
        raise Unavailable("项目登记已被撤销, 请重试", "The commitments were undone meanwhile", retry_after=20)
    await repository.system_update_commitment_state(
        work, list(expected), CommitmentState.PENDING, CommitmentState.HELD
    )


async def release_commitments(work: UnitOfWork, plan_id: UUID) -> None:
    """Set the commitments of a plan to RELEASING within the cancelling transaction."""
    ids = [row.id for row in await repository.list_commitments(work, plan_id, lock=True)]
    await repository.system_update_commitment_state(
        work, ids, CommitmentState.HELD, CommitmentState.RELEASING
    )


async def reconcile_commitments(context: ServiceContext) -> tuple[int, int]:
    """Release interrupted commitments: (released now, still open). Idempotent and safe on several replicas at once."""
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        commitments = await repository.system_list_unfinished_commitments(work, work.at - PENDING_TIMEOUT)
        ids = [commitment.id for commitment in commitments]
        await repository.system_update_commitment_state(
            work, ids, CommitmentState.PENDING, CommitmentState.RELEASING
        )
    released = 0
    for commitment in commitments:
        released += await _release_commitment(context, commitment)
    return released, len(commitments) - released


async def _release_commitment(context: ServiceContext, commitment: Commitment) -> int:
    """Release one as it was listed. The claim keeps a slow replica from deleting what was committed anew meanwhile."""
    claim = context.clock() + RELEASE_LEASE
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        if not await repository.system_claim_release(work, commitment.id, commitment.asked_at, claim):
            return 0
    error = ""
    try:
        client = ServiceClient(context, "projects", context.service_actor(), context.clock())
        await projects_client.release_commitment(client, commitment.project_id, commitment.id)
    except ApiError as refusal:
        error = refusal.detail
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        return await repository.system_finish_release(work, commitment.id, claim, error)


async def cache_projects(work: UnitOfWork, projects: Iterable[ProjectSnapshot]) -> None:
    """Store answers of the projects service, each unless a newer version is stored."""
    rows = [project.model_dump(include=repository.SNAPSHOT_COLUMNS) for project in projects]
    await repository.system_upsert_projects(work, rows)


async def get_cached_projects(work: UnitOfWork, project_ids: Iterable[UUID]) -> dict[UUID, ProjectSnapshot]:
    """Get the cached projects, by id."""
    rows = await repository.get_cached_projects(work, project_ids)
    return {project_id: ProjectSnapshot.model_validate(row.model_dump()) for project_id, row in rows.items()}
