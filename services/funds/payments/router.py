"""HTTP routes of payments, refunds and beneficiary lists."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response

from services.funds.payments import beneficiaries, repository, service
from services.funds.payments.lifecycle import PAYMENT_LIFECYCLE, PaymentAction, PaymentState
from services.funds.payments.models import Payment, Refund
from services.funds.payments.schemas import (
    BankFileRequest,
    BeneficiaryRead,
    FailuresCreate,
    FailuresRead,
    PaymentBatchRead,
    PaymentChange,
    PaymentChecks,
    PaymentCreate,
    PaymentDetail,
    PaymentRead,
    PaymentTransitionRequest,
    RefundCreate,
    RefundRead,
    RevealedBeneficiary,
    RevealRequest,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    VersionRequired,
)
from shared.http import (
    IfMatch,
    Page,
    PageAnswer,
    Pagination,
    ReadWork,
    Route,
    WriteWork,
    never_stored,
    requires,
)
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import Act, Part, RecordKind, Shortcut, Todo, turn
from shared.spreadsheets import XLSX_MEDIA_TYPE

router = APIRouter(prefix="/funds/payments", tags=["支付"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=PaymentRead,
    **requires(May.PAYMENT_SUBMIT, refuses=(Invalid, Conflict, NotFound)),
)
async def apply_for_payment(work: WriteWork, body: PaymentCreate) -> Payment:
    """编制支付申请."""
    return await service.create_payment(work, body)


@router.get("", response_model=Page[PaymentRead], **requires(May.FUND_READ))
async def list_payments(
    work: ReadWork,
    params: Pagination,
    region: RegionCode | None = None,
    state: PaymentState | None = None,
    allocation_id: UUID | None = None,
    project_id: UUID | None = None,
    contract_id: UUID | None = None,
    paid_from: Annotated[date | None, Query(description="支付日期起")] = None,
    paid_to: Annotated[date | None, Query(description="支付日期止")] = None,
) -> PageAnswer:
    """支付列表."""
    return await repository.list_payments(
        work,
        params,
        region=region,
        state=state,
        allocation_id=allocation_id,
        project_id=project_id,
        contract_id=contract_id,
        paid_from=paid_from,
        paid_to=paid_to,
    )


@router.get("/{payment_id}", response_model=PaymentDetail, **requires(May.FUND_READ, refuses=(NotFound,)))
async def read_payment(work: ReadWork, payment_id: UUID) -> PaymentDetail:
    """支付, 退款和可办事项."""
    return await service.get_payment_detail(work, payment_id)


@router.patch(
    "/{payment_id}",
    response_model=PaymentRead,
    **requires(
        May.PAYMENT_SUBMIT, refuses=(NotFound, Conflict, Invalid, PreconditionFailed, VersionRequired)
    ),
)
async def change_payment(work: WriteWork, payment_id: UUID, body: PaymentChange, match: IfMatch) -> Payment:
    """修改编制中的支付申请."""
    return await service.update_payment(work, payment_id, body, match)


@router.get(
    "/{payment_id}/checks", response_model=PaymentChecks, **requires(May.FUND_READ, refuses=(NotFound,))
)
async def check_payment(work: ReadWork, payment_id: UUID) -> PaymentChecks:
    """支付检查: 每条控制规则现在怎么说."""
    return await service.get_payment_checks(work, payment_id)


@router.post(
    "/{payment_id}/refunds",
    status_code=201,
    response_model=RefundRead,
    **requires(May.PAYMENT_SETTLE, refuses=(NotFound, Conflict, Invalid)),
)
async def refund_payment(work: WriteWork, payment_id: UUID, body: RefundCreate) -> Refund:
    """登记部分退款; 全额退回用 reverse."""
    return await service.create_refund(work, payment_id, body)


@router.post(
    "/{payment_id}/{action}",
    response_model=PaymentRead | TransitionPreview,
    **moves(PAYMENT_LIFECYCLE),
)
async def act_on_payment(
    work: WriteWork,
    payment_id: UUID,
    action: PaymentAction,
    body: PaymentTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> Payment | TransitionPreview:
    """办理支付: 提交, 审核, 批准, 登记支付, 退回, 不予支付, 全额退回."""
    return await service.transition_payment(work, payment_id, action, body, match=match, dry_run=dry_run)


MAX_LIST_BYTES = 8 * 1024 * 1024
beneficiary_router = APIRouter(prefix="/funds/payments", tags=["一卡通"], route_class=Route)


@beneficiary_router.get(
    "/batch-template", response_class=Response, response_model=None, **requires(May.PAYMENT_SUBMIT)
)
async def read_batch_template() -> Response:
    """空白一卡通名单(XLSX)."""
    headers = {"Content-Disposition": "attachment; filename=households.xlsx"}
    return Response(beneficiaries.build_template(), media_type=XLSX_MEDIA_TYPE, headers=headers)


@beneficiary_router.put(
    "/{payment_id}/batch",
    response_model=PaymentBatchRead,
    **requires(
        May.PAYMENT_SUBMIT,
        refuses=(NotFound, Conflict, Invalid, PreconditionFailed, VersionRequired),
        body=MAX_LIST_BYTES,
    ),
)
async def put_batch(
    work: WriteWork,
    payment_id: UUID,
    body: Annotated[bytes, Body(media_type=XLSX_MEDIA_TYPE)],
    match: IfMatch,
    dry_run: bool = False,
) -> PaymentBatchRead:
    """上传一卡通名单(XLSX 或 CSV), 替换原名单; 合计须等于申请金额. `dry_run` 只检查."""
    return await beneficiaries.upload_beneficiaries(work, payment_id, body, match, dry_run=dry_run)


@beneficiary_router.get(
    "/{payment_id}/batch",
    response_model=Page[BeneficiaryRead],
    **requires(May.FUND_READ, refuses=(NotFound,)),
)
async def list_batch(work: ReadWork, payment_id: UUID, params: Pagination) -> PageAnswer:
    """一卡通名单, 隐去号码."""
    payment = await repository.get_payment(work, payment_id)
    return await repository.list_beneficiary_page(work, payment.id, params)


@beneficiary_router.post(
    "/{payment_id}/batch/reveal",
    response_model=list[RevealedBeneficiary],
    **never_stored(requires(May.BENEFICIARY_REVEAL, refuses=(NotFound,))),
)
async def reveal_batch(work: WriteWork, payment_id: UUID, body: RevealRequest) -> list[RevealedBeneficiary]:
    """查看几户的号码; 查看记入事件."""
    return await beneficiaries.reveal_beneficiaries(work, payment_id, body)


@beneficiary_router.post(
    "/{payment_id}/batch/bank-file",
    response_class=Response,
    response_model=None,
    **never_stored(requires(May.BENEFICIARY_EXPORT, refuses=(NotFound, Conflict))),
)
async def write_bank_file(work: WriteWork, payment_id: UUID, body: BankFileRequest) -> Response:
    """导出代发文件(XLSX), 含完整账号; 导出记入事件."""
    headers = {"Content-Disposition": "attachment; filename=bank.xlsx"}
    content = await beneficiaries.build_bank_file(work, payment_id, body.reason)
    return Response(content, media_type=XLSX_MEDIA_TYPE, headers=headers)


@beneficiary_router.post(
    "/{payment_id}/batch/failures",
    status_code=201,
    response_model=FailuresRead,
    **requires(May.PAYMENT_SETTLE, refuses=(NotFound, Conflict, Invalid, Forbidden)),
)
async def register_failures(work: WriteWork, payment_id: UUID, body: FailuresCreate) -> FailuresRead:
    """登记银行退回的户, 合计退回未支付."""
    return await beneficiaries.register_failures(work, payment_id, body)


PAYMENT_KIND = RecordKind(
    name="payment",
    label="支付",
    path="/funds/payments",
    model=Payment,
    read=PaymentRead,
    may=May.FUND_READ,
    title="payee_name",
    columns=("payee_name", "purpose", "region", "year", "amount", "state", "voucher_no", "paid_on"),
    filters=("region", "state", "allocation_id", "project_id", "contract_id", "paid_from", "paid_to"),
    search=("payee_name", "purpose", "voucher_no"),
    parents={
        "allocation_id": "allocation",
        "project_id": "project",
        "contract_id": "contract",
        "source_id": "source",
    },
    lifecycle=PAYMENT_LIFECYCLE,
    topics=("payment.drafted", "payment.moved", "payment.paid", "payment.refunded"),
    turns=(
        turn(PaymentState.DRAFT, PaymentAction.SUBMIT, "支付申请草稿"),
        turn(PaymentState.SUBMITTED, PaymentAction.REVIEW, "待审核的支付"),
        turn(PaymentState.REVIEWED, PaymentAction.APPROVE, "待批准的支付"),
        turn(PaymentState.APPROVED, PaymentAction.PAY, "待登记结果的支付"),
    ),
    todo=(
        Todo(
            "state.rejected",
            "未通过的支付申请",
            (May.PAYMENT_SUBMIT,),
            lambda _work: repository.build_rejected_condition(),
        ),
    ),
    acts=(
        Act("登记退款", "/funds/payments/{id}/refunds", states=(PaymentState.PAID,)),
        Act("登记银行退回", "/funds/payments/{id}/batch/failures", states=(PaymentState.PAID,)),
        Act("导出代发文件", "/funds/payments/{id}/batch/bank-file", states=(PaymentState.APPROVED,)),
    ),
    parts=(
        Part("findings", "支付检查", "/funds/payments/{id}/checks", inside="findings"),
        Part("beneficiaries", "一卡通名单", "/funds/payments/{id}/batch"),
    ),
    shortcuts=(Shortcut(May.PAYMENT_SUBMIT, "申请支付", "/funds/payments"),),
)
