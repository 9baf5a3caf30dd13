"""Use cases of webhooks: create, change, stop, replay. Delivery is in delivery.py."""

import base64
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from shared.auth import May, region_bounds
from shared.clients import outbound_policy
from shared.db import event_log, new_id
from shared.errors import Conflict, FieldError, Forbidden, Gone, Invalid, NotFound
from shared.events import outbox_cursors
from shared.events.epoch import get_epoch
from shared.events.event import Event
from shared.events.log import format_cursor, last_visible_cursor, publish, resolve_cursor
from shared.events.webhooks import repository
from shared.events.webhooks.repository import subscriber_name, visible_to
from shared.events.webhooks.schemas import (
    SecretRead,
    SecretRotation,
    WebhookChange,
    WebhookChanged,
    WebhookCreate,
    WebhookDeliveries,
    WebhookDetail,
    WebhookRead,
    WebhookReplay,
    WebhookSecretRead,
)
from shared.http import VersionMatch
from shared.unit_of_work import ServiceContext, UnitOfWork

SECRET_BYTES = 32


def generate_secret() -> str:
    """A random secret in the format of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def encrypt_secret(context: ServiceContext, webhook_id: UUID, secret: str) -> str:
    """The encrypted form in which the secret is stored."""
    return context.keyring.encrypt(secret, associated_data=f"webhook:{webhook_id}:secret")


def decrypt_secret(context: ServiceContext, webhook_id: UUID, ciphertext: str) -> str:
    """The secret in clear text, for signing."""
    return context.keyring.decrypt(ciphertext, associated_data=f"webhook:{webhook_id}:secret")


def list_topics(service: str) -> set[str]:
    """All topics of a service: its own and those common to all services."""
    topics: set[str] = set()
    pending = list(Event.__subclasses__())
    while pending:
        event_class = pending.pop()
        pending.extend(event_class.__subclasses__())
        module = event_class.__module__.split(".")
        belongs_to_one = module[:2] == ["shared", "clients"] or module[0] == "services"
        if hasattr(event_class, "topic") and (not belongs_to_one or service in module):
            topics.add(event_class.topic)
    return topics


async def _validate_target(work: UnitOfWork, url: str | None, types: Iterable[str] | None) -> None:
    if url is not None:
        try:
            await outbound_policy.check_url(url, work.context.settings)
        except outbound_policy.AddressNotAllowed as error:
            raise Invalid(
                str(error),
                "This address may not be called",
                errors=[FieldError("url", str(error), "", "/url")],
            ) from None
    if unknown := sorted(set(types or ()) - list_topics(work.context.name)):
        detail = f"没有这种事件: {'、'.join(unknown)[:300]}"
        raise Invalid(detail, "Unknown event types", errors=[FieldError("types", detail, "", "/types")])


def _readable_spans(work: UnitOfWork, read: May, region: str) -> list[list[str]]:
    """The parts of a region in which the actor may read, as sorted [first, last] region codes; Forbidden if none."""
    low, high = region_bounds(region)
    spans = {
        (max(low, first), min(high, last))
        for reach, first, last in work.actor.list_reaches(read)
        if reach != "s" and first <= high and low <= last
    }
    if not spans:
        raise Forbidden(f"您没有这个地区的“{read.label}”权限, 不能订阅", f"{read} does not reach {region}")
    return [list(span) for span in sorted(spans)]


async def create_webhook(work: UnitOfWork, manage: May, read: May, body: WebhookCreate) -> sa.Row[Any]:
    """Create a webhook and its cursor; Invalid for a forbidden URL or unknown event types.

    A repeat with the same id and content returns the first row; with other content it raises Conflict.
    """
    work.actor.require(manage, body.region)
    spans = _readable_spans(work, read, body.region)
    await _validate_target(work, body.url, body.types)
    values = body.model_dump(include={"region", "name", "url", "types"})
    if body.id is not None and (earlier := await repository.system_find_webhook(work.session, body.id)):
        is_own = earlier.created_by == work.actor.id
        if is_own and all(getattr(earlier, name) == value for name, value in values.items()):
            return earlier
        raise Conflict("这个编号已有内容不同的记录", "This id is taken by another content")
    identifier = body.id or new_id()
    row = await repository.insert_webhook(
        work,
        id=identifier,
        spans=spans,
        secret=encrypt_secret(work.context, identifier, generate_secret()),
        created_by=work.actor.id,
        created_at=work.at,
        updated_at=work.at,
        **values,
    )
    await outbox_cursors.subscribe(work.session, [subscriber_name(identifier)], work.at)
    if body.start == "now":
        await outbox_cursors.rewind(
            work.session, subscriber_name(identifier), await last_visible_cursor(work.session), work.at
        )
    await _publish_change(work, row, "created")
    return row


async def _publish_change(work: UnitOfWork, row: sa.Row[Any], what: str, reason: str = "") -> None:
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


async def get_webhook_detail(work: UnitOfWork, manage: May, webhook_id: UUID) -> WebhookDetail:
    """A webhook with its cursor and delivery status."""
    row = await repository.get_webhook(work, manage, webhook_id)
    cursor, parked = await outbox_cursors.get_status(work.session, subscriber_name(row.id))
    if cursor is None:
        raise NotFound("没有这个推送订阅的进度", "No cursor")
    return WebhookDetail(
        **WebhookRead.model_validate(row).model_dump(),
        cursor=format_cursor((await get_epoch(work.session)).name, (cursor.tx, cursor.seq)),
        waiting=await outbox_cursors.count_pending(work.session, (cursor.tx, cursor.seq), *_is_wanted(row)),
        parked=parked,
        failures=cursor.failures,
        due_at=cursor.due_at,
        last_error=cursor.last_error,
    )


def _is_wanted(row: sa.Row[Any]) -> list[sa.ColumnElement[bool]]:
    """SQL conditions: the event is one that this webhook is sent."""
    return [visible_to(row.spans), *([event_log.c.type.in_(row.types)] if row.types else [])]


async def list_deliveries(work: UnitOfWork, manage: May, webhook_id: UUID, limit: int) -> WebhookDeliveries:
    """What became of the newest events since the subscription was made; an event is sent again by `retry_dead_letters`."""
    row = await repository.get_webhook(work, manage, webhook_id)
    items = await outbox_cursors.list_deliveries(
        work.session, subscriber_name(row.id), row.created_at, limit, *_is_wanted(row)
    )
    return WebhookDeliveries(items=items)


async def update_webhook(
    work: UnitOfWork, manage: May, read: May, webhook_id: UUID, body: WebhookChange, match: VersionMatch
) -> sa.Row[Any]:
    """Change name, URL or types; its regions become those in which the current actor may read."""
    await _validate_target(work, body.url, body.types)
    row = await repository.get_webhook(work, manage, webhook_id, lock=True)
    work.actor.require(manage, row.region)
    match.require_version(row)
    values = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    row = await repository.update_webhook(work, row, spans=_readable_spans(work, read, row.region), **values)
    await _publish_change(work, row, "changed")
    return row


async def start_webhook(work: UnitOfWork, manage: May, webhook_id: UUID) -> sa.Row[Any]:
    """Start a stopped webhook at its stored cursor; of an active one only the wait before the next try is ended."""
    row = await repository.get_webhook(work, manage, webhook_id, lock=True)
    if row.active:
        await outbox_cursors.retry_now(work.session, subscriber_name(row.id), work.at)
        return row
    row = await repository.update_webhook(work, row, active=True, stopped_reason="", failing_since=None)
    await outbox_cursors.retry_now(work.session, subscriber_name(row.id), work.at)
    await _publish_change(work, row, "started")
    return row


async def stop_webhook(work: UnitOfWork, manage: May, webhook_id: UUID, reason: str) -> sa.Row[Any]:
    """Stop deliveries; the cursor is kept."""
    row = await repository.get_webhook(work, manage, webhook_id, lock=True)
    if not row.active:
        return row
    row = await repository.update_webhook(work, row, active=False, stopped_reason=reason)
    await _publish_change(work, row, "stopped", reason)
    return row


async def reveal_secret(work: UnitOfWork, manage: May, webhook_id: UUID) -> SecretRead:
    """The current secret in clear text, once; publishes WebhookSecretRead. Gone when it was read before: rotate it."""
    row = await repository.get_webhook(work, manage, webhook_id, lock=True)
    if row.secret_read_at is not None:
        raise Gone("密钥已读取过, 不再显示; 请更换密钥后读取新的", "The secret was read before; rotate it")
    await repository.system_update_status(work.session, row.id, secret_read_at=work.at)
    await publish(
        work.session,
        WebhookSecretRead(webhook_id=row.id),
        actor=work.actor,
        subject=str(row.id),
        version=row.version,
        region=row.region,
        at=work.at,
    )
    secret = decrypt_secret(work.context, row.id, row.secret)
    return SecretRead(id=row.id, secret=secret, old_until=row.old_until)


async def rotate_secret(work: UnitOfWork, manage: May, webhook_id: UUID, body: SecretRotation) -> sa.Row[Any]:
    """Replace the secret; the previous one signs too until the overlap ends."""
    row = await repository.get_webhook(work, manage, webhook_id, lock=True)
    row = await repository.update_webhook(
        work,
        row,
        secret=encrypt_secret(work.context, row.id, generate_secret()),
        secret_read_at=None,
        old_secret=row.secret if body.overlap_hours else "",
        old_until=work.at + timedelta(hours=body.overlap_hours) if body.overlap_hours else None,
    )
    await _publish_change(work, row, "rotated")
    return row


async def replay_events(work: UnitOfWork, manage: May, webhook_id: UUID, body: WebhookReplay) -> sa.Row[Any]:
    """Rewind the cursor, so that all later events, including dead letters, are delivered again."""
    position = await resolve_cursor(work.session, body.after, await get_epoch(work.session))
    row = await repository.get_webhook(work, manage, webhook_id, lock=True)
    name = subscriber_name(row.id)
    await outbox_cursors.purge_dead_letters(work.session, name, position)
    await outbox_cursors.rewind(work.session, name, position, work.at)
    row = await repository.update_webhook(work, row)
    await _publish_change(work, row, "replayed", body.after)
    return row


async def retry_dead_letters(work: UnitOfWork, manage: May, webhook_id: UUID, subject: str) -> int:
    """Retry dead letters now and return their number; NotFound when there are none."""
    row = await repository.get_webhook(work, manage, webhook_id)
    count = await outbox_cursors.request_retry(work.session, subscriber_name(row.id), subject)
    if not count:
        raise NotFound("没有搁置的事件", "No event is parked there")
    await outbox_cursors.retry_now(work.session, subscriber_name(row.id), work.at)
    return count


async def delete_webhook(work: UnitOfWork, manage: May, webhook_id: UUID, match: VersionMatch) -> None:
    """Delete a webhook with its cursor and dead letters."""
    row = await repository.get_webhook(work, manage, webhook_id, lock=True)
    match.check_version(row)
    await outbox_cursors.unsubscribe(work.session, subscriber_name(row.id))
    await repository.delete_webhook(work, row)
    await _publish_change(work, row, "deleted")


async def create_reminder(work: UnitOfWork, read: May, values: dict[str, Any], topic: str) -> sa.Row[Any]:
    """Subscribe a robot or another system to the reminders of a region; Invalid for a forbidden address.

    `values` are region, name, form, url and secret, which a robot gave; another system's is made here.
    """
    work.actor.require(May.REMINDER_MANAGE, values["region"])
    spans = _readable_spans(work, read, values["region"])
    await _validate_target(work, values["url"], [topic])
    identifier = new_id()
    secret = values.pop("secret") or generate_secret()
    row = await repository.insert_webhook(
        work,
        id=identifier,
        spans=spans,
        types=[topic],
        secret=encrypt_secret(work.context, identifier, secret),
        created_by=work.actor.id,
        created_at=work.at,
        updated_at=work.at,
        **values,
    )
    await outbox_cursors.subscribe(work.session, [subscriber_name(identifier)], work.at)
    position = await last_visible_cursor(work.session)
    await outbox_cursors.rewind(work.session, subscriber_name(identifier), position, work.at)
    await _publish_change(work, row, "created")
    return row


async def delete_reminder(work: UnitOfWork, reminder_id: UUID, match: VersionMatch) -> None:
    """Remove where reminders go, with its cursor and dead letters."""
    row = await repository.lock_reminder(work, reminder_id)
    match.check_version(row)
    await outbox_cursors.unsubscribe(work.session, subscriber_name(row.id))
    await repository.delete_webhook(work, row)
    await _publish_change(work, row, "deleted")
