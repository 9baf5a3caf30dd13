"""The exchange over HTTP, for the finance system's machine client and for finance officers."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.funds.exchange import columns, giving, repository, settling, taking
from services.funds.exchange.kinds import ExchangeKind, RowState
from services.funds.exchange.models import ExchangeRow
from services.funds.exchange.schemas import Batch, BatchResult, Dismissal, ExchangeRowRead, Settled
from shared.errors import Conflict, Invalid, NotFound
from shared.http import CurrentActor, Reading, Route, Writing, allows, context_of
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/funds/exchange", tags=["财政交换"], route_class=Route)
BODY = 8 * 1024 * 1024
CSV = "text/csv; charset=utf-8"
Form = Annotated[Literal["json", "csv"], Query(description="json 或 csv")]
Row = dict[str, str]


def _answer(found: Page[Row], names: tuple[str, ...], form: str) -> Page[Row] | Response:
    if form == "json":
        return found
    headers = {"X-Next-Cursor": found.next_cursor or "", "Cache-Control": "private, no-cache"}
    return Response(giving.as_csv(names, found.items), media_type=CSV, headers=headers)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("正文须为 UTF-8 编码的 CSV", "The body must be CSV in UTF-8") from None


def _takes(path: str, kind: ExchangeKind, words: str) -> None:
    """`POST path` takes rows as JSON, `POST path/csv` as CSV with a line of column names."""
    given = allows(May.EXCHANGE, body=BODY, refuses=(Invalid,))

    @router.post(path, response_model=BatchResult, description=words, **given)
    async def take_rows(request: Request, actor: CurrentActor, body: Batch) -> BatchResult:
        return await settling.take(context_of(request), actor, kind, body.rows)

    @router.post(
        f"{path}/csv",
        response_model=BatchResult,
        description=f"{words}; 正文为 CSV(UTF-8), 首行为列名",
        **given,
    )
    async def take_rows_csv(request: Request, actor: CurrentActor) -> BatchResult:
        rows = taking.from_csv(_text(await request.body()))
        return await settling.take(context_of(request), actor, kind, rows)


_takes("/bgt-infos", ExchangeKind.BGT_INFO, "接收指标, 按 BGT_ID 幂等")
_takes("/pay-vouchers", ExchangeKind.PAY_VOUCHER, "接收支付结果, 按 PAY_APP_ID 和内容幂等; 早到的先存着")
_takes("/bgt-adjsubs", ExchangeKind.BGT_ADJSUB, "接收指标调整明细, 按 ADJ_SUB_ID 幂等; 早于指标的先存着")
_takes(
    "/pay-backs",
    ExchangeKind.PAY_BACK,
    "接收部分退款, 按 PAY_BACK_ID 幂等; 早于支付的先存着. 全额退回用 PAY_VOUCHER 的 IS_DELETED",
)


@router.get("/bgt-infos", response_model=Page[Row], **allows(May.EXCHANGE))
async def list_bgt_infos(
    work: Reading,
    asked: Paging,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    form: Form = "json",
) -> Page[Row] | Response:
    """指标 BA_BGT_INFO; in CSV the next cursor is in `X-Next-Cursor`."""
    return _answer(await giving.bgt_infos(work, asked, year), columns.BGT_INFO, form)


@router.get("/pay-vouchers", response_model=Page[Row], **allows(May.EXCHANGE))
async def list_pay_vouchers(work: Reading, asked: Paging, form: Form = "json") -> Page[Row] | Response:
    """支付 PAY_VOUCHER, 批准以后的; 账号只显示尾号."""
    return _answer(await giving.pay_vouchers(work, asked), columns.PAY_VOUCHER, form)


@router.get("/pay-vouchers/payable", response_model=Page[Row], **allows(May.EXCHANGE))
async def list_payable(work: Writing, asked: Paging, form: Form = "json") -> Page[Row] | Response:
    """待支付的申请, 含收款账号明文. Each reading is recorded."""
    return _answer(await giving.payable(work, asked), columns.PAY_VOUCHER, form)


@router.get("/bgt-adjsubs", response_model=Page[Row], **allows(May.EXCHANGE))
async def list_bgt_adjsubs(work: Reading, asked: Paging, form: Form = "json") -> Page[Row] | Response:
    """指标调整明细 BA_BGT_ADJSUB: 追加为正, 追减和收回为负."""
    return _answer(await giving.bgt_adjsubs(work, asked), columns.BGT_ADJSUB, form)


@router.get("/pay-backs", response_model=Page[Row], **allows(May.EXCHANGE))
async def list_pay_backs(work: Reading, asked: Paging, form: Form = "json") -> Page[Row] | Response:
    """退款 PAY_BACK_INFO."""
    return _answer(await giving.pay_backs(work, asked), columns.PAY_BACK, form)


@router.get("/rows", response_model=Page[ExchangeRowRead], **allows(May.EXCHANGE))
async def list_exchange_rows(
    work: Reading, asked: Paging, kind: ExchangeKind | None = None, state: RowState | None = None
) -> Page[ExchangeRow]:
    """收到的各行及其处理情况."""
    return await repository.listed(work, asked, kind=kind, state=state)


@router.post("/rows/settle", response_model=Settled, **allows(May.EXCHANGE))
async def settle_exchange_rows(request: Request, actor: CurrentActor) -> Settled:
    """再次办理待处理的各行."""
    return await settling.settle(context_of(request), actor)


@router.post(
    "/rows/{row_id}/dismiss",
    response_model=ExchangeRowRead,
    **allows(May.RECONCILE, refuses=(NotFound, Conflict)),
)
async def dismiss_exchange_row(work: Writing, row_id: UUID, body: Dismissal) -> ExchangeRow:
    """说明一行为何不再处理."""
    return await settling.dismiss(work, row_id, body.reason)
