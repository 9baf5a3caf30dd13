"""Who may be told what, and where: webhooks are made, changed, stopped and replayed; nothing is sent here."""

import base64
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from shared import cursors, outside
from shared.access import span
from shared.errors import Conflict, Fault, Forbidden, Invalid, NotFound
from shared.events import Event
from shared.http import Match
from shared.ids import new_id
from shared.log import head, publish, read_cursor, write_cursor
from shared.permissions import May
from shared.tables import event_log
from shared.webhooks import repository
from shared.webhooks.repository import audible, subscriber
from shared.webhooks.schemas import (
    Replay,
    Rotation,
    SecretRead,
    WebhookChange,
    WebhookChanged,
    WebhookCreate,
    WebhookDetail,
    WebhookRead,
    WebhookSecretRead,
)
from shared.work import Context, Work

SECRET_BYTES = 32


def new_secret() -> str:
    """A secret as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sealed(context: Context, webhook_id: UUID, secret: str) -> str:
    """The secret as it is kept."""
    return context.keyring.seal(secret, about=f"webhook:{webhook_id}:secret")


def opened(context: Context, webhook_id: UUID, kept: str) -> str:
    """The secret as it signs."""
    return context.keyring.open(kept, about=f"webhook:{webhook_id}:secret")


def topics(service: str) -> set[str]:
    """Every topic a service may speak of: its own and those all services share."""
    found: set[str] = set()
    waiting = list(Event.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        home = kind.__module__.split(".")
        foreign = home[:2] == ["shared", "contracts"] or home[0] == "services"
        if hasattr(kind, "topic") and (not foreign or service in home):
            found.add(kind.topic)
    return found


async def _check(work: Work, url: str | None, types: Iterable[str] | None) -> None:
    if url is not None:
        try:
            await outside.check(url, work.context.settings)
        except outside.NotAllowed as error:
            raise Invalid(
                str(error), "This address may not be called", faults=[Fault("url", str(error), "", "/url")]
            ) from None
    if unknown := sorted(set(types or ()) - topics(work.context.name)):
        detail = f"没有这种事件: {'、'.join(unknown)[:300]}"
        raise Invalid(detail, "Unknown event types", faults=[Fault("types", detail, "", "/types")])


def _spans(work: Work, read: May, region: str) -> list[list[str]]:
    """The part of a region that its maker may read about, as spans of codes."""
    low, high = span(region)
    found = {
        (max(low, first), min(high, last))
        for reach, first, last in work.actor.reaches(read)
        if reach != "s" and first <= high and low <= last
    }
    if not found:
        raise Forbidden(f"您没有这个地区的“{read.label}”权限, 不能订阅", f"{read} does not reach {region}")
    return [list(one) for one in sorted(found)]


async def create(work: Work, manage: May, read: May, body: WebhookCreate) -> sa.Row[Any]:
    """A new webhook at its place in the log. Invalid for an address that may not be called or an unknown type."""
    work.actor.require(manage, body.region)
    spans = _spans(work, read, body.region)
    await _check(work, body.url, body.types)
    values = body.model_dump(include={"region", "name", "url", "types"})
    if body.id is not None and (earlier := await repository.system_known(work.session, body.id)):
        mine = earlier.created_by == work.actor.id
        if mine and all(getattr(earlier, name) == value for name, value in values.items()):
            return earlier
        raise Conflict("这个编号已有内容不同的记录", "This id is taken by another content")
    identifier = body.id or new_id()
    row = await repository.add(
        work,
        id=identifier,
        spans=spans,
        secret=sealed(work.context, identifier, new_secret()),
        created_by=work.actor.id,
        created_at=work.at,
        updated_at=work.at,
        **values,
    )
    await cursors.subscribe(work.session, [subscriber(identifier)], work.at)
    if body.start == "now":
        await cursors.rewind(work.session, subscriber(identifier), await head(work.session), work.at)
    await _tell(work, row, "created")
    return row


async def _tell(work: Work, row: sa.Row[Any], what: str, reason: str = "") -> None:
    event = WebhookChanged(webhook_id=row.id, what=what)
    await publish(
        work.session,
        event,
        actor=work.actor,
        subject=str(row.id),
        version=row.version,
        region=row.region,
        at=work.at,
        reason=reason,
    )


async def detail(work: Work, manage: May, webhook_id: UUID) -> WebhookDetail:
    """A webhook with how far it got."""
    row = await repository.get(work, manage, webhook_id)
    stand, parked = await cursors.standing(work.session, subscriber(row.id))
    if stand is None:
        raise NotFound("没有这个推送订阅的进度", "No cursor")
    conditions = [audible(row.spans)]
    if row.types:
        conditions.append(event_log.c.type.in_(row.types))
    return WebhookDetail(
        **WebhookRead.model_validate(row).model_dump(),
        cursor=write_cursor((stand.tx, stand.seq)),
        waiting=await cursors.ahead(work.session, (stand.tx, stand.seq), *conditions),
        parked=parked,
        failures=stand.failures,
        due_at=stand.due_at,
        last_error=stand.last_error,
    )


async def change(
    work: Work, manage: May, read: May, webhook_id: UUID, body: WebhookChange, match: Match
) -> sa.Row[Any]:
    """Change name, address or types; what it may hear of becomes what the changer may read."""
    await _check(work, body.url, body.types)
    row = await repository.get(work, manage, webhook_id, lock=True)
    work.actor.require(manage, row.region)
    match.require(row)
    values = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    row = await repository.change(work, row, spans=_spans(work, read, row.region), **values)
    await _tell(work, row, "changed")
    return row


async def start(work: Work, manage: May, webhook_id: UUID) -> sa.Row[Any]:
    """Serve a stopped webhook again, from where it stood."""
    row = await repository.get(work, manage, webhook_id, lock=True)
    if row.active:
        return row
    row = await repository.change(work, row, active=True, stopped_reason="", failing_since=None)
    await cursors.hurry(work.session, subscriber(row.id), work.at)
    await _tell(work, row, "started")
    return row


async def stop(work: Work, manage: May, webhook_id: UUID, reason: str) -> sa.Row[Any]:
    """Serve it no longer; its place in the log is kept."""
    row = await repository.get(work, manage, webhook_id, lock=True)
    if not row.active:
        return row
    row = await repository.change(work, row, active=False, stopped_reason=reason)
    await _tell(work, row, "stopped", reason)
    return row


async def secret(work: Work, manage: May, webhook_id: UUID) -> SecretRead:
    """The newest secret in clear; reading it is an event."""
    row = await repository.get(work, manage, webhook_id)
    await publish(
        work.session,
        WebhookSecretRead(webhook_id=row.id),
        actor=work.actor,
        subject=str(row.id),
        version=row.version,
        region=row.region,
        at=work.at,
    )
    clear = opened(work.context, row.id, row.secret)
    return SecretRead(id=row.id, secret=clear, old_until=row.old_until)


async def rotate(work: Work, manage: May, webhook_id: UUID, body: Rotation) -> sa.Row[Any]:
    """A new secret signs from now on, the one before it too until the overlap is over."""
    row = await repository.get(work, manage, webhook_id, lock=True)
    row = await repository.change(
        work,
        row,
        secret=sealed(work.context, row.id, new_secret()),
        old_secret=row.secret if body.overlap_hours else "",
        old_until=work.at + timedelta(hours=body.overlap_hours) if body.overlap_hours else None,
    )
    await _tell(work, row, "rotated")
    return row


async def replay(work: Work, manage: May, webhook_id: UUID, body: Replay) -> sa.Row[Any]:
    """Deliver everything after a position again, what was parked since included."""
    position = read_cursor(body.after)
    row = await repository.get(work, manage, webhook_id, lock=True)
    name = subscriber(row.id)
    await cursors.forget_dead(work.session, name, position)
    await cursors.rewind(work.session, name, position, work.at)
    row = await repository.change(work, row)
    await _tell(work, row, "replayed", body.after)
    return row


async def retry(work: Work, manage: May, webhook_id: UUID, subject: str) -> int:
    """Try parked events again now; how many. NotFound when nothing is parked."""
    row = await repository.get(work, manage, webhook_id)
    asked = await cursors.retry_dead(work.session, subscriber(row.id), subject)
    if not asked:
        raise NotFound("没有搁置的事件", "No event is parked there")
    await cursors.hurry(work.session, subscriber(row.id), work.at)
    return asked


async def delete(work: Work, manage: May, webhook_id: UUID, match: Match) -> None:
    """Forget a webhook, its place and what was parked for it."""
    row = await repository.get(work, manage, webhook_id, lock=True)
    match.check(row)
    await cursors.unsubscribe(work.session, subscriber(row.id))
    await repository.remove(work, row)
    await _tell(work, row, "deleted")
