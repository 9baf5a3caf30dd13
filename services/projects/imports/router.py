"""Routes of `/projects/imports`, `/projects/export` and `/projects/template`."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import AwareDatetime

from services.projects.categories import service as categories
from services.projects.imports import exporter, repository, service
from services.projects.imports.exporter import build_download_headers
from services.projects.imports.models import ImportJob, ImportRow
from services.projects.imports.schemas import (
    IMPORT_COLUMNS,
    ExportFormat,
    ImportRead,
    ImportRowRead,
)
from services.projects.imports.service import MAX_IMMEDIATE_ROWS, MAX_TABLE_BYTES, ImportRequest
from services.projects.projects.router import ProjectFilterParam
from shared.auth import May
from shared.china import RegionCode
from shared.errors import BadRequest, Conflict, Invalid, NotFound
from shared.http import Page, Pagination, ReadWork, Route, WriteWork, requires
from shared.imports.schemas import ImportState
from shared.records import RecordKind
from shared.records.region_names import find_place_names
from shared.records.table_imports import TableReport
from shared.spreadsheets import XLSX_MEDIA_TYPE, build_template

export_router = APIRouter(prefix="/projects", tags=["项目导入导出"], route_class=Route)


@export_router.get(
    "/export",
    response_class=StreamingResponse,
    response_model=None,
    **requires(May.PROJECT_READ, refuses=(NotFound, Invalid)),
)
async def export_projects(
    work: ReadWork,
    filters: ProjectFilterParam,
    export_format: Annotated[
        ExportFormat, Query(alias="format", description="xlsx, csv, geojson 或 oc4ids")
    ] = ExportFormat.XLSX,
) -> StreamingResponse:
    """导出项目库: 县级项目库表(万元), CSV, GeoJSON (WGS-84), OC4IDS 0.9."""
    export = await exporter.write_projects(work, filters, export_format)
    return StreamingResponse(
        export.iterate_chunks(), media_type=export.media_type, headers=export.build_headers()
    )


@export_router.get("/template", response_class=Response, response_model=None, **requires(May.PROJECT_READ))
async def download_template(
    work: ReadWork,
    region: Annotated[RegionCode | None, Query(description="空为本县")] = None,
) -> Response:
    """项目库表模板: 带下拉列表(项目类型, 乡镇, 建设性质)和填写说明."""
    district = region or work.home_region
    region_names = await find_place_names(work, district)
    tree = await categories.get_category_tree(work, region=district)
    levels = {
        f"category{level}": [
            category.name for category in tree.items if category.code.count(".") == level - 1
        ]
        for level in (1, 2, 3)
    }
    lists = {name: list(dict.fromkeys(names)) for name, names in levels.items()}
    lists["town"] = [region_names.names[code] for code in sorted(region_names.towns)]
    content = build_template(IMPORT_COLUMNS, name="项目库", title="县级项目库表", lists=lists)
    return Response(content, media_type=XLSX_MEDIA_TYPE, headers=build_download_headers("项目库表模板.xlsx"))


def _drop_suffix(name: str) -> str:
    """The name of a file without .xlsx, .xls, .csv: the answer is always .xlsx."""
    return re.sub(r"(\.(xlsx|xlsm|xls|et|csv|txt))+$", "", name, flags=re.IGNORECASE)


router = APIRouter(prefix="/projects/imports", tags=["项目导入导出"], route_class=Route)
TableBody = Annotated[
    bytes, Body(media_type="application/octet-stream", description="XLSX, XLS 或 CSV 文件内容")
]
RegionParam = Annotated[RegionCode, Query(description="导入到哪个县(区)")]
YearParam = Annotated[int | None, Query(ge=2000, le=2100, description="表中没有年度列时的项目年度")]
HappenedAtParam = Annotated[AwareDatetime | None, Query(description="实际提出时间; 空为现在. 补录历史时填写")]
MappingParam = Annotated[
    str,
    Query(
        max_length=8000,
        description='列的对应关系, JSON: {"表中的标题": "栏目"}, 栏目为空则不读这一列; 栏目见答复的 mapping. 导入后本县同样表头不必再发',
    ),
]
CorrectionsParam = Annotated[
    str,
    Query(
        max_length=20_000,
        description='在页面上改好的格, JSON: [{"sheet": "工作表", "row": 6, "key": "栏目", "value": "80"}]; 写进原表再读',
    ),
]
FileNameParam = Annotated[str, Query(max_length=255, description="文件名")]


@router.post(
    "",
    status_code=202,
    response_model=ImportRead,
    **requires(May.PROJECT_DECLARE, refuses=(Invalid, NotFound, Conflict), body=MAX_TABLE_BYTES),
)
async def import_projects(
    work: WriteWork,
    region: RegionParam,
    body: TableBody = b"",
    year: YearParam = None,
    happened_at: HappenedAtParam = None,
    name: FileNameParam = "",
    mapping: MappingParam = "",
    corrections: CorrectionsParam = "",
    dry_run: bool = False,
) -> ImportRead:
    """导入县级项目库表: 正确的行成为草稿, 其余逐行说明. 短表答复时已处理完, 长表在后台进行; 再次上传同一文件不会重复."""
    job = await service.start_import(
        work, ImportRequest(body, region, year, happened_at, name, dry_run, mapping, corrections)
    )
    return await service.get_import_detail(work, job)


@router.post(
    "/heads",
    response_model=TableReport,
    **requires(May.PROJECT_DECLARE, refuses=(Invalid, NotFound), body=MAX_TABLE_BYTES),
)
async def read_heads(
    work: ReadWork,
    region: RegionParam,
    body: TableBody = b"",
    year: YearParam = None,
    mapping: MappingParam = "",
) -> TableReport:
    """认列: 各列标题认作什么, 还缺哪些列; 什么也不导入."""
    return await service.read_heads(work, ImportRequest(body, region, year, mapping=mapping))


@router.post(
    "/check",
    response_class=Response,
    response_model=None,
    **requires(May.PROJECT_DECLARE, refuses=(Invalid, NotFound, Conflict), body=MAX_TABLE_BYTES),
)
async def check_table(
    work: WriteWork,
    region: RegionParam,
    body: TableBody = b"",
    year: YearParam = None,
    mapping: MappingParam = "",
) -> Response:
    """试导入短表, 返回原表, 错误的单元格标红并加批注; 什么也不导入."""
    job = await service.start_import(work, ImportRequest(body, region, year, dry_run=True, mapping=mapping))
    if job.state is not ImportState.DONE:
        detail = f"表有 {job.total} 行, 一次只能检查 {MAX_IMMEDIATE_ROWS} 行"
        step = "请用 POST /projects/imports?dry_run=true 试导入, 完成后下载副本"
        raise Invalid(detail, "Too long to be checked at once", next_step=step)
    content = await service.build_workbook(work, job, only_wrong=False)
    return Response(content, media_type=XLSX_MEDIA_TYPE, headers=build_download_headers("导入检查结果.xlsx"))


@router.get("", response_model=Page[ImportRead], **requires(May.PROJECT_DECLARE, refuses=(BadRequest,)))
async def list_imports(work: ReadWork, params: Pagination) -> Page[ImportRead]:
    """导入记录, 新的在前."""
    page = await repository.list_imports(work, params)
    items = [service.build_import_read(job) for job in page.items]
    return Page[ImportRead].model_construct(items=items, next_cursor=page.next_cursor, total=page.total)


@router.get("/{job_id}", response_model=ImportRead, **requires(May.PROJECT_DECLARE, refuses=(NotFound,)))
async def read_import(work: ReadWork, job_id: UUID) -> ImportRead:
    """一次导入的进展: 已处理行数、总行数、至今的问题."""
    return await service.get_import_detail(work, await repository.get_import(work, job_id))


@router.post(
    "/{job_id}/cancel",
    response_model=ImportRead,
    **requires(May.PROJECT_DECLARE, refuses=(NotFound, Conflict)),
)
async def cancel_import(work: WriteWork, job_id: UUID) -> ImportRead:
    """取消进行中的导入; 已建的草稿保留."""
    return await service.get_import_detail(work, await service.cancel_import(work, job_id))


@router.get(
    "/{job_id}/rows",
    response_model=Page[ImportRowRead],
    **requires(May.PROJECT_DECLARE, refuses=(NotFound, BadRequest)),
)
async def list_import_rows(
    work: ReadWork,
    job_id: UUID,
    params: Pagination,
    wrong: Annotated[bool | None, Query(description="只看有问题的行")] = None,
) -> Page[ImportRow]:
    """逐行结果."""
    job = await repository.get_import(work, job_id)
    return await repository.list_rows(work, params, job.id, wrong=wrong)


@router.get(
    "/{job_id}/workbook",
    response_class=Response,
    response_model=None,
    **requires(May.PROJECT_DECLARE, refuses=(NotFound, Conflict)),
)
async def download_workbook(
    work: ReadWork,
    job_id: UUID,
    only_wrong: Annotated[bool, Query(description="只要有问题的行")] = False,
) -> Response:
    """原表(标题、合计、行号不变), 错误标红加批注并写在“问题”列; 改好可直接再次上传."""
    job = await repository.get_import(work, job_id)
    content = await service.build_workbook(work, job, only_wrong=only_wrong)
    return Response(
        content,
        media_type=XLSX_MEDIA_TYPE,
        headers=build_download_headers(f"导入结果-{_drop_suffix(job.name) or job.id}.xlsx"),
    )


IMPORT_KIND = RecordKind(
    name="project_import",
    label="项目导入",
    path="/projects/imports",
    model=ImportJob,
    read=ImportRead,
    may=May.PROJECT_DECLARE,
    title="name",
    columns=("name", "region", "state", "rows", "imported", "wrong", "created_at", "finished_at"),
)
