"""Code sets of the exchange."""

from shared.labels import Labelled


class ExchangeKind(Labelled):
    """交换内容."""

    BGT_INFO = "bgt_info", "指标 BA_BGT_INFO"
    PAY_VOUCHER = "pay_voucher", "支付结果 PAY_VOUCHER"


class RowState(Labelled):
    """收到的一行到了哪一步. `waiting` rows came too early and are tried again; `refused` ones wait for a person."""

    APPLIED = "applied", "已入账"
    WAITING = "waiting", "待处理"
    REFUSED = "refused", "未接受"
    DISMISSED = "dismissed", "已说明"
