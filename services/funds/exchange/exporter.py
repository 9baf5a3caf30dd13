"""Export sources, adjustments, payments and refunds with the finance system's column names."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from services.funds.exchange import repository
from services.funds.ledger import service as ledger
from services.funds.ledger.schemas import Figures
from services.funds.payments.models import Payment, Refund
from services.funds.sources.models import Source, SourceAdjustment
from services.funds.sources.schemas import AdjustmentKind
from shared.china import format_yuan
from shared.clients.funds import PaymentAccountRead
from shared.http import Page, PageParams
from shared.unit_of_work import UnitOfWork

BGT_INFO_COLUMNS = (
    "BGT_ID", "MOF_DIV_CODE", "FISCAL_YEAR", "COR_BGT_DOC_NO", "BGT_DOC_TITLE", "DOC_DATE", "BUDGET_LEVEL_CODE",
    "SUP_BGT_DOC_NO", "TRACK_PRO_CODE", "EXP_FUNC_CODE", "GOV_BGT_ECO_CODE", "DEP_BGT_ECO_CODE", "TASK_NO",
    "AMOUNT", "CUR_AMT", "PAY_APP_AMT", "IS_DELETED", "CREATE_TIME", "UPDATE_TIME",
)  # fmt: skip
PAY_VOUCHER_COLUMNS = (
    "PAY_APP_ID", "PAY_APP_NO", "PAY_CERT_ID", "BGT_ID", "PRO_CODE", "PRO_NAME", "PAYEE_ACCT_NAME", "PAYEE_ACCT_NO",
    "PAYEE_ACCT_BANK_NAME", "USE_DES", "PAY_APP_AMT", "XPAY_AMT", "CONTRACT_NO", "GOV_BGT_ECO_CODE", "CREATE_DATE",
    "IS_DELETED",
)  # fmt: skip

BGT_ADJSUB_COLUMNS = ("ADJ_SUB_ID", "BAT_NUM", "ADJ_DATE", "BGT_ID", "ADD_AMOUNT", "ORI_BGT_ID")
PAY_BACK_COLUMNS = ("PAY_BACK_ID", "PAY_APP_ID", "PAY_CERT_ID", "BACK_AMT", "BACK_DATE", "BACK_REASON")


def build_bgt_adjsub(row: SourceAdjustment, external_id: str) -> dict[str, str]:
    """An adjustment as 指标调整明细; `external_id` is the finance system's 指标主键 of its document."""
    signed = row.amount if row.kind is AdjustmentKind.ADDITION else -row.amount
    bgt_id = external_id or str(row.source_id)
    values = (str(row.id), row.document_no, f"{row.happened_on:%Y%m%d}", bgt_id, format_yuan(signed), "")
    return dict(zip(BGT_ADJSUB_COLUMNS, values, strict=True))


def build_pay_back(row: Refund) -> dict[str, str]:
    """A refund as 退款."""
    values = (str(row.id), str(row.payment_id), row.voucher_no, format_yuan(row.amount), f"{row.happened_on:%Y%m%d}",
              row.reason)  # fmt: skip
    return dict(zip(PAY_BACK_COLUMNS, values, strict=True))


def build_bgt_info(
    source: Source, figures: Figures, external_id: str, codes: Mapping[str, Any]
) -> dict[str, str]:
    """A fund document as 指标; codes are the finance system's, by the dated rule `exchange.codes`."""
    levels = {ours: theirs for theirs, ours in codes["level"].items()}
    tasks = {ours: theirs for theirs, ours in codes["task"].items()}
    values = (
        external_id or str(source.id),
        source.region[:9],
        str(source.fiscal_year),
        source.document_no,
        source.title,
        f"{source.document_date:%Y%m%d}",
        levels.get(source.level, ""),
        source.upper_document_no,
        source.transfer_code,
        source.function_subject,
        source.government_subject,
        source.department_subject,
        tasks.get(source.task, ""),
        format_yuan(figures.received),
        format_yuan(figures.received - figures.applied - figures.paid),
        format_yuan(figures.applied + figures.paid),
        "0",
        source.created_at.isoformat(),
        source.updated_at.isoformat(),
    )
    return dict(zip(BGT_INFO_COLUMNS, values, strict=True))


def build_pay_voucher(payment: Payment, said: Mapping[str, str], account: str) -> dict[str, str]:
    """A payment as 支付申请; `said` holds what other records say of it, the account is masked unless it was asked for."""
    paid = payment.state in {"paid", "reversed"}
    values = (
        str(payment.id),
        said.get("document_no", ""),
        payment.voucher_no,
        said.get("bgt_id", ""),
        said.get("code", ""),
        said.get("name", ""),
        payment.payee_name,
        account,
        payment.bank,
        payment.purpose,
        format_yuan(payment.amount),
        format_yuan(payment.amount - payment.refunded) if paid else "",
        said.get("contract_no", ""),
        payment.economic_subject,
        f"{payment.paid_on or payment.applied_on:%Y%m%d}" if payment.paid_on or payment.applied_on else "",
        "1" if payment.state == "reversed" else "0",
    )
    return dict(zip(PAY_VOUCHER_COLUMNS, values, strict=True))


ExternalRow = dict[str, str]


async def list_bgt_infos(work: UnitOfWork, asked: PageParams, year: int | None) -> Page[ExternalRow]:
    """Fund documents as 指标, with what is left of each."""
    found = await repository.list_sources(work, asked, year)
    ids = [source.id for source in found.items]
    held = await ledger.list_figures(work, ("source_id",), {"source_id": ids}) if ids else []
    figures = {group["source_id"]: one for group, one in held}
    theirs = await repository.get_external_ids(work, ids)
    rows = []
    for source in found.items:
        codes = (await work.get_rule("exchange.codes", region=source.region)).value
        left = figures.get(source.id, Figures())
        rows.append(build_bgt_info(source, left, theirs.get(str(source.id), ""), codes))
    return Page[ExternalRow].model_construct(items=rows, next_cursor=found.next_cursor, total=found.total)


async def list_bgt_adjsubs(work: UnitOfWork, asked: PageParams) -> Page[ExternalRow]:
    """Additions, reductions and take-backs as 指标调整明细."""
    found = await repository.list_adjustments(work, asked)
    theirs = await repository.get_external_ids(work, [one.source_id for one in found.items])
    rows = [build_bgt_adjsub(one, theirs.get(str(one.source_id), "")) for one in found.items]
    return Page[ExternalRow].model_construct(items=rows, next_cursor=found.next_cursor, total=found.total)


async def list_pay_backs(work: UnitOfWork, asked: PageParams) -> Page[ExternalRow]:
    """Partial refunds as 退款."""
    found = await repository.list_refunds(work, asked)
    rows = [build_pay_back(one) for one in found.items]
    return Page[ExternalRow].model_construct(items=rows, next_cursor=found.next_cursor, total=found.total)


async def list_pay_vouchers(work: UnitOfWork, asked: PageParams) -> Page[ExternalRow]:
    """Payments from their approval on, accounts masked."""
    found = await repository.list_payments(work, asked, payable=False)
    return await _build_voucher_page(work, found, clear=False)


async def list_payable(work: UnitOfWork, asked: PageParams) -> Page[ExternalRow]:
    """Payments waiting to be paid, accounts in clear; each reading is an event."""
    found = await repository.list_payments(work, asked, payable=True)
    for payment in found.items:
        if payment.account_sealed:
            await work.publish(PaymentAccountRead(payment_id=payment.id), payment)
    return await _build_voucher_page(work, found, clear=True)


async def _build_voucher_page(work: UnitOfWork, found: Page[Payment], *, clear: bool) -> Page[ExternalRow]:
    known = await repository.list_related_records(work, [payment.id for payment in found.items])
    theirs = await repository.get_external_ids(work, [row.source_id for row in known.values()])
    rows = []
    for payment in found.items:
        row = known[payment.id]
        said = {name: getattr(row, name) or "" for name in ("document_no", "name", "code", "contract_no")}
        said["bgt_id"] = theirs.get(str(payment.source_id), str(payment.source_id))
        rows.append(build_pay_voucher(payment, said, _get_account_number(work, payment, clear=clear)))
    return Page[ExternalRow].model_construct(items=rows, next_cursor=found.next_cursor, total=found.total)


def _get_account_number(work: UnitOfWork, payment: Payment, *, clear: bool) -> str:
    if not clear or not payment.account_sealed:
        return payment.account_masked
    return work.context.keyring.decrypt(
        payment.account_sealed, associated_data=f"payment:{payment.id}:account"
    )


def format_csv(names: Sequence[str], rows: Sequence[ExternalRow]) -> str:
    """Rows with a header of column names. Text that a spreadsheet would run as a formula is set apart by a quote."""
    target = io.StringIO()
    writer = csv.DictWriter(target, names, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _escape_formula(value) for name, value in row.items()} for row in rows)
    return target.getvalue()


def _escape_formula(value: str) -> str:
    return f"'{value}" if value[:1] in {"=", "+", "@", "\t"} else value
