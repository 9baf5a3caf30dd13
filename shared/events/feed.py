"""`GET /{service}/events?after=`: events in the caller's regions since a cursor, without gaps.

A cursor skips no row, even when writers commit in another order than they began (shared/events/log.py). One answer scans
`SCAN_WINDOW_ROWS` rows at most, so its cost does not grow with the log; it may have no items and `more`. A cursor of
another epoch or ahead of the log is refused with 410 (shared/events/epoch.py).
"""

import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.responses import Response

from shared.auth import Actor, May
from shared.db import event_log
from shared.errors import Gone, Invalid
from shared.events.cloudevents import CLOUDEVENT_BATCH_MEDIA_TYPE, to_cloudevent
from shared.events.epoch import get_epoch
from shared.events.event import Envelope
from shared.events.log import (
    format_cursor,
    last_visible_cursor,
    list_after_cursor,
    resolve_cursor,
    to_envelope,
    up_to_cursor,
)
from shared.http import ReadWork, Route, requires
from shared.unit_of_work import UnitOfWork

SCAN_WINDOW_ROWS = 5000
MAX_FEED_ITEMS = 500
MAX_CURSOR_LENGTH = 64


class EventFeed(BaseModel):
    """一段变化记录: events in their final order, and the cursor of the next request."""

    items: list[Envelope]
    next: str = Field(description="give this back as `after`")
    more: bool = Field(description="whether more can be read at once")
    scope: str = Field(
        description="changes when the caller's regions or roles change: read again from the start"
    )


def scope_fingerprint(actor: Actor, may: May) -> str:
    """16 hexadecimal digits that change with the regions and roles in which the actor has a permission."""
    reaches = sorted((str(reach), low, high) for reach, low, high in actor.list_reaches(may))
    return hashlib.sha256(json.dumps([actor.id, reaches]).encode()).hexdigest()[:16]


async def read_feed(
    session: AsyncSession,
    actor: Actor,
    may: May,
    service: str,
    after: str,
    *,
    types: tuple[str, ...] = (),
    subject: str = "",
    limit: int = MAX_FEED_ITEMS,
) -> EventFeed:
    """The part of the log after a client's cursor that the actor may see; Invalid or Gone for a wrong cursor."""
    log, epoch = event_log.c, await get_epoch(session)
    cursor = await resolve_cursor(session, after, epoch)
    window = await last_visible_cursor(session, cursor, window=SCAN_WINDOW_ROWS)
    conditions = [up_to_cursor(window), actor.scope_filter(may, log.region, log.actor)]
    if types:
        conditions.append(log.type.in_(types))
    if subject:
        conditions.append(log.subject == subject)
    rows = await list_after_cursor(session, cursor, limit=limit + 1, where=conditions)
    full = len(rows) > limit
    end = (rows[limit - 1].tx, rows[limit - 1].seq) if full else window
    return EventFeed(
        items=[to_envelope(service, row, epoch.name) for row in rows[:limit]],
        next=format_cursor(epoch.name, end),
        more=full or await last_visible_cursor(session, end, window=1) != end,
        scope=scope_fingerprint(actor, may),
    )


def event_feed_router(service: str, may: May) -> APIRouter:
    """The feed of one service for callers with its read permission."""
    router = APIRouter(prefix=f"/{service}", tags=["事件"], route_class=Route)

    # The epoch, the end of what is visible and the rows; once more when the first rows are none of the caller's.
    @router.get("/events", response_model=EventFeed, **requires(may, refuses=(Invalid, Gone), statements=6))
    async def read_events(
        request: Request,
        work: ReadWork,
        after: Annotated[
            str,
            Query(
                max_length=MAX_CURSOR_LENGTH, description="`next` of the answer before; empty: from the start"
            ),
        ] = "",
        types: Annotated[str, Query(max_length=500, description="topics, separated by commas")] = "",
        subject: Annotated[str, Query(max_length=64, description="only about this record")] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_FEED_ITEMS)] = 100,
    ) -> Any:  # noqa: ANN401 - EventFeed, or a CloudEvents batch when asked for
        """变化记录. `Accept: application/cloudevents-batch+json` answers CloudEvents, with `next` in a Link header."""
        topics = tuple(name for name in types.split(",") if name)
        feed = await read_feed(
            work.session,
            work.actor,
            may,
            service,
            after,
            types=topics,
            subject=subject,
            limit=limit,
        )
        if CLOUDEVENT_BATCH_MEDIA_TYPE in request.headers.get("accept", ""):
            return _cloudevents_response(request, work, feed)
        return feed

    return router


def _cloudevents_response(request: Request, work: UnitOfWork, feed: EventFeed) -> Response:
    public_url = work.context.settings.public_url
    events = [to_cloudevent(item, public_url) for item in feed.items]
    address = request.url.include_query_params(after=feed.next)
    headers = {
        "Link": f'<{address.path}?{address.query}>; rel="next"',
        "X-More": str(feed.more).lower(),
        "X-Scope": feed.scope,
        "Vary": "Accept",
    }
    return Response(
        json.dumps(events, ensure_ascii=False), media_type=CLOUDEVENT_BATCH_MEDIA_TYPE, headers=headers
    )
