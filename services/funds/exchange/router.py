"""HTTP routes of the exchange, for the finance system's machine client and for finance officers."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.funds.exchange import exporter, repository, service
from services.funds.exchange.models import ExchangeRow
from services.funds.exchange.schemas import (
    BatchResult,
    Dismissal,
    ExchangeBatch,
    ExchangeKind,
    ExchangeRetryResult,
    ExchangeRowRead,
    ExchangeRowState,
)
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound
from shared.http import (
    AnswerKeeper,
    CurrentActor,
    Page,
    PageAnswer,
    Pagination,
    ReadWork,
    Route,
    WriteWork,
    get_service_context,
    never_stored,
    requires,
)
from shared.records import Act, RecordKind, Todo

router = APIRouter(prefix="/funds/exchange", tags=["财政交换"], route_class=Route)
MAX_BATCH_BYTES = 8 * 1024 * 1024
CSV_MEDIA_TYPE = "text/csv; charset=utf-8"
ExportForm = Annotated[Literal["json", "csv"], Query(description="json 或 csv")]
ExternalRow = dict[str, str]


def _build_response(
    page: Page[ExternalRow], names: tuple[str, ...], form: str
) -> Page[ExternalRow] | Response:
    if form == "json":
        return page
    headers = {"X-Next-Cursor": page.next_cursor or "", "Cache-Control": "private, no-cache"}
    return Response(exporter.format_csv(names, page.items), media_type=CSV_MEDIA_TYPE, headers=headers)


def _decode_text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("正文须为 UTF-8 编码的 CSV", "The body must be CSV in UTF-8") from None


def _keep_answers(options: dict[str, Any]) -> dict[str, Any]:
    """Options of a route that imports row by row in transactions of its own and honours an Idempotency-Key."""
    return {**options, "dependencies": [*options["dependencies"], AnswerKeeper]}


def _add_import_routes(path: str, kind: ExchangeKind, description: str) -> None:
    """Add `POST path` for rows as JSON and `POST path/csv` for CSV with a header."""
    options = _keep_answers(requires(May.EXCHANGE, body=MAX_BATCH_BYTES, refuses=(Invalid, Conflict)))

    @router.post(path, response_model=BatchResult, description=description, **options)
    async def take_rows(request: Request, actor: CurrentActor, body: ExchangeBatch) -> BatchResult:
        return await service.import_batch(get_service_context(request), actor, kind, body.rows)

    @router.post(
        f"{path}/csv",
        response_model=BatchResult,
        description=f"{description}; 正文为 CSV(UTF-8), 首行为列名",
        **options,
    )
    async def take_rows_csv(request: Request, actor: CurrentActor) -> BatchResult:
        rows = service.parse_csv(_decode_text(await request.body()))
        return await service.import_batch(get_service_context(request), actor, kind, rows)


_add_import_routes("/bgt-infos", ExchangeKind.BGT_INFO, "接收指标, 按 BGT_ID 幂等")
_add_import_routes(
    "/pay-vouchers", ExchangeKind.PAY_VOUCHER, "接收支付结果, 按 PAY_APP_ID 和内容幂等; 早到的先存着"
)
_add_import_routes(
    "/bgt-adjsubs", ExchangeKind.BGT_ADJSUB, "接收指标调整明细, 按 ADJ_SUB_ID 幂等; 早于指标的先存着"
)
_add_import_routes(
    "/pay-backs",
    ExchangeKind.PAY_BACK,
    "接收部分退款, 按 PAY_BACK_ID 幂等; 早于支付的先存着. 全额退回用 PAY_VOUCHER 的 IS_DELETED",
)


@router.get("/bgt-infos", response_model=Page[ExternalRow], **requires(May.EXCHANGE))
async def list_bgt_infos(
    work: ReadWork,
    params: Pagination,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    form: ExportForm = "json",
) -> Page[ExternalRow] | Response:
    """指标 BA_BGT_INFO; in CSV the next cursor is in `X-Next-Cursor`."""
    return _build_response(await exporter.list_bgt_infos(work, params, year), exporter.BGT_INFO_COLUMNS, form)


@router.get("/pay-vouchers", response_model=Page[ExternalRow], **requires(May.EXCHANGE))
async def list_pay_vouchers(
    work: ReadWork, params: Pagination, form: ExportForm = "json"
) -> Page[ExternalRow] | Response:
    """支付 PAY_VOUCHER, 批准以后的; 账号只显示尾号."""
    return _build_response(await exporter.list_pay_vouchers(work, params), exporter.PAY_VOUCHER_COLUMNS, form)


@router.get("/pay-vouchers/payable", response_model=Page[ExternalRow], **never_stored(requires(May.EXCHANGE)))
async def list_payable(
    work: WriteWork, params: Pagination, form: ExportForm = "json"
) -> Page[ExternalRow] | Response:
    """待支付的申请, 含收款账号明文. Each reading is recorded."""
    return _build_response(await exporter.list_payable(work, params), exporter.PAY_VOUCHER_COLUMNS, form)


@router.get("/bgt-adjsubs", response_model=Page[ExternalRow], **requires(May.EXCHANGE))
async def list_bgt_adjsubs(
    work: ReadWork, params: Pagination, form: ExportForm = "json"
) -> Page[ExternalRow] | Response:
    """指标调整明细 BA_BGT_ADJSUB: 追加为正, 追减和收回为负."""
    return _build_response(await exporter.list_bgt_adjsubs(work, params), exporter.BGT_ADJSUB_COLUMNS, form)


@router.get("/pay-backs", response_model=Page[ExternalRow], **requires(May.EXCHANGE))
async def list_pay_backs(
    work: ReadWork, params: Pagination, form: ExportForm = "json"
) -> Page[ExternalRow] | Response:
    """退款 PAY_BACK_INFO."""
    return _build_response(await exporter.list_pay_backs(work, params), exporter.PAY_BACK_COLUMNS, form)


@router.get("/rows", response_model=Page[ExchangeRowRead], **requires(May.EXCHANGE))
async def list_exchange_rows(
    work: ReadWork,
    params: Pagination,
    kind: ExchangeKind | None = None,
    state: ExchangeRowState | None = None,
) -> PageAnswer:
    """收到的各行及其处理情况."""
    return await repository.list_rows(work, params, kind=kind, state=state)


@router.post(
    "/rows/settle",
    response_model=ExchangeRetryResult,
    **_keep_answers(requires(May.EXCHANGE, refuses=(Conflict,))),
)
async def settle_exchange_rows(request: Request, actor: CurrentActor) -> ExchangeRetryResult:
    """再次办理待处理的各行."""
    return await service.retry_waiting_rows(get_service_context(request), actor)


@router.post(
    "/rows/{row_id}/dismiss",
    response_model=ExchangeRowRead,
    **requires(May.RECONCILE, refuses=(NotFound, Conflict)),
)
async def dismiss_exchange_row(work: WriteWork, row_id: UUID, body: Dismissal) -> ExchangeRow:
    """说明一行为何不再处理."""
    return await service.dismiss_row(work, row_id, body.reason)


EXCHANGE_ROW_KIND = RecordKind(
    name="exchange_row",
    label="交换数据",
    path="/funds/exchange/rows",
    model=ExchangeRow,
    read=ExchangeRowRead,
    may=May.EXCHANGE,
    title="external_id",
    columns=("external_id", "kind", "region", "state", "reason", "created_at", "settled_at"),
    filters=("kind", "state"),
    search=("external_id",),
    topics=("exchange.row_taken",),
    acts=(Act("说明不入账", "/funds/exchange/rows/{id}/dismiss", states=(ExchangeRowState.REFUSED,)),),
    todo=(
        Todo(
            "state.refused",
            "未接受的交换数据",
            (May.EXCHANGE,),
            lambda _work: repository.build_refused_condition(),
        ),
    ),
)
