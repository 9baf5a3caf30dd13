"""Household batches over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Response

from services.funds.batches import repository, service
from services.funds.batches.models import Beneficiary
from services.funds.batches.schemas import (
    BankFileAsk,
    BatchRead,
    BeneficiaryRead,
    Failures,
    FailuresRead,
    RevealAsk,
    Revealed,
)
from services.funds.payments import repository as payments
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Stale, VersionRequired
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

FILE = 8 * 1024 * 1024
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
router = APIRouter(prefix="/funds/payments", tags=["一卡通"], route_class=Route)


@router.get("/batch-template", response_class=Response, response_model=None, **allows(May.PAYMENT_SUBMIT))
async def read_batch_template() -> Response:
    """空白一卡通名单(XLSX)."""
    headers = {"Content-Disposition": "attachment; filename=households.xlsx"}
    return Response(service.form(), media_type=XLSX, headers=headers)


@router.put(
    "/{payment_id}/batch",
    response_model=BatchRead,
    **allows(May.PAYMENT_SUBMIT, refuses=(NotFound, Conflict, Invalid, Stale, VersionRequired), body=FILE),
)
async def put_batch(
    work: Writing,
    payment_id: UUID,
    body: Annotated[bytes, Body(media_type=XLSX)],
    match: IfMatch,
    dry_run: bool = False,
) -> BatchRead:
    """上传一卡通名单(XLSX 或 CSV), 替换原名单; 合计须等于申请金额. `dry_run` 只检查."""
    return await service.take(work, payment_id, body, match, dry_run=dry_run)


@router.get(
    "/{payment_id}/batch", response_model=Page[BeneficiaryRead], **allows(May.FUND_READ, refuses=(NotFound,))
)
async def list_batch(work: Reading, payment_id: UUID, asked: Paging) -> Page[Beneficiary]:
    """一卡通名单, 隐去号码."""
    payment = await payments.get(work, payment_id)
    return await repository.listed(work, payment.id, asked)


@router.post(
    "/{payment_id}/batch/reveal",
    response_model=list[Revealed],
    **allows(May.BENEFICIARY_REVEAL, refuses=(NotFound,)),
)
async def reveal_batch(
    work: Writing, payment_id: UUID, body: RevealAsk, response: Response
) -> list[Revealed]:
    """查看几户的号码; 查看记入事件."""
    response.headers["Cache-Control"] = "no-store"
    return await service.reveal(work, payment_id, body)


@router.post(
    "/{payment_id}/batch/bank-file",
    response_class=Response,
    response_model=None,
    **allows(May.BENEFICIARY_REVEAL, refuses=(NotFound, Conflict)),
)
async def write_bank_file(work: Writing, payment_id: UUID, body: BankFileAsk) -> Response:
    """导出代发文件(XLSX), 含完整账号; 导出记入事件."""
    headers = {"Content-Disposition": "attachment; filename=bank.xlsx", "Cache-Control": "no-store"}
    content = await service.bank_file(work, payment_id, body.reason)
    return Response(content, media_type=XLSX, headers=headers)


@router.post(
    "/{payment_id}/batch/failures",
    status_code=201,
    response_model=FailuresRead,
    **allows(May.PAYMENT_SETTLE, refuses=(NotFound, Conflict, Invalid, Forbidden)),
)
async def register_failures(work: Writing, payment_id: UUID, body: Failures) -> FailuresRead:
    """登记银行退回的户, 合计退回未支付."""
    return await service.failures(work, payment_id, body)
