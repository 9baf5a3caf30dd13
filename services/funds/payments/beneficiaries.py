"""Beneficiary lists (一卡通): upload, reveal with a reason, bank file, failed payouts."""

import asyncio
import re
from collections.abc import Sequence
from uuid import UUID

from services.funds.payments import repository, service
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Beneficiary, Payment
from services.funds.payments.schemas import (
    BeneficiaryState,
    FailuresCreate,
    FailuresRead,
    PayeeKind,
    PaymentBatchRead,
    RefundCreate,
    RevealedBeneficiary,
    RevealRequest,
)
from services.funds.policy import BENEFICIARY_HEADS
from shared.auth import May, mask_account, mask_id_card, mask_name
from shared.china import format_yuan, parse_bank_account, parse_person_number
from shared.clients.funds import BeneficiariesListed, BeneficiariesRevealed
from shared.db import new_id
from shared.errors import Conflict, FieldError, FieldErrorRead, Invalid
from shared.http import VersionMatch
from shared.records import log_event, save_record
from shared.records.table_imports import load_head_options
from shared.spreadsheets import (
    TEXT,
    YUAN,
    Cell,
    Column,
    Sheet,
    SheetLimits,
    SheetRow,
    build_workbook,
    read_sheet,
)
from shared.spreadsheets import build_template as build_sheet_template
from shared.unit_of_work import UnitOfWork

UPLOAD_LIMITS = SheetLimits(size=8 * 1024 * 1024, rows=10_000)

_HOLDER = re.compile(r"[(（]\s*(.*?)\s*[)）]\s*$")


def _read_account(cell: Cell) -> str:
    """An account number; one that names another holder in brackets is asked about."""
    text = TEXT.read(cell)
    if found := _HOLDER.search(text):
        raise ValueError(f"账户注明“{found[1][:20]}”, 不是本人的账户, 请核对后只填账号")
    return parse_bank_account(text)


BENEFICIARY_COLUMNS = (
    Column("name", "姓名", aliases=("户主姓名", "户主", "领款人"), required=True),
    Column(
        "card",
        "身份证号",
        aliases=("身份证号码", "公民身份号码", "证件号码"),
        required=True,
        reader=lambda cell: parse_person_number(TEXT.read(cell)),
    ),
    Column(
        "account",
        "一卡通账号",
        aliases=("银行账号", "卡号", "账号", "银行卡号"),
        required=True,
        reader=_read_account,
    ),
    Column("bank", "开户行", aliases=("开户银行",)),
    Column("place", "村组", aliases=("所在村", "住址", "村")),
    Column(
        "amount",
        "金额(元)",
        YUAN,
        aliases=("补贴金额(元)", "发放金额(元)", "金额", "补贴金额"),
        required=True,
    ),
)
BANK_COLUMNS = (Column("position", "序号"), *BENEFICIARY_COLUMNS)

CARD_INDEX_FIELD = "id_card"
BANK_FILE_STATES = frozenset({PaymentState.APPROVED, PaymentState.PAID})


def _mark_person(work: UnitOfWork, card: str) -> str:
    """The hash of a person: 18 characters tell them, also in a 残疾人证 number, in every service alike."""
    return work.context.keyring.blind_index(card[:18], CARD_INDEX_FIELD)


def build_template() -> bytes:
    """Build an empty beneficiary list (XLSX)."""
    return build_sheet_template(BENEFICIARY_COLUMNS, name="一卡通名单", title="一卡通补贴发放名单")


async def upload_beneficiaries(
    work: UnitOfWork, payment_id: UUID, content: bytes, match: VersionMatch, *, dry_run: bool
) -> PaymentBatchRead:
    """Replace the beneficiaries of a payment in DRAFT state, all or none; Invalid if a row is wrong.

    The list must add up to the amount of the payment, to the 分.
    """
    payment = await repository.get_payment(work, payment_id)
    options = await load_head_options(work, BENEFICIARY_HEADS, "beneficiaries", payment.region)
    sheet = await asyncio.to_thread(
        read_sheet, content, BENEFICIARY_COLUMNS, limits=UPLOAD_LIMITS, words=options.words
    )
    payment = await repository.get_payment(work, payment_id, lock=True)
    work.actor.require(May.PAYMENT_SUBMIT, payment.region, department=payment.managing_unit)
    match.require_version(payment)
    _require_editable(payment)
    flag_duplicates(sheet)
    total = sum(row.values.get("amount") or 0 for row in sheet.rows)
    errors = [*_check_total(sheet.rows, total, payment.amount), *sheet.to_field_errors()]
    if errors and not dry_run:
        raise Invalid(f"名单中有 {len(errors)} 处问题, 一户也没有保存", "Nothing was kept", errors=errors)
    card_index_by_row = {
        number: _mark_person(work, row.values["card"])
        for number, row in enumerate(sheet.rows, 1)
        if row.values.get("card")
    }
    repeated = await repository.list_repeated_cards(
        work, payment.project_id, payment.id, set(card_index_by_row.values())
    )
    if not dry_run:
        await _save_beneficiaries(work, payment, sheet.rows, total)
    return PaymentBatchRead.model_construct(
        payment_id=payment.id,
        stored=not dry_run,
        count=len(sheet.rows),
        total=max(0, total),
        difference=total - payment.amount,
        repeated=[number for number, index in card_index_by_row.items() if index in repeated],
        errors=[
            FieldErrorRead(pointer=error.pointer, code=error.code, detail=error.detail) for error in errors
        ],
    )


def _require_editable(payment: Payment) -> None:
    if payment.payee_kind is not PayeeKind.HOUSEHOLDS:
        raise Conflict("这笔支付的收款人不是农户, 没有一卡通名单", "The payee is no list of households")
    if payment.state is not PaymentState.DRAFT:
        raise Conflict(f"支付{payment.state.label}, 名单不能再改", f"The payment is {payment.state}")


def flag_duplicates(sheet: Sheet) -> None:
    """Add an error to rows with a repeated person or account, or an amount that is not positive."""
    for key in ("card", "account"):
        first_rows: dict[str, int] = {}
        for row in sheet.rows:
            value = row.values.get(key)
            if value and value in first_rows:
                row.add_error(key, f"与第 {first_rows[value]} 行相同")
            elif value:
                first_rows[value] = row.number
    for row in sheet.rows:
        if (amount := row.values.get("amount")) is not None and amount <= 0:
            row.add_error("amount", "金额须大于零")


def _check_total(rows: Sequence[SheetRow], total: int, expected: int) -> list[FieldError]:
    if not rows:
        return [FieldError("no_rows", "名单中没有一户", "no rows", "/rows")]
    if total == expected:
        return []
    detail = f"名单合计 {format_yuan(total)} 元, 申请 {format_yuan(expected)} 元, 相差 {format_yuan(total - expected)} 元"
    return [FieldError("total", detail, f"off by {format_yuan(total - expected)}", "/rows")]


async def save_list(work: UnitOfWork, payment_id: UUID, rows: Sequence[SheetRow]) -> Payment:
    """Replace the beneficiaries of a payment in DRAFT state by valid rows; Invalid unless they add up to its amount."""
    payment = await repository.get_payment(work, payment_id, lock=True)
    work.actor.require(May.PAYMENT_SUBMIT, payment.region, department=payment.managing_unit)
    _require_editable(payment)
    total = sum(row.values["amount"] for row in rows)
    if errors := _check_total(rows, total, payment.amount):
        raise Invalid(errors[0].detail, "The list does not add up to the payment", errors=errors)
    await _save_beneficiaries(work, payment, rows, total)
    return payment


async def _save_beneficiaries(
    work: UnitOfWork, payment: Payment, rows: Sequence[SheetRow], total: int
) -> None:
    await repository.replace_beneficiaries(
        work, payment.id, [_encrypt_row(work, payment.id, n, row) for n, row in enumerate(rows, 1)]
    )
    await save_record(work, payment, BeneficiariesListed(payment_id=payment.id, count=len(rows), total=total))


def _encrypt_row(work: UnitOfWork, payment_id: UUID, position: int, row: SheetRow) -> Beneficiary:
    values, keyring, row_id = row.values, work.context.keyring, new_id()

    def encrypt(name: str) -> str:
        return keyring.encrypt(values[name], associated_data=f"beneficiary:{row_id}:{name}")

    return Beneficiary(
        id=row_id,
        payment_id=payment_id,
        position=position,
        amount=values["amount"],
        place=(values.get("place") or "")[:200],
        bank=(values.get("bank") or "")[:200],
        name_masked=mask_name(values["name"])[:40],
        card_masked=mask_id_card(values["card"]),
        account_masked=mask_account(values["account"]),
        name_sealed=encrypt("name"),
        card_sealed=encrypt("card"),
        account_sealed=encrypt("account"),
        card_index=_mark_person(work, values["card"]),
    )


def _decrypt_row(work: UnitOfWork, row: Beneficiary) -> RevealedBeneficiary:
    def decrypt(name: str) -> str:
        sealed: str = getattr(row, f"{name}_sealed")
        return work.context.keyring.decrypt(sealed, associated_data=f"beneficiary:{row.id}:{name}")

    return RevealedBeneficiary.model_construct(
        position=row.position,
        name=decrypt("name"),
        card=decrypt("card"),
        account=decrypt("account"),
        bank=row.bank,
        amount=row.amount,
    )


async def reveal_beneficiaries(
    work: UnitOfWork, payment_id: UUID, body: RevealRequest
) -> list[RevealedBeneficiary]:
    """Return decrypted numbers; the reason, the actor and the positions are published as an event."""
    payment = await repository.get_payment(work, payment_id)
    work.actor.require(May.BENEFICIARY_REVEAL, payment.region, payment.submitted_by or payment.created_by)
    rows = await repository.list_beneficiaries(work, payment.id, set(body.positions))
    await _publish_reveal(work, payment, rows, body.reason)
    return [_decrypt_row(work, row) for row in rows]


async def build_bank_file(work: UnitOfWork, payment_id: UUID, reason: str) -> bytes:
    """Build the bank's payout file with decrypted numbers (XLSX) of an approved payment; publishes a reveal event."""
    payment = await repository.get_payment(work, payment_id)
    work.actor.require(May.BENEFICIARY_EXPORT, payment.region)
    if payment.state not in BANK_FILE_STATES:
        raise Conflict(
            f"支付{payment.state.label}, 批准后才能导出代发文件", f"The payment is {payment.state}"
        )
    rows = await repository.list_beneficiaries(work, payment.id)
    await _publish_reveal(work, payment, rows, reason)
    return await asyncio.to_thread(build_workbook, BANK_COLUMNS, [_decrypt_row(work, row) for row in rows])


async def _publish_reveal(
    work: UnitOfWork, payment: Payment, rows: Sequence[Beneficiary], reason: str
) -> None:
    event = BeneficiariesRevealed(payment_id=payment.id, positions=[row.position for row in rows])
    await log_event(work, payment, event, reason=reason)


async def register_failures(work: UnitOfWork, payment_id: UUID, body: FailuresCreate) -> FailuresRead:
    """Refund the payouts that the bank could not make in one refund and store the reason of each household.

    Conflict for a household that failed before or is not in the list.
    """
    payment = await repository.get_payment(work, payment_id, lock=True)
    work.actor.require(May.PAYMENT_SETTLE, payment.region)
    reasons = {failure.position: failure.reason for failure in body.rows}
    rows = await repository.list_beneficiaries(work, payment.id, set(reasons), lock=True)
    unknown = sorted(set(reasons) - {row.position for row in rows if row.state is BeneficiaryState.LISTED})
    if unknown:
        raise Conflict(
            f"名单中没有或已登记退回: 第 {'、'.join(map(str, unknown[:20]))} 户", "No such households"
        )
    for row in rows:
        row.state, row.failure = BeneficiaryState.FAILED, reasons[row.position]
        work.session.add(row)
    refund_request = RefundCreate(
        amount=format_yuan(sum(row.amount for row in rows)),
        voucher_no=body.voucher_no,
        happened_on=body.happened_on,
        reason=f"一卡通退回 {len(rows)} 户",
    )
    refund = await service.create_refund(work, payment.id, refund_request)
    return FailuresRead.model_construct(
        payment_id=payment.id, refund_id=refund.id, amount=refund.amount, count=len(rows)
    )
