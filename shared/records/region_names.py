"""The names of a district's towns and villages, asked from the identity service."""

from collections.abc import Sequence
from typing import Any

from shared.auth import region_bounds
from shared.china import PlaceNames
from shared.errors import ApiError
from shared.unit_of_work import UnitOfWork

COUNTY_DIGITS = 6
REGIONS_PER_PAGE = 1000


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


async def find_place_names(work: UnitOfWork, district: str) -> PlaceNames:
    """The places of a district; none while the identity service does not answer."""
    try:
        return await load_place_names(work, district)
    except ApiError:
        return PlaceNames(district[:COUNTY_DIGITS].ljust(12, "0"))
