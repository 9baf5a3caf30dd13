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
    region_query: dict[str, Any] = {"region": region}
    yearly = {(name, SUMMARY_PAGE) for name, part in declared.items() if part.yearly}
    addresses = list(dict.fromkeys((name, figure.page) for name, figure in figures))
    contents = await gather(
        fan_out.get_or_none(
            name, f"/{name}/{page}", region_query | ({"year": year} if (name, page) in yearly else {})
        )
        for name, page in addresses
    )
    pages: Pages = dict(zip(addresses, contents, strict=True))
    summarized = dict.fromkeys([*(name for name, _ in figures), *fan_out.unavailable])
    return Overview(
        region=region,
        year=year,
        made_at=fan_out.context.clock(),
        headlines=[
            headline
            for name, figure in figures
            if (
                headline := _build_headline(
                    name, figure, pages, region, year if (name, figure.page) in yearly else None
                )
            )
            is not None
        ],
        alerts={name: content for (name, page), content in pages.items() if page == ALERTS_PAGE and content},
        missing=list(fan_out.unavailable.values()),
        withheld=list(fan_out.forbidden.values()),
        **{name: pages.get((name, SUMMARY_PAGE)) for name in summarized},
    )


def _build_headline(
    service: str, figure: Figure, pages: Pages, region: str, year: int | None
) -> Headline | None:
    value = _extract_value(pages[service, figure.page], figure)
    if value is None:
        return None
    year_query = "" if year is None else f"&year={year}"
    return Headline(
        key=figure.key,
        label=figure.label,
        value=value,
        unit=figure.unit,
        source=f"{API_PREFIX}/{service}/{figure.page}?region={region}{year_query}",
    )


def _extract_value(page: Any, figure: Figure) -> str | None:  # noqa: ANN401 - any JSON
    value = page
    for key in figure.path:
        value = value.get(key) if isinstance(value, dict) else None
    return None if value is None or isinstance(value, dict | list) else str(value)
