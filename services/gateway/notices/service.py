"""Public notices of all services that have some, merged into one paged list.

All services sort by first day and id, newest first, and their cursors encode "before this day and id". One cursor
therefore serves all services, and a notice published between two pages shifts no page.
"""

import base64
from collections.abc import Mapping
from typing import Any

from services.gateway.fan_out import FanOut, gather
from services.gateway.notices.schemas import PublicNoticeList
from shared.errors import NotFound, Unavailable
from shared.notices.schemas import PublicNotice


async def list_boards(fan_out: FanOut) -> list[str]:
    """The services with public notices."""
    return [name for name, part in (await fan_out.list_compositions()).items() if part.notices]


async def check_board(fan_out: FanOut, board: str) -> None:
    """Raise NotFound for a word that is no board, Unavailable for one that cannot be told now."""
    if board in await list_boards(fan_out):
        return
    if (missing := fan_out.unavailable.get(board)) is not None:
        raise Unavailable(missing.reason, f"{board} is away")
    raise NotFound("没有这个公示栏", "No such board")


async def list_public_notices(fan_out: FanOut, filters: Mapping[str, Any], limit: int) -> PublicNoticeList:
    """List one page; unavailable services are listed in `missing` and their notices are left out."""
    params = {**filters, "limit": limit}
    answers = await gather(
        fan_out.get_or_none(name, f"/{name}/public-notices", params) for name in await list_boards(fan_out)
    )
    pages = [page for page in answers if page is not None]
    rows = sorted((row for page in pages for row in page["items"]), key=_get_sort_key, reverse=True)
    more = len(rows) > limit or any(page["next_cursor"] for page in pages)
    return PublicNoticeList(
        items=[PublicNotice.model_validate(row) for row in rows[:limit]],
        next_cursor=_encode_cursor(rows[limit - 1]) if more and rows else None,
        missing=list(fan_out.unavailable.values()),
    )


def _get_sort_key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["starts_on"], row["id"]


def _encode_cursor(row: Mapping[str, Any]) -> str:
    """Encode the position after a row in the format of the services' cursors."""
    return base64.urlsafe_b64encode(f"{row['starts_on']}|{row['id']}".encode()).decode().rstrip("=")
