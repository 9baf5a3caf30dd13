"""`GET /{service}/events?after=`: what changed in the caller's regions since a cursor, without gaps.

The same cursor never skips a row, even when writers commit in another order than they began (shared/log.py). One answer
looks at `WINDOW` rows at most, so it costs the same in a long log as in a short one; it may be empty and have `more`.
"""

import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.responses import Response

from shared.access import Actor
from shared.cloudevents import BATCH_MEDIA_TYPE, cloudevent
from shared.errors import Invalid
from shared.events import Envelope
from shared.http import Reading, Route, allows
from shared.log import Cursor, after, envelope, head, read_cursor, upto, write_cursor
from shared.permissions import May
from shared.tables import event_log
from shared.work import Work

WINDOW = 5000
LARGEST = 500


class Feed(BaseModel):
    """一段变化记录: events in their final order, and the cursor to continue from."""

    items: list[Envelope]
    next: str = Field(description="give this back as `after`")
    more: bool = Field(description="whether more can be read at once")
    scope: str = Field(
        description="changes when the caller's regions or roles change: read again from the start"
    )


def scope_of(actor: Actor, may: May) -> str:
    """A short name of everything the actor may see under a permission."""
    reaches = sorted((str(reach), low, high) for reach, low, high in actor.reaches(may))
    return hashlib.sha256(json.dumps([actor.id, reaches]).encode()).hexdigest()[:16]


async def read(
    session: AsyncSession,
    actor: Actor,
    may: May,
    service: str,
    cursor: Cursor,
    *,
    types: tuple[str, ...] = (),
    subject: str = "",
    limit: int = LARGEST,
) -> Feed:
    """One stretch of the log as the actor may see it."""
    log = event_log.c
    window = await head(session, cursor, window=WINDOW)
    conditions = [upto(window), actor.where(may, log.region, log.actor)]
    if types:
        conditions.append(log.type.in_(types))
    if subject:
        conditions.append(log.subject == subject)
    rows = await after(session, cursor, limit=limit + 1, where=conditions)
    full = len(rows) > limit
    end = (rows[limit - 1].tx, rows[limit - 1].seq) if full else window
    return Feed(
        items=[envelope(service, row) for row in rows[:limit]],
        next=write_cursor(end),
        more=full or await head(session, end, window=1) != end,
        scope=scope_of(actor, may),
    )


def routes(service: str, may: May) -> APIRouter:
    """The feed of one service, for callers with its reading permission."""
    router = APIRouter(prefix=f"/{service}", tags=["事件"], route_class=Route)

    @router.get("/events", response_model=Feed, **allows(may, refuses=(Invalid,)))
    async def read_events(
        request: Request,
        work: Reading,
        after: Annotated[
            str, Query(max_length=40, description="`next` of the answer before; empty: from the start")
        ] = "",
        types: Annotated[str, Query(max_length=500, description="topics, separated by commas")] = "",
        subject: Annotated[str, Query(max_length=64, description="only about this record")] = "",
        limit: Annotated[int, Query(ge=1, le=LARGEST)] = 100,
    ) -> Any:  # noqa: ANN401 - Feed, or a CloudEvents batch when asked for
        """变化记录. `Accept: application/cloudevents-batch+json` answers CloudEvents, with `next` in a Link header."""
        topics = tuple(name for name in types.split(",") if name)
        feed = await read(
            work.session,
            work.actor,
            may,
            service,
            read_cursor(after),
            types=topics,
            subject=subject,
            limit=limit,
        )
        if BATCH_MEDIA_TYPE in request.headers.get("accept", ""):
            return _batch(request, work, feed)
        return feed

    return router


def _batch(request: Request, work: Work, feed: Feed) -> Response:
    public_url = work.context.settings.public_url
    events = [cloudevent(item, public_url) for item in feed.items]
    address = request.url.include_query_params(after=feed.next)
    headers = {
        "Link": f'<{address.path}?{address.query}>; rel="next"',
        "X-More": str(feed.more).lower(),
        "X-Scope": feed.scope,
        "Vary": "Accept",
    }
    return Response(json.dumps(events, ensure_ascii=False), media_type=BATCH_MEDIA_TYPE, headers=headers)
