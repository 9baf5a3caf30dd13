"""Schemas of the exchange, with the finance system's own column names."""

import re
from datetime import date, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.china import LabelledEnum, Money, PositiveMoney, SignedMoney
from shared.china.workdays import CHINA_TIME_ZONE
from shared.request_body import RequestBody


class ExchangeKind(LabelledEnum):
    """交换内容."""

    BGT_INFO = "bgt_info", "指标 BA_BGT_INFO"
    PAY_VOUCHER = "pay_voucher", "支付结果 PAY_VOUCHER"
    BGT_ADJSUB = "bgt_adjsub", "指标调整明细 BA_BGT_ADJSUB"
    PAY_BACK = "pay_back", "退款 PAY_BACK_INFO"


class ExchangeRowState(LabelledEnum):
    """收到的一行到了哪一步. `waiting` rows came too early and are tried again; `refused` ones wait for a person."""

    APPLIED = "applied", "已入账"
    WAITING = "waiting", "待处理"
    REFUSED = "refused", "未接受"
    DISMISSED = "dismissed", "已说明"


MAX_BATCH_ROWS = 2000
_ZONED = re.compile(r"[T ][0-9:.]+(Z|[+-][0-9]{2}:?[0-9]{2})$")


def _normalize_day(value: object) -> object:
    """Normalise 20240506, 2024/05/06 and 2024-05-06 10:00:00 to 2024-05-06; a time with a zone to its day in China."""
    if isinstance(value, str) and _ZONED.search(value):
        try:
            return datetime.fromisoformat(value).astimezone(CHINA_TIME_ZONE).date()
        except ValueError:
            return value
    if isinstance(value, str):
        digits = value[:10].replace("-", "").replace("/", "")
        if len(digits) == 8 and digits.isdecimal():  # noqa: PLR2004 - yyyymmdd
            return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
    return value


def _normalize_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Day = Annotated[date, BeforeValidator(_normalize_day)]
Text = Annotated[str, BeforeValidator(_normalize_text)]


class IncomingRow(BaseModel):
    """One row of a table of the finance system; unknown columns are ignored."""

    model_config = ConfigDict(extra="ignore")

    kind: ClassVar[ExchangeKind]
    key_column: ClassVar[str]

    @property
    def key(self) -> str:
        """Value of the key column."""
        return str(getattr(self, self.key_column))


class BgtInfoRow(IncomingRow):
    """指标信息 BA_BGT_INFO: amounts in 元 as text."""

    kind: ClassVar[ExchangeKind] = ExchangeKind.BGT_INFO
    key_column: ClassVar[str] = "BGT_ID"

    BGT_ID: Text = Field(min_length=1, max_length=64, description="指标主键")
    MOF_DIV_CODE: Text = Field(pattern=r"^[0-9]{6,12}$", description="财政区划代码")
    FISCAL_YEAR: Text = Field(pattern=r"^20[0-9]{2}$")
    COR_BGT_DOC_NO: str = Field(min_length=2, max_length=100, description="本级指标文号")
    BGT_DOC_TITLE: str = Field(min_length=2, max_length=300)
    DOC_DATE: Day
    SUP_BGT_DOC_NO: str = Field("", max_length=100, description="上级指标文号")
    BUDGET_LEVEL_CODE: Text = Field(max_length=10, description="预算级次")
    TRACK_PRO_CODE: Text = Field("", max_length=40, description="转移支付项目代码")
    PRO_CODE: Text = Field("", max_length=40)
    TASK_NO: Text = Field("", max_length=40, description="任务代码")
    EXP_FUNC_CODE: Text = Field("", max_length=20, description="支出功能分类")
    GOV_BGT_ECO_CODE: Text = Field("", max_length=20)
    DEP_BGT_ECO_CODE: Text = Field("", max_length=20)
    AMOUNT: PositiveMoney
    CREATE_TIME: Day | None = None
    IS_DELETED: Text = Field("0", max_length=5)


class PayVoucherRow(IncomingRow):
    """国库集中支付 PAY_VOUCHER: the result of an application we sent; amounts in 元 as text."""

    kind: ClassVar[ExchangeKind] = ExchangeKind.PAY_VOUCHER
    key_column: ClassVar[str] = "PAY_APP_ID"

    PAY_APP_ID: UUID = Field(description="支付申请主键, 即我方支付编号")
    PAY_CERT_ID: Text = Field(min_length=1, max_length=100, description="支付凭证号")
    XPAY_AMT: Money = Field(description="实际支付金额")
    CREATE_DATE: Day = Field(description="支付日期")
    PAYEE_ACCT_NAME: str = Field("", max_length=200, description="收款人")
    PAYEE_ACCT_NO: Text = Field(
        "", max_length=40, description="收款账号; 只保存尾号", json_schema_extra={"x-declared-number": True}
    )
    USE_DES: str = Field("", max_length=500)
    IS_DELETED: Text = Field("0", max_length=5, description="1 为退回")


class BgtAdjSubRow(IncomingRow):
    """指标调整明细 BA_BGT_ADJSUB: below zero is 追减; from ORI_BGT_ID, when it is given, the same goes the other way."""

    kind: ClassVar[ExchangeKind] = ExchangeKind.BGT_ADJSUB
    key_column: ClassVar[str] = "ADJ_SUB_ID"

    ADJ_SUB_ID: Text = Field(min_length=1, max_length=64, description="调整明细主键")
    BAT_NUM: Text = Field("", max_length=100, description="调整批次号")
    ADJ_DATE: Day = Field(description="调整日期")
    BGT_ID: Text = Field(min_length=1, max_length=64, description="调入指标主键")
    ADD_AMOUNT: SignedMoney = Field(description="调整金额, 元; 负数为追减")
    ORI_BGT_ID: Text = Field("", max_length=64, description="源指标主键; 空为不由其他指标调出")


class PayBackRow(IncomingRow):
    """退款 PAY_BACK_INFO: part of a payment came back. Its column names follow PAY_VOUCHER's and are not confirmed yet."""

    kind: ClassVar[ExchangeKind] = ExchangeKind.PAY_BACK
    key_column: ClassVar[str] = "PAY_BACK_ID"

    PAY_BACK_ID: Text = Field(min_length=1, max_length=64, description="退款主键")
    PAY_APP_ID: UUID = Field(description="原支付申请主键, 即我方支付编号")
    PAY_CERT_ID: Text = Field(min_length=1, max_length=100, description="退款凭证号")
    BACK_AMT: PositiveMoney = Field(description="退款金额")
    BACK_DATE: Day = Field(description="退款日期")
    BACK_REASON: str = Field("", max_length=500, description="退款原因")


ROW_TYPES: dict[ExchangeKind, type[IncomingRow]] = {
    row.kind: row for row in (BgtInfoRow, PayVoucherRow, BgtAdjSubRow, PayBackRow)
}
"""Row type of each kind that the finance system may send."""


class ExchangeBatch(RequestBody):
    """一批数据; each row is judged by itself."""

    rows: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_BATCH_ROWS)


class RowResult(BaseModel):
    """一行的处理结果."""

    index: int
    external_id: str
    state: ExchangeRowState
    reason: str = ""
    subject: str = Field("", description="我方记录编号")
    repeated: bool = Field(False, description="此前已收到相同内容")


class BatchResult(BaseModel):
    """一批的处理结果."""

    applied: int
    waiting: int
    refused: int
    settled: int = Field(0, description="先前待处理, 这次办成的行数")
    rows: list[RowResult]


class ExchangeRowRead(BaseModel):
    """收到的一行及其处理情况."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    kind: ExchangeKind
    external_id: str
    content: dict[str, Any]
    state: ExchangeRowState
    reason: str
    subject: str
    tries: int
    created_at: datetime
    settled_at: datetime | None
    settled_by: str
    note: str


class Dismissal(RequestBody):
    """说明一行为何不再处理."""

    reason: str = Field(min_length=2, max_length=2000)


class ExchangeRetryResult(BaseModel):
    """再次处理的结果."""

    settled: int
    waiting: int
