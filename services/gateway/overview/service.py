"""Which figures a leader looks at first, and where in the services' summaries they stand."""

from dataclasses import dataclass
from typing import Any

from services.gateway.fan_out import FanOut, gather
from services.gateway.overview.schemas import Headline, Overview

SUMMARY_PAGE, ALERTS_PAGE = "summary", "alerts/summary"
"""The pages of a service that figures stand on."""


@dataclass(frozen=True, slots=True)
class Figure:
    """`path` leads through a page of a service, its summary unless another is named, to the value."""

    key: str
    service: str
    path: tuple[str, ...]
    label: str
    unit: str
    page: str = SUMMARY_PAGE


# fmt: off
HEADLINE_FIGURES: tuple[Figure, ...] = (
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
    Figure("project_alerts",    "projects",   ("undone",),                     "项目预警未销号",   "条", ALERTS_PAGE),
    Figure("project_alerts_late", "projects", ("overdue",),                    "项目预警逾期",     "条", ALERTS_PAGE),
    Figure("fund_alerts",       "funds",      ("undone",),                     "资金预警未销号",   "条", ALERTS_PAGE),
    Figure("fund_alerts_late",  "funds",      ("overdue",),                    "资金预警逾期",     "条", ALERTS_PAGE),
    Figure("asset_alerts",      "assets",     ("undone",),                     "资产预警未销号",   "条", ALERTS_PAGE),
    Figure("asset_alerts_late", "assets",     ("overdue",),                    "资产预警逾期",     "条", ALERTS_PAGE),
)
# fmt: on
ALERT_SERVICES = tuple(dict.fromkeys(one.service for one in HEADLINE_FIGURES if one.page == ALERTS_PAGE))
"""Services that raise alerts."""

SUMMARY_SERVICES = ("projects", "funds", "assets", "attendance")


async def get_overview(pieces: FanOut, region: str, year: int) -> Overview:
    """A region's year; summaries whose service is down or that the role may not see are named."""
    of_year, query = f"&year={year}", {"region": region, "year": year}
    asked = [(name, SUMMARY_PAGE) for name in SUMMARY_SERVICES] + [
        (name, ALERTS_PAGE) for name in ALERT_SERVICES
    ]
    found = await gather(pieces.get_or_none(name, f"/{name}/{page}", query) for name, page in asked)
    pages = dict(zip(asked, found, strict=True))
    return Overview(
        region=region,
        year=year,
        made_at=pieces.context.clock(),
        headlines=[
            Headline(
                key=one.key,
                label=one.label,
                value=value,
                unit=one.unit,
                source=f"/api/v1/{one.service}/{one.page}?region={region}{of_year if one.page == SUMMARY_PAGE else ''}",
            )
            for one in HEADLINE_FIGURES
            if (value := _extract_value(pages[one.service, one.page], one)) is not None
        ],
        alerts={name: pages[name, ALERTS_PAGE] for name in ALERT_SERVICES if pages[name, ALERTS_PAGE]},
        missing=list(pieces.unavailable.values()),
        withheld=list(pieces.forbidden.values()),
        **{name: pages[name, SUMMARY_PAGE] for name in SUMMARY_SERVICES},
    )


def _extract_value(summary: Any, figure: Figure) -> str | None:  # noqa: ANN401 - any JSON
    for step in figure.path:
        summary = summary.get(step) if isinstance(summary, dict) else None
    return None if summary is None or isinstance(summary, dict | list) else str(summary)
