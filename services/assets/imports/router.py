"""Ledger files over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from services.assets.imports import service
from services.assets.imports.schemas import ImportAnswer
from shared.errors import Conflict, Invalid, NotFound
from shared.http import Route, Writing, allows
from shared.permissions import May

FILE = 16 * 1024 * 1024
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
router = APIRouter(prefix="/assets/imports", tags=["台账导入"], route_class=Route)


@router.get("/template", response_class=Response, response_model=None, **allows(May.ASSET_REGISTER))
async def read_template() -> Response:
    """空白台账(XLSX)."""
    return Response(
        service.form(), media_type=XLSX, headers={"Content-Disposition": "attachment; filename=assets.xlsx"}
    )


@router.post(
    "",
    response_model=ImportAnswer,
    **allows(May.ASSET_REGISTER, refuses=(Invalid, Conflict, NotFound), body=FILE),
)
async def import_ledger(
    work: Writing,
    body: Annotated[bytes, Body(media_type=XLSX)],
    register: bool = False,
    dry_run: bool = False,
) -> Any:  # noqa: ANN401 - shaped by response_model
    """导入台账(XLSX 或 CSV). `dry_run` 只检查; `register` 同时登记并编号; 有任何错误则一行也不导入."""
    return await service.take(work, body, register_too=register, dry_run=dry_run)
