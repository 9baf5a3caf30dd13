"""Which figures a leader looks at first, and where in the services' summaries they stand."""

from dataclasses import dataclass

SUMMARY, ALERTS = "summary", "alerts/summary"
"""The pages of a service that figures stand on."""


@dataclass(frozen=True, slots=True)
class Figure:
    """`path` leads through a page of a service, its summary unless another is named, to the value."""

    key: str
    service: str
    path: tuple[str, ...]
    label: str
    unit: str
    page: str = SUMMARY


# fmt: off
FIGURES: tuple[Figure, ...] = (
    Figure("received",          "funds",      ("figures", "received"),         "资金到位",         "元"),
    Figure("allocated",         "funds",      ("figures", "allocated"),        "已下达",           "元"),
    Figure("paid",              "funds",      ("figures", "paid"),             "已支付",           "元"),
    Figure("paid_percent",      "funds",      ("paid_percent",),               "支付进度",         "%"),
    Figure("industry_percent",  "funds",      ("industry", "percent"),         "产业占比",         "%"),
    Figure("projects",          "projects",   ("sum", "count"),                "项目",             "个"),
    Figure("investment",        "projects",   ("sum", "total"),                "项目总投资",       "元"),
    Figure("settled",           "projects",   ("sum", "settled"),              "审定结算",         "元"),
    Figure("blocked",           "projects",   ("sum", "blocked"),              "筛查未通过",       "个"),
    Figure("assets",            "assets",     ("count",),                      "项目资产",         "项"),
    Figure("asset_value",       "assets",     ("value",),                      "资产原值",         "元"),
    Figure("confirmed_percent", "assets",     ("confirmed_percent",),          "确权率",           "%"),
    Figure("difference",        "assets",     ("agreement", "difference"),     "登记原值减结算",   "元"),
    Figure("cadres",            "attendance", ("cadres",),                     "驻村干部",         "人"),
    Figure("visits",            "attendance", ("visits",),                     "走访",             "次"),
    Figure("deeds_done",        "attendance", ("deeds_done",),                 "已办实事",         "件"),
    Figure("project_alerts",    "projects",   ("undone",),                     "项目预警未销号",   "条", ALERTS),
    Figure("project_alerts_late", "projects", ("overdue",),                    "项目预警逾期",     "条", ALERTS),
    Figure("fund_alerts",       "funds",      ("undone",),                     "资金预警未销号",   "条", ALERTS),
    Figure("fund_alerts_late",  "funds",      ("overdue",),                    "资金预警逾期",     "条", ALERTS),
    Figure("asset_alerts",      "assets",     ("undone",),                     "资产预警未销号",   "条", ALERTS),
    Figure("asset_alerts_late", "assets",     ("overdue",),                    "资产预警逾期",     "条", ALERTS),
)
# fmt: on
WATCHED = tuple(dict.fromkeys(one.service for one in FIGURES if one.page == ALERTS))
"""Services that raise alerts."""
