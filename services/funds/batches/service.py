"""Taking a list of households in, showing it masked, opening it with a reason, and what the bank could not pay."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from services.funds.batches import repository
from services.funds.batches.columns import BANK_COLUMNS, COLUMNS, LIMITS
from services.funds.batches.kinds import RowState
from services.funds.batches.models import Beneficiary
from services.funds.batches.schemas import BatchRead, Failures, FailuresRead, RevealAsk, Revealed
from services.funds.payments import refunds
from services.funds.payments import repository as payments
from services.funds.payments.kinds import PayeeKind
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Payment
from services.funds.payments.schemas import RefundCreate
from shared.contracts.funds import BeneficiariesListed, BeneficiariesRevealed
from shared.errors import Conflict, Fault, FaultRead, Invalid
from shared.http import Match
from shared.ids import new_id
from shared.money import yuan
from shared.permissions import May
from shared.personal import mask_account, mask_id_card, mask_name
from shared.sheets import Row, Sheet, read, template, workbook
from shared.work import Work

CARD = "id_card"
TO_BANK = frozenset({PaymentState.APPROVED, PaymentState.PAID})


def form() -> bytes:
    """An empty list to fill in (XLSX)."""
    return template(COLUMNS, name="一卡通名单", title="一卡通补贴发放名单")


async def take(work: Work, payment_id: UUID, content: bytes, match: Match, *, dry_run: bool) -> BatchRead:
    """Replace the households of a payment that is still being written, all of them or none; Invalid when a row is wrong.

    The list must add up to the payment to the 分.
    """
    sheet = await asyncio.to_thread(read, content, COLUMNS, limits=LIMITS)
    payment = await payments.get(work, payment_id, lock=True)
    work.actor.require(May.PAYMENT_SUBMIT, payment.region)
    match.require(payment)
    _writable(payment)
    _alike(sheet)
    total = sum(row.values.get("amount") or 0 for row in sheet.rows)
    faults = [*_total(sheet, total, payment.amount), *sheet.problems()]
    if faults and not dry_run:
        raise Invalid(f"名单中有 {len(faults)} 处问题, 一户也没有保存", "Nothing was kept", faults=faults)
    known = {
        number: work.context.keyring.blind(row.values["card"], CARD)
        for number, row in enumerate(sheet.rows, 1)
        if row.values.get("card")
    }
    again = await repository.elsewhere(work, payment.project_id, payment.id, set(known.values()))
    if not dry_run:
        await _keep(work, payment, sheet.rows, total)
    return BatchRead.model_construct(
        payment_id=payment.id,
        stored=not dry_run,
        count=len(sheet.rows),
        total=max(0, total),
        difference=total - payment.amount,
        repeated=[number for number, mark in known.items() if mark in again],
        errors=[FaultRead(pointer=one.pointer, code=one.code, detail=one.detail) for one in faults],
    )


def _writable(payment: Payment) -> None:
    if payment.payee_kind is not PayeeKind.HOUSEHOLDS:
        raise Conflict("这笔支付的收款人不是农户, 没有一卡通名单", "The payee is no list of households")
    if payment.state is not PaymentState.DRAFT:
        raise Conflict(f"支付{payment.state.label}, 名单不能再改", f"The payment is {payment.state}")


def _alike(sheet: Sheet) -> None:
    """A person or an account stands in a list once, and gets something."""
    for key in ("card", "account"):
        first: dict[str, int] = {}
        for row in sheet.rows:
            value = row.values.get(key)
            if value and value in first:
                row.fault(key, f"与第 {first[value]} 行相同")
            elif value:
                first[value] = row.number
    for row in sheet.rows:
        if (amount := row.values.get("amount")) is not None and amount <= 0:
            row.fault("amount", "金额须大于零")


def _total(sheet: Sheet, total: int, wanted: int) -> list[Fault]:
    if not sheet.rows:
        return [Fault("no_rows", "名单中没有一户", "no rows", "/rows")]
    if total == wanted:
        return []
    detail = f"名单合计 {yuan(total)} 元, 申请 {yuan(wanted)} 元, 相差 {yuan(total - wanted)} 元"
    return [Fault("total", detail, f"off by {yuan(total - wanted)}", "/rows")]


async def _keep(work: Work, payment: Payment, rows: Sequence[Row], total: int) -> None:
    await repository.replace(
        work, payment.id, [_sealed(work, payment.id, n, row) for n, row in enumerate(rows, 1)]
    )
    payment.version += 1
    payment.updated_at = work.at
    work.session.add(payment)
    await work.tell(BeneficiariesListed(payment_id=payment.id, count=len(rows), total=total), payment)


def _sealed(work: Work, payment_id: UUID, position: int, row: Row) -> Beneficiary:
    said, ring, row_id = row.values, work.context.keyring, new_id()

    def seal(name: str) -> str:
        return ring.seal(said[name], about=f"beneficiary:{row_id}:{name}")

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
        card_index=ring.blind(said["card"], CARD),
    )


def _opened(work: Work, row: Beneficiary) -> Revealed:
    def plain(name: str) -> str:
        sealed: str = getattr(row, f"{name}_sealed")
        return work.context.keyring.open(sealed, about=f"beneficiary:{row.id}:{name}")

    return Revealed.model_construct(
        position=row.position,
        name=plain("name"),
        card=plain("card"),
        account=plain("account"),
        bank=row.bank,
        amount=row.amount,
    )


async def reveal(work: Work, payment_id: UUID, body: RevealAsk) -> list[Revealed]:
    """Numbers in clear, for a reason that is written down with who asked and for whom."""
    payment = await payments.get(work, payment_id)
    work.actor.require(May.BENEFICIARY_REVEAL, payment.region)
    rows = await repository.some(work, payment.id, set(body.positions))
    await _told(work, payment, rows, body.reason)
    return [_opened(work, row) for row in rows]


async def bank_file(work: Work, payment_id: UUID, reason: str) -> bytes:
    """The list as the bank needs it, in clear (XLSX); only of an approved payment, and written down."""
    payment = await payments.get(work, payment_id)
    work.actor.require(May.BENEFICIARY_REVEAL, payment.region)
    if payment.state not in TO_BANK:
        raise Conflict(
            f"支付{payment.state.label}, 批准后才能导出代发文件", f"The payment is {payment.state}"
        )
    rows = await repository.some(work, payment.id)
    await _told(work, payment, rows, reason)
    return await asyncio.to_thread(workbook, BANK_COLUMNS, [_opened(work, row) for row in rows])


async def _told(work: Work, payment: Payment, rows: Sequence[Beneficiary], reason: str) -> None:
    event = BeneficiariesRevealed(payment_id=payment.id, positions=[row.position for row in rows])
    await work.tell(event, payment, reason=reason)


async def failures(work: Work, payment_id: UUID, body: Failures) -> FailuresRead:
    """What the bank could not pay comes back in one refund, and each household says why.

    Conflict for a household that failed before or is not in the list.
    """
    payment = await payments.get(work, payment_id, lock=True)
    work.actor.require(May.PAYMENT_SETTLE, payment.region)
    why = {one.position: one.reason for one in body.rows}
    rows = await repository.some(work, payment.id, set(why), lock=True)
    wrong = sorted(set(why) - {row.position for row in rows if row.state is RowState.LISTED})
    if wrong:
        raise Conflict(
            f"名单中没有或已登记退回: 第 {'、'.join(map(str, wrong[:20]))} 户", "No such households"
        )
    for row in rows:
        row.state, row.failure = RowState.FAILED, why[row.position]
        work.session.add(row)
    back = RefundCreate(
        amount=yuan(sum(row.amount for row in rows)),
        voucher_no=body.voucher_no,
        happened_on=body.happened_on,
        reason=f"一卡通退回 {len(rows)} 户",
    )
    refund = await refunds.refund(work, payment.id, back)
    return FailuresRead.model_construct(
        payment_id=payment.id, refund_id=refund.id, amount=refund.amount, count=len(rows)
    )
