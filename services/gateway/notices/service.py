"""Boards of three services merged in their common order, a page at a time.

All services order by first day, then id, and their cursors say "before this day and id"; so one cursor serves them all,
and what a service posts between two pages moves nothing.
"""

import base64
from collections.abc import Mapping
from typing import Any

from services.gateway.fan_out import FanOut, gather
from services.gateway.notices.schemas import PublicNoticeList
from shared.notices.schemas import PublicNotice

NOTICE_SERVICES = ("projects", "funds", "assets")


async def list_public_notices(pieces: FanOut, wanted: Mapping[str, Any], limit: int) -> PublicNoticeList:
    """One page; services that are down are named, and their notices come with a later read."""
    asked = {**wanted, "limit": limit}
    pages = await gather(
        pieces.get_or_none(name, f"/{name}/public-notices", asked) for name in NOTICE_SERVICES
    )
    found = [page for page in pages if page is not None]
    rows = sorted((row for page in found for row in page["items"]), key=_get_sort_key, reverse=True)
    more = len(rows) > limit or any(page["next_cursor"] for page in found)
    return PublicNoticeList(
        items=[PublicNotice.model_validate(row) for row in rows[:limit]],
        next_cursor=_encode_cursor(rows[limit - 1]) if more and rows else None,
        missing=list(pieces.unavailable.values()),
    )


def _get_sort_key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["starts_on"], row["id"]


def _encode_cursor(row: Mapping[str, Any]) -> str:
    """The same cursor services give: after this row."""
    return base64.urlsafe_b64encode(f"{row['starts_on']}|{row['id']}".encode()).decode().rstrip("=")
