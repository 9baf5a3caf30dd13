"""Routes of table imports: `POST <path>/<kind>` and its heads, check and template for each kind, then progress, rows, workbook."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Body, Query
from fastapi.responses import Response

from shared.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound
from shared.http import Page, Pagination, ReadWork, Route, WriteWork, requires
from shared.imports import repository, service
from shared.imports.models import ImportConfig, ImportKind, ImportResultRow
from shared.imports.schemas import ImportQuery, TableImportRead, TableImportRowRead
from shared.imports.service import MAX_TABLE_BYTES
from shared.records import RecordKind
from shared.records.table_imports import TableReport
from shared.spreadsheets import XLSX_MEDIA_TYPE, build_template

TableBody = Annotated[
    bytes, Body(media_type="application/octet-stream", description="XLSX, XLS 或 CSV 文件内容")
]
Endpoint = Callable[..., Awaitable[Any]]


def build_import_router(config: ImportConfig, tag: str) -> APIRouter:
    """The routes of a service's imports."""
    router = APIRouter(prefix=config.path, tags=[tag], route_class=Route)
    for kind in config.kinds:
        _add_kind(router, config, kind)
    _add_progress(router, config)
    _add_results(router, config)
    return router


def _download(content: bytes, name: str) -> Response:
    headers = {
        "Content-Disposition": f"attachment; filename=table.xlsx; filename*=UTF-8''{quote(name)}",
        "Cache-Control": "no-store",
    }
    return Response(content, media_type=XLSX_MEDIA_TYPE, headers=headers)


def _add_kind(router: APIRouter, config: ImportConfig, kind: ImportKind) -> None:
    """The routes of one kind; the query parameters are those of its query class."""

    async def start(work: WriteWork, query: Any, body: TableBody = b"") -> TableImportRead:  # noqa: ANN401 - the kind's class
        job = await service.start_import(work, config, kind, body, query)
        return await service.get_import_detail(work, config, job)

    async def read_heads(work: ReadWork, query: Any, body: TableBody = b"") -> TableReport:  # noqa: ANN401 - the kind's class
        return await service.read_heads(work, config, kind, body, query)

    async def read_template() -> Response:
        return _download(
            build_template(kind.columns, name=kind.label[:31], title=kind.label), f"{kind.label}.xlsx"
        )

    start.__name__, read_heads.__name__, read_template.__name__ = (
        f"import_{kind.name}_table",
        f"read_{kind.name}_heads",
        f"download_{kind.name}_template",
    )
    start.__doc__ = f"导入{kind.label}, 在后台进行; 答复中有进展的地址. `dry_run` 只检查."
    read_heads.__doc__ = f"认列: {kind.label}各列标题认作什么, 还缺哪些列; 什么也不导入."
    read_template.__doc__ = f"空白{kind.label}(XLSX)."
    start.__annotations__["query"] = Annotated[kind.query, Query()]
    read_heads.__annotations__["query"] = Annotated[ImportQuery, Query()]
    refuses = (Invalid, NotFound, Conflict)
    router.get(
        f"/{kind.name}/template", response_class=Response, response_model=None, **requires(*kind.mays)
    )(read_template)
    router.post(
        f"/{kind.name}/heads",
        response_model=TableReport,
        **requires(*kind.mays, refuses=refuses, body=MAX_TABLE_BYTES),
    )(read_heads)
    router.post(
        f"/{kind.name}",
        status_code=202,
        response_model=TableImportRead,
        **requires(*kind.mays, refuses=refuses, body=MAX_TABLE_BYTES),
    )(start)


def _add_progress(router: APIRouter, config: ImportConfig) -> None:
    mays = tuple(dict.fromkeys(may for kind in config.kinds for may in kind.mays))
    names = "、".join(f"{kind.name} {kind.label}" for kind in config.kinds)

    @router.get("", response_model=Page[TableImportRead], **requires(*mays, refuses=(BadRequest,)))
    async def list_imports(
        work: ReadWork,
        params: Pagination,
        kind: Annotated[str | None, Query(max_length=40, description=names)] = None,
    ) -> Page[TableImportRead]:
        """导入记录, 新的在前."""
        page = await repository.list_imports(work, config, params, kind)
        items = [service.build_import_read(config, job) for job in page.items]
        return Page[TableImportRead].model_construct(
            items=items, next_cursor=page.next_cursor, total=page.total
        )

    @router.get("/{job_id}", response_model=TableImportRead, **requires(*mays, refuses=(NotFound,)))
    async def read_import(work: ReadWork, job_id: UUID) -> TableImportRead:
        """一次导入的进展: 已处理行数、总行数、至今的问题."""
        job = await repository.get_import(work, config, job_id)
        return await service.get_import_detail(work, config, job)

    @router.post(
        "/{job_id}/cancel", response_model=TableImportRead, **requires(*mays, refuses=(NotFound, Conflict))
    )
    async def cancel_import(work: WriteWork, job_id: UUID) -> TableImportRead:
        """取消进行中的导入; 已导入的行保留."""
        job = await service.cancel_import(work, config, job_id)
        return await service.get_import_detail(work, config, job)


def _add_results(router: APIRouter, config: ImportConfig) -> None:
    mays = tuple(dict.fromkeys(may for kind in config.kinds for may in kind.mays))

    @router.get(
        "/{job_id}/rows",
        response_model=Page[TableImportRowRead],
        **requires(*mays, refuses=(NotFound, BadRequest)),
    )
    async def list_import_rows(
        work: ReadWork,
        job_id: UUID,
        params: Pagination,
        wrong: Annotated[bool | None, Query(description="只看有问题的行")] = None,
    ) -> Page[ImportResultRow]:
        """逐行结果."""
        job = await repository.get_import(work, config, job_id)
        return await repository.list_rows(work, config, params, job.id, wrong=wrong)

    @router.get(
        "/{job_id}/workbook",
        response_class=Response,
        response_model=None,
        **requires(*mays, refuses=(NotFound, Conflict, Forbidden)),
    )
    async def download_workbook(
        work: ReadWork,
        job_id: UUID,
        only_wrong: Annotated[bool, Query(description="只要有问题的行")] = False,
    ) -> Response:
        """原表(标题、合计、行号不变), 错误标红加批注并写在“问题”列; 改好可直接再次上传."""
        job = await repository.get_import(work, config, job_id)
        content = await service.build_workbook(work, config, job, only_wrong=only_wrong)
        name = re.sub(r"(\.(xlsx|xlsm|xls|et|csv|txt))+$", "", job.name, flags=re.IGNORECASE)
        return _download(content, f"导入结果-{name or job.id}.xlsx")


def import_record_kind(config: ImportConfig, name: str) -> RecordKind:
    """The imports of a service as a kind of record; listed by those who may take its first kind of table."""
    return RecordKind(
        name=name,
        label=config.label,
        path=config.path,
        model=config.job,
        read=TableImportRead,
        may=config.kinds[0].mays[0],
        title="name",
        columns=("name", "kind", "region", "state", "rows", "imported", "wrong", "created_at", "finished_at"),
    )
