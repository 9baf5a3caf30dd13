"""Routes `/households/jobs`."""

from uuid import UUID

from fastapi import APIRouter

from services.households.clues.schemas import ReadingRequest
from services.households.jobs import repository, service
from services.households.jobs.lifecycle import JOB, JobAction, JobState
from services.households.jobs.models import HelpJob
from services.households.jobs.schemas import (
    JobCreate,
    JobDetail,
    JobKind,
    JobPayment,
    JobRead,
    JobTransitionRequest,
)
from services.households.loans.schemas import PersonRead
from shared.auth import May
from shared.china import RegionCode
from shared.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    VersionRequired,
)
from shared.http import IfMatch, Page, Pagination, ReadWork, Route, WriteWork, never_stored, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import Act, Part, RecordKind, Shortcut

router = APIRouter(prefix="/households/jobs", tags=["帮扶岗位"], route_class=Route)


@router.post(
    "", status_code=201, response_model=JobRead, **requires(May.HELP_ENTER, refuses=(Conflict, Invalid))
)
async def add_job(work: WriteWork, body: JobCreate) -> HelpJob:
    """登记公益性岗位或帮扶车间的一个人."""
    return await service.create_job(work, body)


@router.get("", response_model=Page[JobRead], **requires(May.HOUSEHOLD_READ))
async def list_jobs(
    work: ReadWork,
    params: Pagination,
    region: RegionCode | None = None,
    kind: JobKind | None = None,
    state: JobState | None = None,
) -> Page[HelpJob]:
    """岗位花名册, 新登记的在前; 帮扶干部在监测户页面看所帮扶户的岗位."""
    return await repository.list_jobs(work, params, region, {"kind": kind, "state": state})


@router.get("/{job_id}", response_model=JobDetail, **requires(May.HOUSEHOLD_READ, refuses=(NotFound,)))
async def read_job(work: ReadWork, job_id: UUID) -> JobDetail:
    """帮扶岗位, 发放的月份和可办事项."""
    return service.get_job_detail(work, await repository.get_job(work, job_id))


@router.post(
    "/{job_id}/payments",
    response_model=JobDetail,
    **requires(May.HELP_ENTER, refuses=(NotFound, Invalid, PreconditionFailed, VersionRequired)),
)
async def pay_months(work: WriteWork, job_id: UUID, body: JobPayment, match: IfMatch) -> JobDetail:
    """登记发放补贴或工资的月份."""
    return await service.pay_months(work, job_id, body, match)


@router.post(
    "/{job_id}/readings",
    response_model=PersonRead,
    **never_stored(requires(May.HOUSEHOLD_OPEN, refuses=(NotFound, Forbidden))),
)
async def open_job(work: WriteWork, job_id: UUID, body: ReadingRequest) -> PersonRead:
    """查阅在岗人员; 查阅行为会被记录."""
    return await service.open_job(work, job_id, body.purpose)


@router.post(
    "/{job_id}/{action}",
    response_model=JobDetail | TransitionPreview,
    **moves(JOB),
)
async def act_on_job(
    work: WriteWork,
    job_id: UUID,
    action: JobAction,
    body: JobTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> JobDetail | TransitionPreview:
    """办理帮扶岗位."""
    return await service.transition_job(work, job_id, action, body, match=match, dry_run=dry_run)


JOB_KIND = RecordKind(
    name="help_job",
    label="帮扶岗位",
    path="/households/jobs",
    model=HelpJob,
    read=JobRead,
    may=May.HOUSEHOLD_READ,
    title="name_masked",
    columns=("name_masked", "region", "kind", "post", "employer", "starts_on", "paid_total", "state"),
    filters=("region", "kind", "state"),
    lifecycle=JOB,
    due="ends_on",
    topics=("help_job.moved", "help_job.paid"),
    shortcuts=(Shortcut(May.HELP_ENTER, "登记帮扶岗位", "/households/jobs"),),
    acts=(
        Act("登记发放", "/households/jobs/{id}/payments"),
        Act("查阅在岗人员", "/households/jobs/{id}/readings"),
    ),
    parts=(Part("months", "发放的月份", "/households/jobs/{id}", "months"),),
)
