"""Use cases of jobs: enter, pay months, leave."""

from uuid import UUID

from services.households.clues.service import require_village
from services.households.households import repository as households
from services.households.jobs import repository
from services.households.jobs.events import HelpJobMoved, HelpJobOpened, HelpJobPaid
from services.households.jobs.lifecycle import JOB, JobAction, JobFacts, JobState
from services.households.jobs.models import HelpJob
from services.households.jobs.schemas import (
    JobCreate,
    JobDetail,
    JobKind,
    JobPayment,
    JobRead,
    JobTransitionRequest,
    PaidMonth,
)
from services.households.loans.schemas import PersonRead
from services.households.personal import mark_person, seal_person, unseal
from shared.auth import May
from shared.china import format_month, month_bounds
from shared.db import new_id
from shared.errors import Conflict, invalid_field
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.records import create_record, log_event, save_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


async def create_job(work: UnitOfWork, body: JobCreate) -> HelpJob:
    """Enter a person's job. Conflict for a second 公益性岗位 that the person would hold at the same time."""
    work.actor.require(May.HELP_ENTER, body.region)
    await require_village(work, body.region)
    return await insert_job(work, body)


async def insert_job(work: UnitOfWork, body: JobCreate) -> HelpJob:
    """Insert a job whose region is known."""
    if body.starts_on > work.today:
        raise invalid_field("in_the_future", "上岗日期不能晚于今天", "/starts_on", "In the future")
    if body.ends_on is not None and body.ends_on < body.starts_on:
        raise invalid_field("before_start", "到期日不能早于上岗日期", "/ends_on", "Before the start")
    await households.system_lock_help(work)
    held = await repository.system_list_held(work, mark_person(work, body.id_no))
    if body.kind is JobKind.WELFARE_POST and any(
        one.kind is JobKind.WELFARE_POST and one.id != body.id for one in held
    ):
        raise Conflict("这个人已有一个在岗的公益性岗位, 一人只能有一个", "The person holds a welfare post")
    job_id = body.id or new_id()
    job, _ = await create_record(
        work,
        HelpJob,
        body,
        event=lambda job: HelpJobMoved(job_id=job.id, was="", now=job.state),
        region=body.region,
        id=job_id,
        state=JobState.HELD,
        state_since=work.at,
        **seal_person(work, "help_job", job_id, body.name, body.id_no),
        **body.model_dump(exclude={"id", "region", "name", "id_no"}, mode="python"),
    )
    return job


async def pay_months(work: UnitOfWork, job_id: UUID, body: JobPayment, match: VersionMatch) -> JobDetail:
    """Enter months that were paid; a month is paid once, within the time of the job, not before it has begun."""
    job = await repository.get_job(work, job_id, lock=True)
    work.actor.require(May.HELP_ENTER, job.region)
    match.require_version(job)
    last = min(one for one in (job.left_on, job.ends_on, work.today) if one is not None)
    for index, month in enumerate(body.months):
        pointer = f"/months/{index}"
        if month in job.paid:
            raise invalid_field("paid_before", f"{month} 已登记发放", pointer, "Paid before")
        if not format_month(job.starts_on) <= month <= format_month(last):
            words = f"{month} 不在 {format_month(job.starts_on)} 至 {format_month(last)} 之内"
            raise invalid_field("outside", words, pointer, "Outside of the job")
    amount = job.pay if body.amount is None else body.amount
    before = {"paid_total": job.paid_total}
    job.paid = job.paid | dict.fromkeys(body.months, amount)
    job.paid_total = sum(job.paid.values())
    event = HelpJobPaid(job_id=job.id, months=body.months, amount=amount)
    await save_record(work, job, event, before=before)
    return get_job_detail(work, job)


async def open_job(work: UnitOfWork, job_id: UUID, purpose: str) -> PersonRead:
    """The person in clear; the reading and its purpose are logged as an event."""
    job = await repository.get_job(work, job_id)
    work.actor.require(May.HOUSEHOLD_OPEN, job.region)
    await log_event(work, job, HelpJobOpened(job_id=job.id, purpose=purpose))
    return PersonRead(name=unseal(work, job, "name"), id_no=unseal(work, job, "id_no"))


def _collect_facts(work: UnitOfWork, job: HelpJob, body: JobTransitionRequest) -> JobFacts:
    return JobFacts(
        starts_on=job.starts_on,
        left_on=body.left_on,
        on=(body.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date(),
        last_paid=month_bounds(max(job.paid))[0] if job.paid else None,
    )


async def transition_job(
    work: UnitOfWork,
    job_id: UUID,
    action: JobAction,
    body: JobTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> JobDetail | TransitionPreview:
    """Apply one transition to a job; on `dry_run` return a preview instead."""
    job = await repository.get_job(work, job_id, lock=True)
    preview = await apply_transition(
        work,
        JOB,
        job,
        action,
        _collect_facts(work, job, body),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: HelpJobMoved(job_id=job.id, was=was, now=now),
    )
    if preview is not None:
        return preview
    job.left_on = body.left_on
    work.session.add(job)
    return get_job_detail(work, job)


def get_job_detail(work: UnitOfWork, job: HelpJob) -> JobDetail:
    """A job with the months paid and the actions available to the caller."""
    facts = _collect_facts(work, job, JobTransitionRequest.model_construct())
    return JobDetail.model_construct(
        **JobRead.model_validate(job).model_dump(),
        months=[PaidMonth.model_construct(month=month, amount=job.paid[month]) for month in sorted(job.paid)],
        available_actions=available_actions(work, JOB, job, facts),
    )
