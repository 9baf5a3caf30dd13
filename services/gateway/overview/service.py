"""Overview of a region and year: key figures taken from the summaries and alerts of all services, with what to compare them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from services.gateway.fan_out import FanOut, gather
from services.gateway.overview.schemas import Headline, MapRead, Overview
from shared.auth import is_region_within
from shared.china import format_wan, parse_yuan
from shared.clients.composition import ALERTS_PAGE, OF_TOWNS, SUMMARY_PAGE, Figure
from shared.http import API_PREFIX
from shared.settings import Settings, load_outlines

COUNTY_DIGITS = 6
FIRST_YEAR = 2000
YUAN, PERCENT = "元", "%"


class SourcePage(NamedTuple):
    """A page of a service for a region; `year` is None where its figures are of no year."""

    service: str
    page: str
    region: str
    year: int | None


Pages = dict[SourcePage, Any]


async def get_overview(fan_out: FanOut, region: str, year: int) -> Overview:
    """Build the overview of the figures that services declare; unavailable services are in `missing`, forbidden in `withheld`.

    A figure of a year stands beside that of the year before; a rate beside the average of the district's towns, and that of a
    town or village beside its district's.
    """
    declared = await fan_out.list_compositions()
    figures = sorted(
        ((name, figure) for name, part in declared.items() for figure in part.figures),
        key=lambda one: one[1].rank,
    )
    yearly = {(name, SUMMARY_PAGE) for name, part in declared.items() if part.yearly}
    wanted = {
        (name, figure.key): _list_pages(name, figure, region, year if (name, figure.page) in yearly else None)
        for name, figure in figures
    }
    addresses = list(dict.fromkeys(page for pages in wanted.values() for page in pages if page is not None))
    place, *contents = await gather(
        (
            fan_out.get_or_none("identity", f"/regions/{region}"),
            *(
                fan_out.get_or_none(one.service, f"/{one.service}/{one.page}", _build_query(one))
                for one in addresses
            ),
        )
    )
    pages: Pages = dict(zip(addresses, contents, strict=True))
    summarized = dict.fromkeys([*(name for name, _ in figures), *fan_out.unavailable])
    headlines = (_build_headline(figure, pages, *wanted[name, figure.key]) for name, figure in figures)
    own = {(one.service, one.page): pages[one] for one, *_ in wanted.values()}
    return Overview(
        region=region,
        region_name=(place or {}).get("name", ""),
        year=year,
        made_at=fan_out.context.clock(),
        headlines=[headline for headline in headlines if headline is not None],
        alerts={name: content for (name, page), content in own.items() if page == ALERTS_PAGE and content},
        missing=list(fan_out.unavailable.values()),
        withheld=list(fan_out.forbidden.values()),
        **{name: own.get((name, SUMMARY_PAGE)) for name in summarized},
    )


def _list_pages(
    service: str, figure: Figure, region: str, year: int | None
) -> tuple[SourcePage, SourcePage | None, SourcePage | None]:
    """The page of a figure, that of the year before, and that of the district."""
    own = SourcePage(service, figure.page, region, year)
    district = region[:COUNTY_DIGITS].ljust(len(region), "0")
    return (
        own,
        None if year is None or year == FIRST_YEAR else own._replace(year=year - 1),
        own._replace(region=district) if figure.unit == PERCENT else None,
    )


def _build_query(page: SourcePage) -> dict[str, Any]:
    return {"region": page.region} | ({} if page.year is None else {"year": page.year})


def _build_headline(
    figure: Figure, pages: Pages, own: SourcePage, before: SourcePage | None, district: SourcePage | None
) -> Headline | None:
    value = _extract_value(pages[own], figure.path)
    if value is None:
        return None
    query = "&".join(f"{name}={part}" for name, part in _build_query(own).items())
    return Headline(
        key=figure.key,
        label=figure.label,
        value=value,
        unit=figure.unit,
        shown=_write(value, figure.unit),
        last_year=before and _extract_value(pages[before], figure.path),
        district=_extract_value(pages[district], figure.path) if district not in {None, own} else None,
        towns=district and _extract_value(pages[district], (*figure.path[:-1], figure.path[-1] + OF_TOWNS)),
        source=f"{API_PREFIX}/{own.service}/{own.page}?{query}",
    )


def _write(value: str, unit: str) -> str:
    """A value as pages and papers show it."""
    if unit == YUAN:
        return f"{format_wan(parse_yuan(value, signed=True), 2)} 万元"
    return f"{value}{unit}" if unit == PERCENT else f"{value} {unit}"


def _extract_value(page: Any, path: Sequence[str]) -> str | None:  # noqa: ANN401 - any JSON
    value = page
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return None if value is None or isinstance(value, dict | list) else str(value)


def read_map(settings: Settings, region: str) -> MapRead:
    """The tiles of this installation, and the outlines of a region and of what lies in it."""
    outlines = load_outlines(settings.map_outlines) if settings.map_outlines else []
    return MapRead(
        tiles=settings.tile_url,
        outlines=[one for one in outlines if is_region_within(one["properties"]["code"], region)],
        review_number=settings.map_review_number,
    )
