"""Allocation tables over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import ValidationError

from services.funds.imports import service
from services.funds.imports.schemas import ImportRead
from services.funds.imports.service import Table
from services.funds.plans.schemas import REGION, PlanCreate
from shared.errors import Conflict, Fault, Invalid, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.permissions import May

FILE = 4 * 1024 * 1024
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ATTACHED = {"Content-Disposition": "attachment; filename=allocations.xlsx"}
router = APIRouter(prefix="/funds/imports", tags=["分配表导入"], route_class=Route)
Content = Annotated[bytes, Body(media_type=XLSX)]


def _table(
    region: Annotated[str, Query(pattern=REGION)],
    title: Annotated[str, Query(min_length=2, max_length=300, description="方案标题")],
    year: Annotated[int, Query(ge=2000, le=2100)],
    source_id: Annotated[list[UUID], Query(min_length=1, max_length=20, description="所用指标文, 可几份")],
    announced_total: Annotated[
        str, Query(max_length=20, description="方案总额, 元; 明细合计须分毫不差", examples=["12590000.00"])
    ],
    batch: Annotated[str, Query(max_length=200)] = "",
    id: Annotated[UUID | None, Query(description="方案的 UUIDv7; 同一文件再次上传时认得出")] = None,  # noqa: A002
) -> Table:
    try:
        plan = PlanCreate(
            id=id, region=region, title=title, year=year, batch=batch, announced_total=announced_total
        )
    except ValidationError as error:
        detail = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise Invalid(
            detail, "announced_total is no amount", faults=[Fault("amount", detail, "", "/announced_total")]
        ) from None
    return Table(plan, tuple(dict.fromkeys(source_id)))


Given = Annotated[Table, Depends(_table)]


@router.get("/template", response_class=Response, response_model=None, **allows(May.PLAN_DRAFT))
async def read_template() -> Response:
    """空白分配表(XLSX)."""
    return Response(service.form(), media_type=XLSX, headers=ATTACHED)


@router.post(
    "",
    response_model=ImportRead,
    **allows(May.PLAN_DRAFT, refuses=(Invalid, Conflict, NotFound), body=FILE),
)
async def import_table(work: Writing, body: Content, table: Given, dry_run: bool = False) -> ImportRead:
    """导入分配表(XLSX 或 CSV, 万元)为编制中的方案; 有任何错误则一行也不导入. `dry_run` 只检查."""
    return await service.take(work, body, table, dry_run=dry_run)


@router.post(
    "/marked",
    response_class=Response,
    response_model=None,
    **allows(May.PLAN_DRAFT, refuses=(Invalid, NotFound), body=FILE),
)
async def mark_table(work: Reading, body: Content, table: Given) -> Response:
    """同一张表, 每行注明问题(XLSX), 改好后可直接上传."""
    return Response(await service.marked(work, body, table), media_type=XLSX, headers=ATTACHED)
