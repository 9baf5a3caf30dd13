"""Summaries and alerts side by side, the figures that matter on top."""

from typing import Any

from services.gateway.overview.kinds import ALERTS, FIGURES, SUMMARY, WATCHED, Figure
from services.gateway.overview.schemas import Headline, Overview
from services.gateway.pieces import Pieces, together

SUMMARIES = ("projects", "funds", "assets", "attendance")


async def overview(pieces: Pieces, region: str, year: int) -> Overview:
    """A region's year; summaries whose service is down or that the role may not see are named."""
    of_year, query = f"&year={year}", {"region": region, "year": year}
    asked = [(name, SUMMARY) for name in SUMMARIES] + [(name, ALERTS) for name in WATCHED]
    found = await together(pieces.seek(name, f"/{name}/{page}", query) for name, page in asked)
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
                source=f"/api/v1/{one.service}/{one.page}?region={region}{of_year if one.page == SUMMARY else ''}",
            )
            for one in FIGURES
            if (value := _value(pages[one.service, one.page], one)) is not None
        ],
        alerts={name: pages[name, ALERTS] for name in WATCHED if pages[name, ALERTS]},
        missing=list(pieces.missing.values()),
        withheld=list(pieces.withheld.values()),
        **{name: pages[name, SUMMARY] for name in SUMMARIES},
    )


def _value(summary: Any, figure: Figure) -> str | None:  # noqa: ANN401 - any JSON
    for step in figure.path:
        summary = summary.get(step) if isinstance(summary, dict) else None
    return None if summary is None or isinstance(summary, dict | list) else str(summary)
