"""Code sets of the exchange."""

from shared.labels import Labelled


class ExchangeKind(Labelled):
    """交换内容."""

    BGT_INFO = "bgt_info", "指标 BA_BGT_INFO"
    PAY_VOUCHER = "pay_voucher", "支付结果 PAY_VOUCHER"
    BGT_ADJSUB = "bgt_adjsub", "指标调整明细 BA_BGT_ADJSUB"
    PAY_BACK = "pay_back", "退款 PAY_BACK_INFO"


class RowState(Labelled):
    """收到的一行到了哪一步. `waiting` rows came too early and are tried again; `refused` ones wait for a person."""

    APPLIED = "applied", "已入账"
    WAITING = "waiting", "待处理"
    REFUSED = "refused", "未接受"
    DISMISSED = "dismissed", "已说明"
