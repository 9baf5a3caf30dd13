"""Four summaries side by side, the figures that matter on top."""

from typing import Any

from services.gateway.overview.kinds import FIGURES, Figure
from services.gateway.overview.schemas import Headline, Overview
from services.gateway.pieces import Pieces, together

SUMMARIES = ("projects", "funds", "assets", "attendance")


async def overview(pieces: Pieces, region: str, year: int) -> Overview:
    """A region's year; summaries whose service is down or that the role may not see are named."""
    query = {"region": region, "year": year}
    found = await together(pieces.seek(name, f"/{name}/summary", query) for name in SUMMARIES)
    summaries = dict(zip(SUMMARIES, found, strict=True))
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
                source=f"/api/v1/{one.service}/summary?region={region}&year={year}",
            )
            for one in FIGURES
            if (value := _value(summaries[one.service], one)) is not None
        ],
        missing=list(pieces.missing.values()),
        withheld=list(pieces.withheld.values()),
        **summaries,
    )


def _value(summary: Any, figure: Figure) -> str | None:  # noqa: ANN401 - any JSON
    for step in figure.path:
        summary = summary.get(step) if isinstance(summary, dict) else None
    return None if summary is None or isinstance(summary, dict | list) else str(summary)
