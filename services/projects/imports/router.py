"""A county's table read in, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query
from fastapi.responses import Response
from pydantic import AwareDatetime

from services.projects.exchange.exports import MEDIA, attached
from services.projects.exchange.layout import Format
from services.projects.imports import repository, service
from services.projects.imports.kinds import ImportState
from services.projects.imports.models import ImportRow
from services.projects.imports.schemas import ImportRead, ImportRowRead
from services.projects.imports.service import AT_ONCE, LARGE, Asked
from shared.errors import BadRequest, Conflict, Invalid, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/projects/imports", tags=["项目导入导出"], route_class=Route)
Table = Annotated[bytes, Body(media_type="application/octet-stream", description="XLSX 或 CSV 文件内容")]
Region = Annotated[str, Query(pattern=r"^[0-9]{12}$", description="导入到哪个县(区)")]
Year = Annotated[int | None, Query(ge=2000, le=2100, description="表中没有年度列时的项目年度")]
Happened = Annotated[AwareDatetime | None, Query(description="实际提出时间; 空为现在. 补录历史时填写")]
Name = Annotated[str, Query(max_length=255, description="文件名")]
XLSX = MEDIA[Format.XLSX][0]


@router.post(
    "",
    status_code=202,
    response_model=ImportRead,
    **allows(May.PROJECT_DECLARE, refuses=(Invalid, NotFound, Conflict), body=LARGE),
)
async def import_projects(
    work: Writing,
    body: Table,
    region: Region,
    year: Year = None,
    happened_at: Happened = None,
    name: Name = "",
    dry_run: bool = False,
) -> ImportRead:
    """导入县级项目库表: 正确的行成为草稿, 其余逐行说明. 短表答复时已处理完, 长表在后台进行; 再次上传同一文件不会重复."""
    job = await service.begin(work, Asked(body, region, year, happened_at, name, dry_run))
    return await service.shown(work, job)


@router.post(
    "/check",
    response_class=Response,
    response_model=None,
    **allows(May.PROJECT_DECLARE, refuses=(Invalid, NotFound, Conflict), body=LARGE),
)
async def check_table(work: Writing, body: Table, region: Region, year: Year = None) -> Response:
    """试导入短表, 返回原表的副本, 错误写在“问题”列; 什么也不导入."""
    job = await service.begin(work, Asked(body, region, year, dry_run=True))
    if job.state is not ImportState.DONE:
        detail = f"表有 {job.total} 行, 一次只能检查 {AT_ONCE} 行"
        step = "请用 POST /projects/imports?dry_run=true 试导入, 完成后下载副本"
        raise Invalid(detail, "Too long to be checked at once", next_step=step)
    content = await service.workbook(work, job, only_wrong=False)
    return Response(content, media_type=XLSX, headers=attached("导入检查结果.xlsx"))


@router.get("", response_model=Page[ImportRead], **allows(May.PROJECT_DECLARE, refuses=(BadRequest,)))
async def list_imports(work: Reading, asked: Paging) -> Page[ImportRead]:
    """导入记录, 新的在前."""
    found = await repository.listed(work, asked)
    items = [service.brief(one) for one in found.items]
    return Page[ImportRead].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)


@router.get("/{job_id}", response_model=ImportRead, **allows(May.PROJECT_DECLARE, refuses=(NotFound,)))
async def read_import(work: Reading, job_id: UUID) -> ImportRead:
    """一次导入的进展: 已处理行数、总行数、至今的问题."""
    return await service.shown(work, await repository.get(work, job_id))


@router.get(
    "/{job_id}/rows",
    response_model=Page[ImportRowRead],
    **allows(May.PROJECT_DECLARE, refuses=(NotFound, BadRequest)),
)
async def list_import_rows(
    work: Reading,
    job_id: UUID,
    asked: Paging,
    wrong: Annotated[bool | None, Query(description="只看有问题的行")] = None,
) -> Page[ImportRow]:
    """逐行结果."""
    job = await repository.get(work, job_id)
    return await repository.rows(work, asked, job.id, wrong=wrong)


@router.get(
    "/{job_id}/workbook",
    response_class=Response,
    response_model=None,
    **allows(May.PROJECT_DECLARE, refuses=(NotFound, Conflict)),
)
async def download_workbook(
    work: Reading,
    job_id: UUID,
    only_wrong: Annotated[bool, Query(description="只要有问题的行")] = False,
) -> Response:
    """原表的副本, 错误标红并写在“问题”列; 改好可直接再次上传."""
    job = await repository.get(work, job_id)
    content = await service.workbook(work, job, only_wrong=only_wrong)
    return Response(content, media_type=XLSX, headers=attached(f"导入结果-{job.name or job.id}.xlsx"))
