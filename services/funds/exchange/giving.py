"""What the finance system fetches: fund documents and payments, page by page, in its own column names."""

import csv
import io
from collections.abc import Sequence

from services.funds.exchange import columns, repository
from services.funds.ledger import service as ledger
from services.funds.ledger.figures import Figures
from services.funds.payments.models import Payment
from shared.contracts.funds import PaymentAccountRead
from shared.pages import Asked, Page
from shared.work import Work

Row = dict[str, str]


async def bgt_infos(work: Work, asked: Asked, year: int | None) -> Page[Row]:
    """Fund documents as 指标, with what is left of each."""
    found = await repository.sources(work, asked, year)
    ids = [source.id for source in found.items]
    held = await ledger.positions(work, ("source_id",), {"source_id": ids}) if ids else []
    figures = {group["source_id"]: one for group, one in held}
    theirs = await repository.external_ids(work, ids)
    rows = []
    for source in found.items:
        codes = (await work.rule("exchange.codes", region=source.region)).value
        left = figures.get(source.id, Figures())
        rows.append(columns.bgt_info(source, left, theirs.get(str(source.id), ""), codes))
    return Page[Row].model_construct(items=rows, next_cursor=found.next_cursor, total=found.total)


async def bgt_adjsubs(work: Work, asked: Asked) -> Page[Row]:
    """Additions, reductions and take-backs as 指标调整明细."""
    found = await repository.adjustments(work, asked)
    theirs = await repository.external_ids(work, [one.source_id for one in found.items])
    rows = [columns.bgt_adjsub(one, theirs.get(str(one.source_id), "")) for one in found.items]
    return Page[Row].model_construct(items=rows, next_cursor=found.next_cursor, total=found.total)


async def pay_backs(work: Work, asked: Asked) -> Page[Row]:
    """Partial refunds as 退款."""
    found = await repository.refunds(work, asked)
    rows = [columns.pay_back(one) for one in found.items]
    return Page[Row].model_construct(items=rows, next_cursor=found.next_cursor, total=found.total)


async def pay_vouchers(work: Work, asked: Asked) -> Page[Row]:
    """Payments from their approval on, accounts masked."""
    found = await repository.payments(work, asked, payable=False)
    return await _shown(work, found, clear=False)


async def payable(work: Work, asked: Asked) -> Page[Row]:
    """Payments waiting to be paid, accounts in clear; each reading is an event."""
    found = await repository.payments(work, asked, payable=True)
    for payment in found.items:
        if payment.account_sealed:
            await work.tell(PaymentAccountRead(payment_id=payment.id), payment)
    return await _shown(work, found, clear=True)


async def _shown(work: Work, found: Page[Payment], *, clear: bool) -> Page[Row]:
    known = await repository.around(work, [payment.id for payment in found.items])
    theirs = await repository.external_ids(work, [row.source_id for row in known.values()])
    rows = []
    for payment in found.items:
        row = known[payment.id]
        said = {name: getattr(row, name) or "" for name in ("document_no", "name", "code", "contract_no")}
        said["bgt_id"] = theirs.get(str(payment.source_id), str(payment.source_id))
        rows.append(columns.pay_voucher(payment, said, _account(work, payment, clear=clear)))
    return Page[Row].model_construct(items=rows, next_cursor=found.next_cursor, total=found.total)


def _account(work: Work, payment: Payment, *, clear: bool) -> str:
    if not clear or not payment.account_sealed:
        return payment.account_masked
    return work.context.keyring.open(payment.account_sealed, about=f"payment:{payment.id}:account")


def as_csv(names: Sequence[str], rows: Sequence[Row]) -> str:
    """Rows with a header of column names. Text that a spreadsheet would run as a formula is set apart by a quote."""
    target = io.StringIO()
    writer = csv.DictWriter(target, names, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    return target.getvalue()


def _harmless(value: str) -> str:
    return f"'{value}" if value[:1] in {"=", "+", "@", "\t"} else value
