"""The names of a district's towns and villages, asked from the identity service."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.auth import region_bounds
from shared.china import PlaceNames
from shared.errors import ApiError
from shared.unit_of_work import UnitOfWork

COUNTY_DIGITS = 6
REGIONS_PER_PAGE = 1000
MAX_AGE = timedelta(minutes=1)
"""Of the names kept in memory: a change of regions shows on reports after that time at the latest."""
RETRY_AFTER = timedelta(seconds=10)
"""Time without asking again after the identity service did not answer."""
MAX_KEPT_AREAS = 200
CONTEXT_KEY = "place_names"


async def load_place_names(work: UnitOfWork, district: str) -> PlaceNames:
    """All places of a district, asked before the first write statement; the identity service's error on failure."""
    low, high = region_bounds(district[:COUNTY_DIGITS].ljust(12, "0"))
    names: dict[str, str] = {}
    former: dict[str, list[str]] = {}
    merged: dict[str, str] = {}
    after = str(int(low) - 1).zfill(12)
    while True:
        answer: dict[str, Any] = await work.service_client("identity").get(
            "/api/v1/regions", params={"cursor": after, "limit": REGIONS_PER_PAGE}
        )
        items: Sequence[dict[str, str]] = answer["items"]
        for region in (one for one in items if low <= one["code"] <= high):
            names[region["code"]] = region["name"]
            if region.get("merged_into"):
                merged[region["code"]] = region["merged_into"]
            if region.get("former_names"):
                former[region["code"]] = region["former_names"].split("、")
        if not items or items[-1]["code"] > high or answer["next_cursor"] is None:
            return PlaceNames(low, names, former, merged)
        after = items[-1]["code"]


async def find_place_names(work: UnitOfWork, region: str, *, fresh: bool = False) -> PlaceNames:
    """The places of the district of a region, or directly below a city or province.

    Kept in memory for `MAX_AGE`; `fresh` asks anew, for imports, which store what a name means. While the identity
    service does not answer, the names known last, or none.
    """
    kept: dict[str, tuple[datetime, PlaceNames]] = work.context.memory.setdefault(CONTEXT_KEY, {})
    area = region[:COUNTY_DIGITS].ljust(12, "0")
    found = kept.get(area)
    if found is not None and not fresh and timedelta() <= work.at - found[0] < MAX_AGE:
        return found[1]
    last = PlaceNames(area) if found is None else found[1]
    try:
        if found is not None:
            kept[area] = (work.at, last)  # one request asks, the others go on with the names known
        names = await (_load_children(work, area) if area[4:6] == "00" else load_place_names(work, area))
    except ApiError:
        kept[area] = (work.at - MAX_AGE + RETRY_AFTER, last)
        return last
    if len(kept) >= MAX_KEPT_AREAS:
        kept.clear()
    kept[area] = (work.at, names)
    return names


async def _load_children(work: UnitOfWork, area: str) -> PlaceNames:
    params = {"parent": area, "limit": REGIONS_PER_PAGE}
    answer = await work.service_client("identity").get("/api/v1/regions", params=params)
    return PlaceNames(area, {one["code"]: one["name"] for one in answer["items"]})
