"""Overview of a region and year: key figures taken from the summaries and alerts of all services."""

from typing import Any

from services.gateway.fan_out import FanOut, gather
from services.gateway.overview.schemas import Headline, Overview
from shared.clients.composition import ALERTS_PAGE, SUMMARY_PAGE, Figure
from shared.http import API_PREFIX

Pages = dict[tuple[str, str], Any]


async def get_overview(fan_out: FanOut, region: str, year: int) -> Overview:
    """Build the overview of the figures that services declare; unavailable services are in `missing`, forbidden in `withheld`."""
    declared = await fan_out.list_compositions()
    figures = sorted(
        ((name, figure) for name, part in declared.items() for figure in part.figures),
        key=lambda one: one[1].rank,
    )
    query = {"region": region, "year": year}
    addresses = list(dict.fromkeys((name, figure.page) for name, figure in figures))
    contents = await gather(fan_out.get_or_none(name, f"/{name}/{page}", query) for name, page in addresses)
    pages: Pages = dict(zip(addresses, contents, strict=True))
    summarized = dict.fromkeys([*(name for name, _ in figures), *fan_out.unavailable])
SUMMARY_PAGE, ALERTS_PAGE = "summary", "alerts/summary"
"""Addresses of a service, below its name, that contain figures."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure; `path` is the sequence of JSON keys that leads to its value in the page of the service."""

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
ALERT_SERVICES = tuple(
    dict.fromkeys(figure.service for figure in HEADLINE_FIGURES if figure.page == ALERTS_PAGE)
)
SUMMARY_SERVICES = ("projects", "funds", "assets", "attendance")
YEARLY_SERVICES = frozenset(SUMMARY_SERVICES) - {"assets"}
"""Services whose figures are those of a year; assets are all that there are, whenever they were built."""


async def get_overview(fan_out: FanOut, region: str, year: int) -> Overview:
    """Build the overview; unavailable services are listed in `missing`, forbidden ones in `withheld`."""
    query: dict[str, Any] = {"region": region}
    yearly = {"region": region, "year": year}
    addresses = [(name, SUMMARY_PAGE) for name in SUMMARY_SERVICES] + [
        (name, ALERTS_PAGE) for name in ALERT_SERVICES
    ]
    contents = await gather(
        fan_out.get_or_none(name, f"/{name}/{page}", yearly if _is_yearly(name, page) else query)
        for name, page in addresses
    )
    pages = dict(zip(addresses, contents, strict=True))
    return Overview(
        region=region,
        year=year,
        made_at=fan_out.context.clock(),
        headlines=[
            headline
            for name, figure in figures
            if (headline := _build_headline(name, figure, pages, region, year)) is not None
            Headline(
                key=figure.key,
                label=figure.label,
                value=value,
                unit=figure.unit,
                source=f"{API_PREFIX}/{figure.service}/{figure.page}?region={region}"
                f"{f'&year={year}' if _is_yearly(figure.service, figure.page) else ''}",
            )
            for figure in HEADLINE_FIGURES
            if (value := _extract_value(pages[figure.service, figure.page], figure)) is not None
        ],
        alerts={name: content for (name, page), content in pages.items() if page == ALERTS_PAGE and content},
        missing=list(fan_out.unavailable.values()),
        withheld=list(fan_out.forbidden.values()),
        **{name: pages.get((name, SUMMARY_PAGE)) for name in summarized},
    )


def _build_headline(service: str, figure: Figure, pages: Pages, region: str, year: int) -> Headline | None:
    value = _extract_value(pages[service, figure.page], figure)
    if value is None:
        return None
    year_query = f"&year={year}" if figure.page == SUMMARY_PAGE else ""
    return Headline(
        key=figure.key,
        label=figure.label,
        value=value,
        unit=figure.unit,
        source=f"{API_PREFIX}/{service}/{figure.page}?region={region}{year_query}",
    )


def _is_yearly(service: str, page: str) -> bool:
    return page == SUMMARY_PAGE and service in YEARLY_SERVICES


def _extract_value(page: Any, figure: Figure) -> str | None:  # noqa: ANN401 - any JSON
    value = page
    for key in figure.path:
        value = value.get(key) if isinstance(value, dict) else None
    return None if value is None or isinstance(value, dict | list) else str(value)
