"""Register and release commitments; both are idempotent."""

from uuid import UUID

from services.projects.commitments import repository
from services.projects.commitments.models import Commitment
from services.projects.commitments.schemas import CommitmentWrite
from services.projects.projects import repository as projects
from services.projects.projects.lifecycle import State
from services.projects.projects.models import Project
from shared.auth import May
from shared.clients.projects import ProjectCommitted
from shared.errors import Conflict, NotFound
from shared.records import save_record
from shared.unit_of_work import UnitOfWork

FUNDABLE_STATES = frozenset({State.RESERVE, State.PLANNED})


async def register_commitment(
    work: UnitOfWork, project_id: UUID, commitment_id: UUID, body: CommitmentWrite
) -> Commitment:
    """Commit money to a project; raise Conflict when it is not in reserve or planned, is a package, or is blocked by screening."""
    project = await projects.get_project(work, project_id, lock=True)
    work.actor.require(May.PROJECT_COMMIT, project.region)
    existing = await repository.find_commitment(work, commitment_id)
    if existing is not None and existing.project_id != project_id:
        raise Conflict("这个编号已登记在另一个项目", "This id is committed to another project")
    values = (body.amount, body.plan_id, body.document_no)
    if existing is not None and existing.released_at is None:
        if (existing.amount, existing.plan_id, existing.document_no) == values:
            return existing
        if existing.issued_at is not None:
            raise Conflict("这笔资金已下达, 不能改登记", "This commitment was issued")
    if project.state not in FUNDABLE_STATES:
        raise Conflict(
            f"“{project.name}”{project.state.label}, 资金只安排给已入库的项目",
            f"The project is {project.state}, only projects in the library are funded",
        )
    if project.is_package:
        raise Conflict(
            f"“{project.name}”是项目包, 资金请安排给其下级项目", "A package is funded through its parts"
        )
    if project.blocked:
        raise Conflict(
            f"“{project.name}”筛查未通过且未放行, 不能安排资金",
            "Screening blocks this project",
            next_step="请先处理筛查发现",
        )
    commitment = existing or Commitment(
        id=commitment_id, project_id=project_id, plan_id=body.plan_id, amount=0, committed_at=work.at
    )
    commitment.amount, commitment.plan_id, commitment.document_no = values
    commitment.committed_at, commitment.released_at = work.at, None
    work.session.add(commitment)
    await _publish_commitment(work, project, commitment)
    return commitment


async def release_commitment(work: UnitOfWork, project_id: UUID, commitment_id: UUID) -> Commitment:
    """Release a commitment; raise NotFound when it does not exist. Releasing it again returns the same result."""
    project = await projects.get_project(work, project_id, lock=True)
    work.actor.require(May.PROJECT_COMMIT, project.region)
    commitment = await repository.find_commitment(work, commitment_id)
    if commitment is None or commitment.project_id != project_id:
        raise NotFound("没有这笔登记", "No such commitment")
    if commitment.released_at is None:
        commitment.released_at = work.at
        work.session.add(commitment)
        await _publish_commitment(work, project, commitment, released=True)
    return commitment


async def _publish_commitment(
    work: UnitOfWork, project: Project, commitment: Commitment, *, released: bool = False
) -> None:
    event = ProjectCommitted(
        project_id=project.id,
        commitment_id=commitment.id,
        plan_id=commitment.plan_id,
        amount=commitment.amount,
        document_no=commitment.document_no,
        released=released,
    )
    await save_record(work, project, event)
