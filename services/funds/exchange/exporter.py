"""Export sources, adjustments, payments and refunds with the finance system's column names."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from services.funds.exchange import repository
from services.funds.ledger import service as ledger
from services.funds.ledger.schemas import LedgerFigures
from services.funds.payments.models import Payment, Refund
from services.funds.policy import EXCHANGE_CODES, ExchangeCodes
from services.funds.sources.models import Source, SourceAdjustment
from services.funds.sources.schemas import SourceAdjustmentKind
from shared.china import format_yuan
from shared.clients.funds import PaymentAccountRead
from shared.http import Page, PageParams
from shared.records import log_event
from shared.spreadsheets import FORMULA_STARTS
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

_AMOUNT = re.compile(r"[+-]?\d+(\.\d+)?")
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


def format_time(at: datetime) -> str:
    """Format a time as the finance system writes it: local, without a zone, 2026-05-08 09:30:00."""
    return f"{at.astimezone(CHINA_TIME_ZONE):%Y-%m-%d %H:%M:%S}"


def build_bgt_adjsub(adjustment: SourceAdjustment, external_id: str) -> dict[str, str]:
    """Format an adjustment as 指标调整明细; `external_id` is the 指标主键 of its document in the finance system."""
    signed = adjustment.amount if adjustment.kind is SourceAdjustmentKind.ADDITION else -adjustment.amount
    bgt_id = external_id or str(adjustment.source_id)
    values = (
        str(adjustment.id),
        adjustment.document_no,
        f"{adjustment.happened_on:%Y%m%d}",
        bgt_id,
        format_yuan(signed),
        "",
    )
    return dict(zip(BGT_ADJSUB_COLUMNS, values, strict=True))


def build_pay_back(refund: Refund) -> dict[str, str]:
    """Format a refund as 退款."""
    values = (str(refund.id), str(refund.payment_id), refund.voucher_no, format_yuan(refund.amount), f"{refund.happened_on:%Y%m%d}",
              refund.reason)  # fmt: skip
    return dict(zip(PAY_BACK_COLUMNS, values, strict=True))


def build_bgt_info(
    source: Source, figures: LedgerFigures, external_id: str, codes: ExchangeCodes
) -> dict[str, str]:
    """Format a fund document as 指标; codes are translated by the dated rule `exchange.codes`."""
    level_codes = {ours: theirs for theirs, ours in codes.level.items()}
    task_codes = {ours: theirs for theirs, ours in codes.task.items()}
    values = (
        external_id or str(source.id),
        source.region[:9],
        str(source.fiscal_year),
        source.document_no,
        source.title,
        f"{source.document_date:%Y%m%d}",
        level_codes.get(source.level, ""),
        source.upper_document_no,
        source.transfer_code,
        source.function_subject,
        source.government_subject,
        source.department_subject,
        task_codes.get(source.task, ""),
        format_yuan(figures.received),
        format_yuan(figures.received - figures.applied - figures.paid),
        format_yuan(figures.applied + figures.paid),
        "0",
        format_time(source.created_at),
        format_time(source.updated_at),
    )
    return dict(zip(BGT_INFO_COLUMNS, values, strict=True))


def build_pay_voucher(payment: Payment, related: Mapping[str, str], account: str) -> dict[str, str]:
    """Format a payment as 支付申请; `related` holds columns of other records; `account` is masked or in clear."""
    paid = payment.state in {"paid", "reversed"}
    values = (
        str(payment.id),
        related.get("document_no", ""),
        payment.voucher_no,
        related.get("bgt_id", ""),
        related.get("code", ""),
        related.get("name", ""),
        payment.payee_name,
        account,
        payment.bank,
        payment.purpose,
        format_yuan(payment.amount),
        format_yuan(payment.amount - payment.refunded) if paid else "",
        related.get("contract_no", ""),
        payment.economic_subject,
        f"{payment.paid_on or payment.applied_on:%Y%m%d}" if payment.paid_on or payment.applied_on else "",
        "1" if payment.state == "reversed" else "0",
    )
    return dict(zip(PAY_VOUCHER_COLUMNS, values, strict=True))


ExternalRow = dict[str, str]


async def list_bgt_infos(work: UnitOfWork, params: PageParams, year: int | None) -> Page[ExternalRow]:
    """List fund documents as 指标 with their current balance."""
    page = await repository.list_sources(work, params, year)
    ids = [source.id for source in page.items]
    grouped = await ledger.list_figures(work, ("source_id",), {"source_id": ids}) if ids else []
    figures = {group["source_id"]: group_figures for group, group_figures in grouped}
    external_ids = await repository.get_external_ids(work, ids)
    rows = []
    for source in page.items:
        codes = (await work.get_rule(EXCHANGE_CODES, region=source.region)).value
        source_figures = figures.get(source.id, LedgerFigures())
        rows.append(build_bgt_info(source, source_figures, external_ids.get(str(source.id), ""), codes))
    return Page[ExternalRow].model_construct(items=rows, next_cursor=page.next_cursor, total=page.total)


async def list_bgt_adjsubs(work: UnitOfWork, params: PageParams) -> Page[ExternalRow]:
    """List additions, reductions and take-backs as 指标调整明细."""
    page = await repository.list_adjustments(work, params)
    external_ids = await repository.get_external_ids(
        work, [adjustment.source_id for adjustment in page.items]
    )
    rows = [
        build_bgt_adjsub(adjustment, external_ids.get(str(adjustment.source_id), ""))
        for adjustment in page.items
    ]
    return Page[ExternalRow].model_construct(items=rows, next_cursor=page.next_cursor, total=page.total)


async def list_pay_backs(work: UnitOfWork, params: PageParams) -> Page[ExternalRow]:
    """List partial refunds as 退款."""
    page = await repository.list_refunds(work, params)
    rows = [build_pay_back(refund) for refund in page.items]
    return Page[ExternalRow].model_construct(items=rows, next_cursor=page.next_cursor, total=page.total)


async def list_pay_vouchers(work: UnitOfWork, params: PageParams) -> Page[ExternalRow]:
    """List payments from APPROVED on, with masked accounts."""
    page = await repository.list_payments(work, params, payable=False)
    return await _build_voucher_page(work, page, clear=False)


async def list_payable(work: UnitOfWork, params: PageParams) -> Page[ExternalRow]:
    """List payments waiting to be paid, with accounts in clear; publishes PaymentAccountRead per payment."""
    page = await repository.list_payments(work, params, payable=True)
    for payment in page.items:
        if payment.account_sealed:
            await log_event(work, payment, PaymentAccountRead(payment_id=payment.id))
    return await _build_voucher_page(work, page, clear=True)


async def _build_voucher_page(work: UnitOfWork, page: Page[Payment], *, clear: bool) -> Page[ExternalRow]:
    related_rows = await repository.list_related_records(work, [payment.id for payment in page.items])
    external_ids = await repository.get_external_ids(work, [row.source_id for row in related_rows.values()])
    rows = []
    for payment in page.items:
        row = related_rows[payment.id]
        related = {name: getattr(row, name) or "" for name in ("document_no", "name", "code", "contract_no")}
        related["bgt_id"] = external_ids.get(str(payment.source_id), str(payment.source_id))
        rows.append(build_pay_voucher(payment, related, _get_account_number(work, payment, clear=clear)))
    return Page[ExternalRow].model_construct(items=rows, next_cursor=page.next_cursor, total=page.total)


def _get_account_number(work: UnitOfWork, payment: Payment, *, clear: bool) -> str:
    if not clear or not payment.account_sealed:
        return payment.account_masked
    return work.context.keyring.decrypt(
        payment.account_sealed, associated_data=f"payment:{payment.id}:account"
    )


def format_csv(names: Sequence[str], rows: Sequence[ExternalRow]) -> str:
    """Format rows as CSV with a header; text that a spreadsheet would run as a formula is prefixed with a quote."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _escape_formula(value) for name, value in row.items()} for row in rows)
    return buffer.getvalue()


def _escape_formula(value: str) -> str:
    is_amount = _AMOUNT.fullmatch(value) is not None
    return f"'{value}" if value.startswith(FORMULA_STARTS) and not is_amount else value
