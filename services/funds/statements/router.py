"""HTTP routes of statements (对账单) of the finance bureau or a bank."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.funds.statements import repository, service
from services.funds.statements.models import Statement
from services.funds.statements.schemas import Resolution, StatementCreate, StatementDetail, StatementRead
from shared.auth import May
from shared.china import RegionCode
from shared.errors import Conflict, Invalid, NotFound, PreconditionFailed, PreconditionMissing
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import RecordKind, Todo

router = APIRouter(prefix="/funds/reconciliations/statements", tags=["对账"], route_class=Route)
MAX_STATEMENT_BYTES = 4 * 1024 * 1024
WithExact = Annotated[bool, Query(description="也列出全部相符的各行")]


@router.post(
    "",
    status_code=201,
    response_model=StatementDetail,
    **requires(May.RECONCILE, body=MAX_STATEMENT_BYTES, refuses=(NotFound, Conflict, Invalid)),
)
async def upload_statement(work: WriteWork, body: StatementCreate) -> StatementDetail:
    """上传对账单并比对: by document number, amount, date and payee, tolerances explained."""
    statement = await service.create_statement(work, body)
    return await service.get_statement_detail(work, statement.id)


@router.get("", response_model=Page[StatementRead], **requires(May.RECONCILE))
async def list_statements(work: ReadWork, params: Pagination, region: RegionCode | None = None) -> PageAnswer:
    """对账单列表."""
    return await repository.list_statements(work, params, region)


@router.get("/{statement_id}", response_model=StatementDetail, **requires(May.RECONCILE, refuses=(NotFound,)))
async def read_statement(work: ReadWork, statement_id: UUID, exact: WithExact = False) -> StatementDetail:
    """对账单: 金额不符, 单边(带未达天数), 已说明和容差内相符的各行."""
    return await service.get_statement_detail(work, statement_id, exact=exact)


@router.post(
    "/{statement_id}/match",
    response_model=StatementDetail,
    **requires(May.RECONCILE, refuses=(NotFound, Conflict, PreconditionFailed)),
)
async def match_statement(
    work: WriteWork, statement_id: UUID, match: IfMatch, exact: WithExact = False
) -> StatementDetail:
    """按现在的账重新比对."""
    await service.rematch_statement(work, statement_id, match)
    return await service.get_statement_detail(work, statement_id, exact=exact)


@router.post(
    "/{statement_id}/lines/{line_id}/resolve",
    response_model=StatementDetail,
    **requires(May.RECONCILE, refuses=(NotFound, Conflict, PreconditionFailed)),
)
async def resolve_line(
    work: WriteWork,
    statement_id: UUID,
    line_id: UUID,
    body: Resolution,
    match: IfMatch,
    exact: WithExact = False,
) -> StatementDetail:
    """说明一笔未达账."""
    await service.resolve_line(work, statement_id, line_id, body.reason, match)
    return await service.get_statement_detail(work, statement_id, exact=exact)


@router.post(
    "/{statement_id}/close",
    response_model=StatementDetail,
    **requires(May.RECONCILE, refuses=(NotFound, Conflict, PreconditionMissing, PreconditionFailed)),
)
async def close_statement(
    work: WriteWork, statement_id: UUID, match: IfMatch, exact: WithExact = False
) -> StatementDetail:
    """结清, 由上传人以外的人办理."""
    await service.close_statement(work, statement_id, match)
    return await service.get_statement_detail(work, statement_id, exact=exact)


STATEMENT_KIND = RecordKind(
    name="statement",
    label="对账单",
    path="/funds/reconciliations/statements",
    model=Statement,
    read=StatementRead,
    may=May.RECONCILE,
    title="title",
    columns=("title", "region", "period_from", "period_to", "state", "closed_at"),
    filters=("region",),
    search=("title",),
    topics=("statement.moved",),
    todo=(
        Todo(
            "state.open", "未结清的对账单", (May.RECONCILE,), lambda _work: repository.build_open_condition()
        ),
    ),
)
