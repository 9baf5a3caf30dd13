"""Reconciliation with the statements of finance or bank, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.funds.statements import repository, service
from services.funds.statements.models import Statement
from services.funds.statements.schemas import Resolution, StatementCreate, StatementDetail, StatementRead
from shared.errors import Conflict, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/funds/reconciliations/statements", tags=["对账"], route_class=Route)
BODY = 4 * 1024 * 1024


@router.post(
    "",
    status_code=201,
    response_model=StatementDetail,
    **allows(May.RECONCILE, body=BODY, refuses=(NotFound, Conflict, Invalid)),
)
async def upload_statement(work: Writing, body: StatementCreate) -> StatementDetail:
    """上传对账单并比对: by document number, amount, date and payee, tolerances explained."""
    statement = await service.upload(work, body)
    return await service.detail(work, statement.id)


@router.get("", response_model=Page[StatementRead], **allows(May.RECONCILE))
async def list_statements(
    work: Reading, asked: Paging, region: Annotated[str | None, Query(pattern=r"^[0-9]{12}$")] = None
) -> Page[Statement]:
    """对账单列表."""
    return await repository.listed(work, asked, region)


@router.get("/{statement_id}", response_model=StatementDetail, **allows(May.RECONCILE, refuses=(NotFound,)))
async def read_statement(work: Reading, statement_id: UUID) -> StatementDetail:
    """对账单: 金额不符, 单边(带未达天数), 已说明和容差内相符的各行."""
    return await service.detail(work, statement_id)


@router.post(
    "/{statement_id}/match",
    response_model=StatementDetail,
    **allows(May.RECONCILE, refuses=(NotFound, Conflict, Stale)),
)
async def match_statement(work: Writing, statement_id: UUID, match: IfMatch) -> StatementDetail:
    """按现在的账重新比对."""
    await service.rematch(work, statement_id, match)
    return await service.detail(work, statement_id)


@router.post(
    "/{statement_id}/lines/{line_id}/resolve",
    response_model=StatementDetail,
    **allows(May.RECONCILE, refuses=(NotFound, Conflict, Stale)),
)
async def resolve_line(
    work: Writing, statement_id: UUID, line_id: UUID, body: Resolution, match: IfMatch
) -> StatementDetail:
    """说明一笔未达账."""
    await service.resolve(work, statement_id, line_id, body.reason, match)
    return await service.detail(work, statement_id)


@router.post(
    "/{statement_id}/close",
    response_model=StatementDetail,
    **allows(May.RECONCILE, refuses=(NotFound, Conflict, NotReady, Stale)),
)
async def close_statement(work: Writing, statement_id: UUID, match: IfMatch) -> StatementDetail:
    """结清, 由上传人以外的人办理."""
    await service.close(work, statement_id, match)
    return await service.detail(work, statement_id)
