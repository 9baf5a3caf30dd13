"""Beneficiary lists (一卡通): upload, reveal with a reason, bank file, failed payouts."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from services.funds.payments import repository as payments
from services.funds.payments import service
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Beneficiary, Payment
from services.funds.payments.schemas import (
    BatchRead,
    BeneficiaryState,
    FailuresCreate,
    FailuresRead,
    PayeeKind,
    RefundCreate,
    RevealedBeneficiary,
    RevealRequest,
)
from shared.auth import May, mask_account, mask_id_card, mask_name
from shared.china import format_yuan, parse_bank_account, parse_person_number
from shared.clients.funds import BeneficiariesListed, BeneficiariesRevealed
from shared.db import new_id
from shared.errors import Conflict, FieldError, FieldErrorRead, Invalid
from shared.http import VersionMatch
from shared.spreadsheets import TEXT, YUAN, Column, Sheet, SheetLimits, SheetRow, build_workbook, read_sheet
from shared.spreadsheets import build_template as templates_build_template
from shared.unit_of_work import UnitOfWork

UPLOAD_LIMITS = SheetLimits(size=8 * 1024 * 1024, rows=10_000)

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
        reader=lambda cell: parse_bank_account(TEXT.read(cell)),
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


def build_template() -> bytes:
    """An empty list to fill in (XLSX)."""
    return templates_build_template(BENEFICIARY_COLUMNS, name="一卡通名单", title="一卡通补贴发放名单")


async def upload_beneficiaries(
    work: UnitOfWork, payment_id: UUID, content: bytes, match: VersionMatch, *, dry_run: bool
) -> BatchRead:
    """Replace the households of a payment that is still being written, all of them or none; Invalid when a row is wrong.

    The list must add up to the payment to the 分.
    """
    sheet = await asyncio.to_thread(read_sheet, content, BENEFICIARY_COLUMNS, limits=UPLOAD_LIMITS)
    payment = await payments.get_payment(work, payment_id, lock=True)
    work.actor.require(May.PAYMENT_SUBMIT, payment.region)
    match.require_version(payment)
    _require_editable(payment)
    _flag_duplicates(sheet)
    total = sum(row.values.get("amount") or 0 for row in sheet.rows)
    faults = [*_check_total(sheet, total, payment.amount), *sheet.to_field_errors()]
    if faults and not dry_run:
        raise Invalid(f"名单中有 {len(faults)} 处问题, 一户也没有保存", "Nothing was kept", errors=faults)
    known = {
        number: work.context.keyring.blind_index(row.values["card"], CARD_INDEX_FIELD)
        for number, row in enumerate(sheet.rows, 1)
        if row.values.get("card")
    }
    again = await payments.list_repeated_cards(work, payment.project_id, payment.id, set(known.values()))
    if not dry_run:
        await _save_beneficiaries(work, payment, sheet.rows, total)
    return BatchRead.model_construct(
        payment_id=payment.id,
        stored=not dry_run,
        count=len(sheet.rows),
        total=max(0, total),
        difference=total - payment.amount,
        repeated=[number for number, mark in known.items() if mark in again],
        errors=[FieldErrorRead(pointer=one.pointer, code=one.code, detail=one.detail) for one in faults],
    )


def _require_editable(payment: Payment) -> None:
    if payment.payee_kind is not PayeeKind.HOUSEHOLDS:
        raise Conflict("这笔支付的收款人不是农户, 没有一卡通名单", "The payee is no list of households")
    if payment.state is not PaymentState.DRAFT:
        raise Conflict(f"支付{payment.state.label}, 名单不能再改", f"The payment is {payment.state}")


def _flag_duplicates(sheet: Sheet) -> None:
    """A person or an account stands in a list once, and gets something."""
    for key in ("card", "account"):
        first: dict[str, int] = {}
        for row in sheet.rows:
            value = row.values.get(key)
            if value and value in first:
                row.add_error(key, f"与第 {first[value]} 行相同")
            elif value:
                first[value] = row.number
    for row in sheet.rows:
        if (amount := row.values.get("amount")) is not None and amount <= 0:
            row.add_error("amount", "金额须大于零")


def _check_total(sheet: Sheet, total: int, wanted: int) -> list[FieldError]:
    if not sheet.rows:
        return [FieldError("no_rows", "名单中没有一户", "no rows", "/rows")]
    if total == wanted:
        return []
    detail = f"名单合计 {format_yuan(total)} 元, 申请 {format_yuan(wanted)} 元, 相差 {format_yuan(total - wanted)} 元"
    return [FieldError("total", detail, f"off by {format_yuan(total - wanted)}", "/rows")]


async def _save_beneficiaries(
    work: UnitOfWork, payment: Payment, rows: Sequence[SheetRow], total: int
) -> None:
    await payments.replace_beneficiaries(
        work, payment.id, [_encrypt_row(work, payment.id, n, row) for n, row in enumerate(rows, 1)]
    )
    payment.version += 1
    payment.updated_at = work.at
    work.session.add(payment)
    await work.publish(BeneficiariesListed(payment_id=payment.id, count=len(rows), total=total), payment)


def _encrypt_row(work: UnitOfWork, payment_id: UUID, position: int, row: SheetRow) -> Beneficiary:
    said, ring, row_id = row.values, work.context.keyring, new_id()

    def seal(name: str) -> str:
        return ring.encrypt(said[name], associated_data=f"beneficiary:{row_id}:{name}")

    return Beneficiary(
        id=row_id,
        payment_id=payment_id,
        position=position,
        amount=said["amount"],
        place=(said.get("place") or "")[:200],
        bank=(said.get("bank") or "")[:200],
        name_masked=mask_name(said["name"])[:40],
        card_masked=mask_id_card(said["card"]),
        account_masked=mask_account(said["account"]),
        name_sealed=seal("name"),
        card_sealed=seal("card"),
        account_sealed=seal("account"),
        card_index=ring.blind_index(said["card"], CARD_INDEX_FIELD),
    )


def _decrypt_row(work: UnitOfWork, row: Beneficiary) -> RevealedBeneficiary:
    def plain(name: str) -> str:
        sealed: str = getattr(row, f"{name}_sealed")
        return work.context.keyring.decrypt(sealed, associated_data=f"beneficiary:{row.id}:{name}")

    return RevealedBeneficiary.model_construct(
        position=row.position,
        name=plain("name"),
        card=plain("card"),
        account=plain("account"),
        bank=row.bank,
        amount=row.amount,
    )


async def reveal_beneficiaries(
    work: UnitOfWork, payment_id: UUID, body: RevealRequest
) -> list[RevealedBeneficiary]:
    """Numbers in clear, for a reason that is written down with who asked and for whom."""
    payment = await payments.get_payment(work, payment_id)
    work.actor.require(May.BENEFICIARY_REVEAL, payment.region)
    rows = await payments.list_beneficiaries(work, payment.id, set(body.positions))
    await _publish_reveal(work, payment, rows, body.reason)
    return [_decrypt_row(work, row) for row in rows]


async def build_bank_file(work: UnitOfWork, payment_id: UUID, reason: str) -> bytes:
    """The list as the bank needs it, in clear (XLSX); only of an approved payment, and written down."""
    payment = await payments.get_payment(work, payment_id)
    work.actor.require(May.BENEFICIARY_REVEAL, payment.region)
    if payment.state not in BANK_FILE_STATES:
        raise Conflict(
            f"支付{payment.state.label}, 批准后才能导出代发文件", f"The payment is {payment.state}"
        )
    rows = await payments.list_beneficiaries(work, payment.id)
    await _publish_reveal(work, payment, rows, reason)
    return await asyncio.to_thread(build_workbook, BANK_COLUMNS, [_decrypt_row(work, row) for row in rows])


async def _publish_reveal(
    work: UnitOfWork, payment: Payment, rows: Sequence[Beneficiary], reason: str
) -> None:
    event = BeneficiariesRevealed(payment_id=payment.id, positions=[row.position for row in rows])
    await work.publish(event, payment, reason=reason)


async def register_failures(work: UnitOfWork, payment_id: UUID, body: FailuresCreate) -> FailuresRead:
    """What the bank could not pay comes back in one refund, and each household says why.

    Conflict for a household that failed before or is not in the list.
    """
    payment = await payments.get_payment(work, payment_id, lock=True)
    work.actor.require(May.PAYMENT_SETTLE, payment.region)
    why = {one.position: one.reason for one in body.rows}
    rows = await payments.list_beneficiaries(work, payment.id, set(why), lock=True)
    wrong = sorted(set(why) - {row.position for row in rows if row.state is BeneficiaryState.LISTED})
    if wrong:
        raise Conflict(
            f"名单中没有或已登记退回: 第 {'、'.join(map(str, wrong[:20]))} 户", "No such households"
        )
    for row in rows:
        row.state, row.failure = BeneficiaryState.FAILED, why[row.position]
        work.session.add(row)
    back = RefundCreate(
        amount=format_yuan(sum(row.amount for row in rows)),
        voucher_no=body.voucher_no,
        happened_on=body.happened_on,
        reason=f"一卡通退回 {len(rows)} 户",
    )
    refund = await service.create_refund(work, payment.id, back)
    return FailuresRead.model_construct(
        payment_id=payment.id, refund_id=refund.id, amount=refund.amount, count=len(rows)
    )
