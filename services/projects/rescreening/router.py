"""Screening the whole library over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.projects.rescreening import repository, service
from services.projects.rescreening.schemas import JobChangeRead, JobRead
from services.projects.screening.models import Job, JobChange
from shared.errors import BadRequest, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/projects/screening-jobs", tags=["筛查规则"], route_class=Route)


class Rescreen(BaseModel):
    """重筛一个区划的全部项目."""

    region: Annotated[str, Field(pattern=r"^[0-9]{12}$")]


@router.get("", response_model=Page[JobRead], **allows(May.RULE_READ, refuses=(BadRequest,)))
async def list_screening_jobs(work: Reading, asked: Paging) -> Page[Job]:
    """全库试算和重筛."""
    return await repository.listed(work, asked)


@router.post("", status_code=202, response_model=JobRead, **allows(May.RULE_MANAGE, refuses=(NotFound,)))
async def rescreen_library(work: Writing, body: Rescreen) -> Job:
    """按现行规则重筛全库; 在后台进行, 进展见本记录."""
    return await service.rescreen(work, body.region)


@router.get("/{job_id}", response_model=JobRead, **allows(May.RULE_READ, refuses=(NotFound,)))
async def read_screening_job(work: Reading, job_id: UUID) -> Job:
    """一次全库筛查的进展."""
    return await repository.get(work, job_id)


@router.get(
    "/{job_id}/changes",
    response_model=Page[JobChangeRead],
    **allows(May.RULE_READ, refuses=(NotFound, BadRequest)),
)
async def list_screening_changes(work: Reading, job_id: UUID, asked: Paging) -> Page[JobChange]:
    """结果有变化的项目."""
    job = await repository.get(work, job_id)
    return await repository.changes(work, asked, job.id)
