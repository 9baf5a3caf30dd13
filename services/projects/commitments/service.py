"""Register and release commitments; both are idempotent."""

from uuid import UUID

from services.projects.commitments import repository
from services.projects.commitments.models import Commitment
from services.projects.commitments.schemas import CommitmentWrite
from services.projects.projects import repository as library
from services.projects.projects.lifecycle import State
from services.projects.projects.models import Project
from shared.auth import May
from shared.clients.projects import ProjectCommitted
from shared.errors import Conflict, NotFound
from shared.unit_of_work import UnitOfWork

FUNDABLE_STATES = frozenset({State.RESERVE, State.PLANNED})


async def register_commitment(
    work: UnitOfWork, project_id: UUID, commitment_id: UUID, body: CommitmentWrite
) -> Commitment:
    """Hold the project for this money; Conflict when it is not in the library or screening blocks it."""
    project = await library.get_project(work, project_id, lock=True)
    work.actor.require(May.PROJECT_COMMIT, project.region)
    known = await repository.find_commitment(work, commitment_id)
    if known is not None and known.project_id != project_id:
        raise Conflict("这个编号已登记在另一个项目", "This id is committed to another project")
    told = (body.amount, body.plan_id, body.document_no)
    if known is not None and known.released_at is None:
        if (known.amount, known.plan_id, known.document_no) == told:
            return known
        if known.issued_at is not None:
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
    row = known or Commitment(
        id=commitment_id, project_id=project_id, plan_id=body.plan_id, amount=0, committed_at=work.at
    )
    row.amount, row.plan_id, row.document_no = told
    row.committed_at, row.released_at = work.at, None
    work.session.add(row)
    await _publish_commitment(work, project, row)
    return row


async def release_commitment(work: UnitOfWork, project_id: UUID, commitment_id: UUID) -> Commitment:
    """Let the project go; NotFound when it was never held, the same answer again when it was let go already."""
    project = await library.get_project(work, project_id, lock=True)
    work.actor.require(May.PROJECT_COMMIT, project.region)
    row = await repository.find_commitment(work, commitment_id)
    if row is None or row.project_id != project_id:
        raise NotFound("没有这笔登记", "No such commitment")
    if row.released_at is None:
        row.released_at = work.at
        work.session.add(row)
        await _publish_commitment(work, project, row, released=True)
    return row


async def _publish_commitment(
    work: UnitOfWork, project: Project, row: Commitment, *, released: bool = False
) -> None:
    project.version += 1
    project.updated_at = work.at
    work.session.add(project)
    event = ProjectCommitted(
        project_id=project.id,
        commitment_id=row.id,
        plan_id=row.plan_id,
        amount=row.amount,
        document_no=row.document_no,
        released=released,
    )
    await work.publish(event, project)
