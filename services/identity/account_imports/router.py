"""`/users/imports`: accounts from a table, and slips with first passwords."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Response

from services.identity.account_imports import importer, service
from services.identity.account_imports.schemas import AccountImportRead, ImportedAccount, SlipsRequest
from shared.auth import May, Role
from shared.china import RegionCode
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.http import ReadWork, Route, WriteWork, content_disposition, never_stored, requires
from shared.spreadsheets import XLSX_MEDIA_TYPE, build_template
from shared.unit_of_work import UnitOfWork

router = APIRouter(prefix="/users", tags=["账号"], route_class=Route)
Table = Annotated[bytes, Body(media_type="application/octet-stream", description="XLSX, XLS 或 CSV 文件内容")]
Form = Annotated[Literal["json", "pdf"], Query(description="pdf: 直接答复可打印的口令条, 每页十张")]


@router.get("/imports/template", response_class=Response, response_model=None, **requires(May.ACCOUNT_MANAGE))
async def download_account_template(_work: ReadWork) -> Response:
    """账号表模板."""
    roles = [role.label for role in Role if role not in importer.ROLES_NOT_IMPORTED]
    content = build_template(importer.COLUMNS, name="账号", title="账号开通表", lists={"role": roles})
    return Response(content, media_type=XLSX_MEDIA_TYPE, headers=content_disposition("账号开通表.xlsx"))


@router.post(
    "/imports",
    response_model=AccountImportRead,
    **never_stored(
        requires(
            May.ACCOUNT_MANAGE,
            refuses=(Invalid, NotFound, Conflict),
            body=importer.LIMITS.size,
            statements=4000,  # ten for each account
        )
    ),
)
async def import_accounts(
    work: WriteWork,
    content: Table,
    region: Annotated[RegionCode | None, Query(description="哪个县(区); 空为本县")] = None,
    form: Form = "json",
    *,
    dry_run: bool = False,
) -> Any:  # noqa: ANN401 - shaped by response_model
    """按表批量开通账号, 全部或一个也不; 首次口令只答复这一次, 首次登录须修改."""
    result = await service.import_accounts(work, content, region or work.home_region, dry_run=dry_run)
    if form == "pdf" and not dry_run:
        return await _answer_slips(work, result.accounts)
    return result


@router.post(
    "/slips",
    response_model=list[ImportedAccount],
    **never_stored(
        requires(
            May.ACCOUNT_MANAGE,
            refuses=(NotFound, Conflict, Forbidden),
            statements=4000,  # ten for each account
        )
    ),
)
async def renew_slips(work: WriteWork, body: SlipsRequest, form: Form = "pdf") -> Any:  # noqa: ANN401 - shaped by response_model
    """重印口令条: 给从未改过首次口令的账号换一个新口令."""
    shown = await service.renew_slips(work, body.accounts)
    if form == "pdf":
        return await _answer_slips(work, shown)
    return shown


async def _answer_slips(work: UnitOfWork, shown: list[ImportedAccount]) -> Response:
    headers = content_disposition("首次登录口令条.pdf")
    return Response(await service.print_slips(work, shown), media_type="application/pdf", headers=headers)
