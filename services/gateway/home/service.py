"""What a person should see first: who they are, what waits for them, what they can start."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from services.gateway.home.kinds import INBOX, SHORTCUTS, Waiting
from services.gateway.home.schemas import Home, InboxItem, RoleHeld, ShortcutRead
from services.gateway.pieces import Pieces, together
from shared.access import Actor
from shared.work import CHINA

API = "/api/v1"
COUNT: Mapping[str, str | int] = {"limit": 1, "count": "exact", "fields": "id"}


async def home(pieces: Pieces, actor: Actor) -> Home:
    """The first screen of an actor; services that are down are named."""
    asked = [one for one in INBOX if actor.can(one.may)]
    counts = await together(_count(pieces, one) for one in asked)
    inbox = [_item(one, count) for one, count in zip(asked, counts, strict=True) if count]
    return Home(
        person=actor.id,
        name=actor.name,
        organisation=actor.organisation,
        roles=[
            RoleHeld(role=grant.role, label=grant.role.label, region=grant.region) for grant in actor.grants
        ],
        today=pieces.context.clock().astimezone(CHINA).date(),
        inbox=inbox,
        waiting=sum(item.count for item in inbox),
        shortcuts=[
            ShortcutRead(label=one.label, service=one.service, method=one.method, address=f"{API}{one.path}")
            for one in SHORTCUTS
            if actor.can(one.may)
        ],
        missing=list(pieces.missing.values()),
    )


async def _count(pieces: Pieces, waiting: Waiting) -> int:
    found = await pieces.seek(waiting.service, waiting.path, {**COUNT, **dict(parse_qsl(waiting.query))})
    return int((found or {}).get("total") or 0)


def _item(waiting: Waiting, count: int) -> InboxItem:
    return InboxItem(
        key=waiting.key,
        label=waiting.label,
        service=waiting.service,
        count=count,
        rows=f"{API}{waiting.path}?{waiting.query}",
    )
