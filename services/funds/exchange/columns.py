"""Our records in the column names of the finance system (BA_BGT_INFO, PAY_VOUCHER)."""

from collections.abc import Mapping
from typing import Any

from services.funds.ledger.figures import Figures
from services.funds.payments.models import Payment, Refund
from services.funds.sources.kinds import Adjustment
from services.funds.sources.models import Source, SourceAdjustment
from shared.money import yuan

BGT_INFO = (
    "BGT_ID", "MOF_DIV_CODE", "FISCAL_YEAR", "COR_BGT_DOC_NO", "BGT_DOC_TITLE", "DOC_DATE", "BUDGET_LEVEL_CODE",
    "SUP_BGT_DOC_NO", "TRACK_PRO_CODE", "EXP_FUNC_CODE", "GOV_BGT_ECO_CODE", "DEP_BGT_ECO_CODE", "TASK_NO",
    "AMOUNT", "CUR_AMT", "PAY_APP_AMT", "IS_DELETED", "CREATE_TIME", "UPDATE_TIME",
)  # fmt: skip
PAY_VOUCHER = (
    "PAY_APP_ID", "PAY_APP_NO", "PAY_CERT_ID", "BGT_ID", "PRO_CODE", "PRO_NAME", "PAYEE_ACCT_NAME", "PAYEE_ACCT_NO",
    "PAYEE_ACCT_BANK_NAME", "USE_DES", "PAY_APP_AMT", "XPAY_AMT", "CONTRACT_NO", "GOV_BGT_ECO_CODE", "CREATE_DATE",
    "IS_DELETED",
)  # fmt: skip

BGT_ADJSUB = ("ADJ_SUB_ID", "BAT_NUM", "ADJ_DATE", "BGT_ID", "ADD_AMOUNT", "ORI_BGT_ID")
PAY_BACK = ("PAY_BACK_ID", "PAY_APP_ID", "PAY_CERT_ID", "BACK_AMT", "BACK_DATE", "BACK_REASON")


def bgt_adjsub(row: SourceAdjustment, external_id: str) -> dict[str, str]:
    """An adjustment as 指标调整明细; `external_id` is the finance system's 指标主键 of its document."""
    signed = row.amount if row.kind is Adjustment.ADDITION else -row.amount
    bgt_id = external_id or str(row.source_id)
    values = (str(row.id), row.document_no, f"{row.happened_on:%Y%m%d}", bgt_id, yuan(signed), "")
    return dict(zip(BGT_ADJSUB, values, strict=True))


def pay_back(row: Refund) -> dict[str, str]:
    """A refund as 退款."""
    values = (str(row.id), str(row.payment_id), row.voucher_no, yuan(row.amount), f"{row.happened_on:%Y%m%d}",
              row.reason)  # fmt: skip
    return dict(zip(PAY_BACK, values, strict=True))


def bgt_info(source: Source, figures: Figures, external_id: str, codes: Mapping[str, Any]) -> dict[str, str]:
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
        yuan(figures.received),
        yuan(figures.received - figures.applied - figures.paid),
        yuan(figures.applied + figures.paid),
        "0",
        source.created_at.isoformat(),
        source.updated_at.isoformat(),
    )
    return dict(zip(BGT_INFO, values, strict=True))


def pay_voucher(payment: Payment, said: Mapping[str, str], account: str) -> dict[str, str]:
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
        yuan(payment.amount),
        yuan(payment.amount - payment.refunded) if paid else "",
        said.get("contract_no", ""),
        payment.economic_subject,
        f"{payment.paid_on or payment.applied_on:%Y%m%d}" if payment.paid_on or payment.applied_on else "",
        "1" if payment.state == "reversed" else "0",
    )
    return dict(zip(PAY_VOUCHER, values, strict=True))
