"""Import of payment lists and of household lists (一卡通发放清册).

A row of a payment list with a voucher number registers the result of the approved payment that it means, below zero a
refund; without one it is an application for payment. A number that is known already counts once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from pydantic import Field, ValidationError

from services.funds.allocations import repository as allocations
from services.funds.allocations.models import Allocation
from services.funds.payments import beneficiaries, repository, service
from services.funds.payments.beneficiaries import BENEFICIARY_COLUMNS, CARD_INDEX_FIELD, UPLOAD_LIMITS
from services.funds.payments.lifecycle import PaymentAction, PaymentState
from services.funds.payments.models import Beneficiary, Payment
from services.funds.payments.schemas import (
    PayeeKind,
    PaymentCreate,
    PaymentTransitionRequest,
    RefundCreate,
)
from services.funds.policy import BENEFICIARY_HEADS, PAYMENT_HEADS
from shared.auth import May, mask_account, normalize_text
from shared.china import format_yuan, normalize_document_no, parse_bank_account
from shared.http import VersionMatch, to_field_errors
from shared.imports.models import ImportKind, RowOutcome, RowRun, TableResult, TableUpload
from shared.imports.rows import list_differences, take_each_row
from shared.imports.schemas import ImportQuery
from shared.spreadsheets import DAY, TEXT, YUAN, Column, SheetLimits, SheetRow
from shared.unit_of_work import UnitOfWork

APPLICATION_NAMESPACE = UUID("1b1f6f2e-6a0c-5c3c-8f0e-5f3b7c1f9d21")
"""Ids of imported applications are UUIDv5 of their content, so that the row is recognised when it comes again."""
COLLECTIVE_WORDS = ("合作社", "村民委员会", "村委会", "村集体")
PAYMENT_COLUMNS = (
    Column("document_no", "指标文号", TEXT, width=26),
    Column("project", "项目名称", TEXT, required=True, width=36),
    Column("payee", "收款人", TEXT, required=True, width=30),
    Column("account", "收款账号", TEXT, reader=lambda cell: parse_bank_account(TEXT.read(cell))),
    Column("bank", "开户行", TEXT),
    Column("amount", "金额(元)", YUAN, aliases=("金额",), required=True, note="退回为负数"),
    Column("voucher_no", "凭证号", TEXT, note="已支付的填写; 空为支付申请", holds_number=True),
    Column("paid_on", "支付日期", DAY),
    Column("purpose", "用途", TEXT, width=30),
)
COMPARED_COLUMNS = tuple(
    column for column in PAYMENT_COLUMNS if column.key in {"payee", "amount", "paid_on", "voucher_no"}
)


async def open_payments(_work: UnitOfWork, upload: TableUpload) -> "PaymentRun":
    """Flag the rows that repeat another."""
    first: dict[tuple[str, ...], int] = {}
    for row in upload.sheet.rows:
        keys = ("document_no", "project", "payee", "amount", "voucher_no", "paid_on", "purpose")
        key = tuple(str(row.values.get(name) or "") for name in keys)
        if row.is_valid and first.setdefault(key, row.number) != row.number:
            row.add_error("", f"与第 {first[key]} 行相同")
    return PaymentRun(upload)


@dataclass
class _Known:
    """What the rows of a batch may mean: payments to their payees, allocations to their projects."""

    payments: list[Payment]
    allocations: list[Allocation]


class PaymentRun(RowRun):
    """One payment list being imported."""

    def __init__(self, upload: TableUpload) -> None:
        self.region: str = upload.query.region

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Register results, refunds and applications."""
        names = {str(row.values.get("payee") or "") for row in rows}
        projects = {str(row.values.get("project") or "") for row in rows}
        known = _Known(
            await repository.list_payments_to(work, self.region, names),
            await allocations.list_named_allocations(work, self.region, projects),
        )

        async def take(row: SheetRow) -> RowOutcome:
            if not row.values.get("voucher_no"):
                return await self._take_application(work, row, known)
            if row.values.get("paid_on") is None:
                row.add_error("paid_on", "有凭证号的须写支付日期")
                return RowOutcome()
            if row.values["amount"] < 0:
                return await self._take_refund(work, row, known)
            return await self._take_result(work, row, known)

        return await take_each_row(work, rows, take)

    def _list_meant(self, row: SheetRow, known: _Known) -> list[Payment]:
        """The payments to the payee of a row, out of the allocations of its project and document."""
        meant = {allocation.id for allocation in self._list_allocations(row, known)}
        return [
            payment
            for payment in known.payments
            if normalize_text(payment.payee_name) == normalize_text(row.values["payee"])
            and payment.allocation_id in meant
        ]

    def _list_allocations(self, row: SheetRow, known: _Known) -> list[Allocation]:
        number = normalize_document_no(row.values.get("document_no") or "")
        return [
            allocation
            for allocation in known.allocations
            if normalize_text(allocation.project_name) == normalize_text(row.values["project"])
            and number in {"", normalize_document_no(allocation.document_no)}
        ]

    async def _take_result(self, work: UnitOfWork, row: SheetRow, known: _Known) -> RowOutcome:
        values, meant = row.values, self._list_meant(row, known)
        key = normalize_document_no(values["voucher_no"])
        paid = [
            payment
            for payment in meant
            if payment.voucher_no and normalize_document_no(payment.voucher_no) == key
        ]
        if paid:
            payment = next((one for one in paid if one.amount == values["amount"]), paid[0])
            differs = list_differences(COMPARED_COLUMNS, row, _describe(payment))
            return RowOutcome(payment.id, already=True, differs=differs)
        waiting = [
            one for one in meant if one.state is PaymentState.APPROVED and one.amount == values["amount"]
        ]
        if len(waiting) != 1:
            row.add_error("voucher_no", _explain_no_payment(meant, values["amount"], len(waiting)))
            return RowOutcome()
        work.actor.require(May.PAYMENT_SETTLE, waiting[0].region)
        request = PaymentTransitionRequest(
            voucher_no=values["voucher_no"],
            paid_on=values["paid_on"],
            bank_result=str(values.get("purpose") or ""),
        )
        await service.transition_payment(
            work, waiting[0].id, PaymentAction.PAY, request, match=VersionMatch(None), dry_run=False
        )
        return RowOutcome(waiting[0].id)

    async def _take_refund(self, work: UnitOfWork, row: SheetRow, known: _Known) -> RowOutcome:
        values, amount = row.values, -row.values["amount"]
        key = normalize_document_no(values["voucher_no"])
        candidates = [one for one in self._list_meant(row, known) if one.paid_on is not None]
        for payment in candidates:
            for refund in await service.list_refunds(work, payment.id):
                if normalize_document_no(refund.voucher_no) == key:
                    told = {"amount": -refund.amount, "paid_on": refund.happened_on}
                    return RowOutcome(
                        payment.id, already=True, differs=list_differences(COMPARED_COLUMNS, row, told)
                    )
        open_ones = [
            one
            for one in candidates
            if one.state is PaymentState.PAID and one.amount - one.refunded >= amount
        ]
        if len(open_ones) != 1:
            found = "没有" if not open_ones else f"有 {len(open_ones)} 笔"
            row.add_error("amount", f"退款: {found}可退 {format_yuan(amount)} 元的支付, 请在支付中登记退款")
            return RowOutcome()
        body = RefundCreate(
            amount=format_yuan(amount),
            voucher_no=values["voucher_no"],
            happened_on=values["paid_on"],
            reason=f"支付清册: {values.get('purpose') or '退回'}",
        )
        await service.create_refund(work, open_ones[0].id, body)
        return RowOutcome(open_ones[0].id)

    async def _take_application(self, work: UnitOfWork, row: SheetRow, known: _Known) -> RowOutcome:
        values, found = row.values, self._list_allocations(row, known)
        if len(found) != 1:
            text = (
                "没有下达给这个项目的资金" if not found else f"这个项目有 {len(found)} 笔下达, 请写明指标文号"
            )
            row.add_error("project" if not found else "document_no", text)
            return RowOutcome()
        content = (found[0].id, values["payee"], values["amount"], values.get("purpose") or "")
        identifier = uuid5(APPLICATION_NAMESPACE, "|".join(map(str, content)))
        existing = next((one for one in known.payments if one.id == identifier), None)
        if existing is not None:
            return RowOutcome(existing.id, already=True)
        work.actor.require(May.PAYMENT_SUBMIT, found[0].region)
        body = _build_application(row, found[0], identifier)
        return RowOutcome(None if body is None else (await service.create_payment(work, body)).id)


def _describe(payment: Payment) -> dict[str, object]:
    return {
        "payee": payment.payee_name,
        "amount": payment.amount,
        "paid_on": payment.paid_on,
        "voucher_no": payment.voucher_no,
    }


def _explain_no_payment(meant: Sequence[Payment], amount: int, waiting: int) -> str:
    if waiting:
        return f"有 {waiting} 笔已批准的支付收款人和金额都相同, 请在支付中逐笔登记"
    same = [one for one in meant if one.amount == amount]
    if same:
        return f"这笔支付申请{same[0].state.label}, 批准后才能登记支付"
    if meant:
        amounts = "、".join(format_yuan(one.amount) for one in meant[:5])
        return f"没有这个金额的支付申请, 这个收款人有 {amounts} 元"
    return "没有这笔支付申请; 先不读凭证号一列(mapping 中留空)可导入为支付申请"


def _build_application(row: SheetRow, allocation: Allocation, identifier: UUID) -> PaymentCreate | None:
    values = row.values
    is_collective = any(word in values["payee"] for word in COLLECTIVE_WORDS)
    fields = {
        "id": identifier,
        "allocation_id": allocation.id,
        "amount": format_yuan(values["amount"]),
        "payee_kind": PayeeKind.COLLECTIVE if is_collective else PayeeKind.COMPANY,
        "payee_name": values["payee"],
        "payee_account": values.get("account") or "",
        "bank": values.get("bank") or "",
        "purpose": values.get("purpose") or f"{allocation.project_name}工程款",
    }
    try:
        return PaymentCreate.model_validate(fields)
    except ValidationError as error:
        for one in to_field_errors(error.errors(include_url=False)):
            row.add_error(PAYMENT_FIELDS.get(one.pointer.split("/")[1], ""), one.detail)
        return None


PAYMENT_FIELDS = {
    "amount": "amount",
    "payee_name": "payee",
    "payee_account": "account",
    "bank": "bank",
    "purpose": "purpose",
}
PAYMENT_TABLE = ImportKind(
    name="payments",
    label="支付清册",
    mays=(May.PAYMENT_SUBMIT, May.PAYMENT_SETTLE),
    columns=PAYMENT_COLUMNS,
    heads=PAYMENT_HEADS,
    open=open_payments,
    identity=("project", "payee", "voucher_no"),
    limits=SheetLimits(rows=5000),
    batch_rows=50,
)


class BeneficiaryImportQuery(ImportQuery):
    """导入一卡通发放清册."""

    payment_id: UUID = Field(description="名单属于哪笔支付申请; 编制中的支付, 原名单被替换")


async def open_beneficiaries(_work: UnitOfWork, upload: TableUpload) -> "BeneficiaryRun":
    """Flag persons and accounts that repeat, and amounts that are not positive."""
    beneficiaries.flag_duplicates(upload.sheet)
    return BeneficiaryRun(upload)


class BeneficiaryRun:
    """One household list being imported."""

    def __init__(self, upload: TableUpload) -> None:
        self.query: BeneficiaryImportQuery = upload.query
        self.listed: dict[str, Beneficiary] | None = None

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Compare with the list that the payment has; an unchanged household is told as known."""
        if self.listed is None:
            payment = await repository.get_payment(work, self.query.payment_id)
            work.actor.require(May.PAYMENT_SUBMIT, payment.region, department=payment.managing_unit)
            self.listed = {
                one.card_index: one for one in await repository.list_beneficiaries(work, payment.id)
            }
        return [self._judge(work, row) if row.is_valid else RowOutcome() for row in rows]

    def _judge(self, work: UnitOfWork, row: SheetRow) -> RowOutcome:
        index = work.context.keyring.blind_index(row.values["card"], CARD_INDEX_FIELD)
        known = (self.listed or {}).get(index)
        if known is None:
            return RowOutcome()
        differs = list_differences(BENEFICIARY_COLUMNS, row, {"amount": known.amount, "bank": known.bank})
        masked = mask_account(row.values["account"])
        if masked != known.account_masked:
            differs.append({"column": "一卡通账号", "library": known.account_masked, "table": masked})
        return RowOutcome(known.id, already=not differs, differs=differs)

    async def finish(
        self, work: UnitOfWork, rows: Sequence[SheetRow], known: Sequence[SheetRow]
    ) -> TableResult:
        """Replace the list of the payment by all households of the table."""
        rows = sorted((*rows, *known), key=lambda row: row.number)
        payment = await beneficiaries.save_list(work, self.query.payment_id, rows)
        return TableResult(payment.id, f"已保存名单, {len(rows)} 户, 共 {format_yuan(payment.amount)} 元")


BENEFICIARY_TABLE = ImportKind(
    name="beneficiaries",
    label="一卡通发放清册",
    mays=(May.PAYMENT_SUBMIT,),
    columns=BENEFICIARY_COLUMNS,
    heads=BENEFICIARY_HEADS,
    open=open_beneficiaries,
    query=BeneficiaryImportQuery,
    identity=("name", "card"),
    makes_one_record=True,
    is_confidential=True,
    limits=UPLOAD_LIMITS,
    batch_rows=500,
)
