"""Webhook delivery: posts each webhook's events as signed CloudEvents, one request per event.

When the receiver is unavailable (no answer, 404, 429, 502 …), delivery is retried with backoff up to `MAX_BACKOFF`;
after `MAX_FAILING_TIME` without success the webhook is stopped and its cursor kept. An event that the receiver rejects
(400, 422, 500 …) becomes a dead letter after a few attempts, so that later events of other records pass it. Dead
letters are retried every `PARKED_RETRY_INTERVAL` for `PARKED_RETRY_PERIOD`, then only on request.
"""

import asyncio
import json
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from standardwebhooks import Webhook

from shared.clients import OutboundHttp, Unreachable
from shared.errors import ApiError
from shared.events import outbox_cursors
from shared.events.cloudevents import CLOUDEVENT_MEDIA_TYPE, to_cloudevent
from shared.events.event import Envelope
from shared.events.log import publish
from shared.events.outbox_relay import POLL_INTERVAL_S, DeliveryOutcome, Relay
from shared.events.webhooks import repository, robots
from shared.events.webhooks.repository import subscriber_name, visible_to
from shared.events.webhooks.schemas import WebhookChanged
from shared.events.webhooks.service import decrypt_secret
from shared.unit_of_work import ServiceContext

MIN_BACKOFF = timedelta(seconds=5)
MAX_BACKOFF = timedelta(hours=1)
MAX_FAILING_TIME = timedelta(days=5)
PARKED_RETRY_INTERVAL = timedelta(hours=6)
PARKED_RETRY_PERIOD = timedelta(days=3)
BATCH_BUDGET_S = 12.0
"""Seconds after which no further event of a batch is sent, so that the last one ends within the relay's lease."""
STATUS_GONE = 410
RECEIVER_AWAY_STATUSES = frozenset({401, 403, 404, 405, 407, 408, 421, 425, 429, 502, 503, 504})
"""Response statuses that mean the receiver is unavailable, not that the event is rejected."""
log = structlog.get_logger("webhooks")


def backoff_delay(failures: int) -> timedelta:
    """Delay before the next attempt after consecutive failures: 5 s, 10 s, 20 s … 1 h."""
    return min(MIN_BACKOFF * (1 << min(failures - 1, 20)), MAX_BACKOFF)


class WebhookDispatcher:
    """Delivers the events of one service to its webhooks."""

    def __init__(self, context: ServiceContext) -> None:
        self.context = context
        self._hooks: dict[str, sa.Row[Any]] = {}
        self.relay = Relay(
            context.database,
            context.name,
            self._deliver,
            context.clock,
            to=(),
            topics=lambda name: self._hooks[name].types if name in self._hooks else (),
            row_filter=lambda name: visible_to(self._hooks[name].spans if name in self._hooks else []),
            wait=backoff_delay,
        )

    async def run(self) -> None:
        """Deliver until cancelled, with one task per webhook, so that a slow receiver delays no other."""
        tasks: dict[str, asyncio.Task[None]] = {}
        written: int | None = None
        try:
            while True:
                try:
                    if self._hooks or not self.context.database.is_unwritten_since(written):
                        written = self.context.database.count_writes()
                        await self._poll()
                except ApiError as error:
                    log.warning("webhooks", service=self.context.name, reason=error.detail)
                tasks = {name: task for name, task in tasks.items() if not task.done()}
                for name in self._hooks.keys() - tasks.keys():
                    tasks[name] = asyncio.create_task(self._serve_safely(name))
                await asyncio.sleep(POLL_INTERVAL_S[self.context.database.dialect])
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def deliver_due(self, *, patient: bool = True) -> int:
        """Deliver all due events to all webhooks once, and return the number of events processed."""
        await self._poll()
        return sum([await self._serve_webhook(name, patient=patient) for name in sorted(self._hooks)])

    async def _poll(self) -> None:
        async with self.context.database.read() as session:
            rows = await repository.system_list_active(session)
        self._hooks = {subscriber_name(row.id): row for row in rows}
        for row in rows:
            await self._retry_parked(row)

    async def _retry_parked(self, row: sa.Row[Any]) -> None:
        now = self.context.clock()
        if row.asked_again_at is not None and row.asked_again_at > now - PARKED_RETRY_INTERVAL:
            return
        async with self.context.database.read() as session:
            _, parked = await outbox_cursors.get_status(session, subscriber_name(row.id))
        if parked or row.asked_again_at is not None:
            async with self.context.database.write() as session:
                # The first time only the time is set: the attempts that led to the dead letter have just been made.
                if row.asked_again_at is not None:
                    await outbox_cursors.request_recent_retry(
                        session, subscriber_name(row.id), now - PARKED_RETRY_PERIOD
                    )
                await repository.system_update_status(session, row.id, asked_again_at=now if parked else None)

    async def _serve_safely(self, name: str) -> None:
        try:
            await self._serve_webhook(name)
        except Exception:
            # Database failure or bug: the next poll starts the webhook again.
            log.exception("webhook failed", service=self.context.name, webhook=name)

    async def _serve_webhook(self, name: str, *, patient: bool = True) -> int:
        total = 0
        while name in self._hooks and (count := await self.relay.deliver_batch(name, patient=patient)):
            total += count
        return total

    async def _deliver(self, name: str, envelopes: list[Envelope]) -> DeliveryOutcome:
        identifier = UUID(name.partition(":")[2])
        async with self.context.database.read() as session:
            hook = await repository.system_find_webhook(session, identifier)
        if hook is None or not hook.active:
            return DeliveryOutcome(0, "推送已停用")
        http = OutboundHttp(self.context.settings)
        try:
            outcome, gone = await self._post_envelopes(http, hook, envelopes)
        finally:
            await http.close()
        await self._record_outcome(hook, outcome, gone=gone)
        return outcome

    async def _post_envelopes(
        self, http: OutboundHttp, hook: sa.Row[Any], envelopes: list[Envelope]
    ) -> tuple[DeliveryOutcome, bool]:
        started = time.monotonic()
        is_robot = hook.form in robots.ROBOT_FORMS
        keys = [] if is_robot else self._signing_keys(hook)
        for index, envelope in enumerate(envelopes):
            if index and time.monotonic() - started > BATCH_BUDGET_S:
                return DeliveryOutcome(index), False
            try:
                if is_robot:
                    secret = decrypt_secret(self.context, hook.id, hook.secret)
                    status = await http.post(
                        *robots.build_robot_request(
                            hook.form, hook.url, secret, envelope, self.context.clock()
                        )
                    )
                else:
                    status = await http.post(hook.url, *self._signed_request(keys, envelope))
            except Unreachable as error:
                return DeliveryOutcome(index, str(error)), False
            if not 200 <= status < 300:  # noqa: PLR2004 - success statuses
                is_redirect = 300 <= status < 400  # noqa: PLR2004 - redirect statuses
                is_unavailable = status in RECEIVER_AWAY_STATUSES or is_redirect or status == STATUS_GONE
                return DeliveryOutcome(
                    index, f"答复 {status}", refused=not is_unavailable
                ), status == STATUS_GONE
        return DeliveryOutcome(len(envelopes)), False

    def _signing_keys(self, hook: sa.Row[Any]) -> list[Webhook]:
        ciphertexts = [hook.secret]
        if hook.old_secret and hook.old_until is not None and hook.old_until > self.context.clock():
            ciphertexts.append(hook.old_secret)
        return [Webhook(decrypt_secret(self.context, hook.id, ciphertext)) for ciphertext in ciphertexts]

    def _signed_request(self, keys: list[Webhook], envelope: Envelope) -> tuple[bytes, dict[str, str]]:
        now = self.context.clock()
        event = to_cloudevent(envelope, self.context.settings.public_url)
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        headers = {
            "Content-Type": CLOUDEVENT_MEDIA_TYPE,
            "User-Agent": "Xianjie-Webhooks/1",
            "webhook-id": str(envelope.id),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(key.sign(str(envelope.id), now, body) for key in keys),
        }
        return body.encode(), headers

    async def _record_outcome(self, hook: sa.Row[Any], outcome: DeliveryOutcome, *, gone: bool) -> None:
        now = self.context.clock()
        if outcome.received:
            if hook.failing_since is not None:
                async with self.context.database.write() as session:
                    await repository.system_update_status(session, hook.id, failing_since=None)
            return
        if not gone and (
            hook.failing_since is None or hook.failing_since > now - MAX_FAILING_TIME or outcome.refused
        ):
            if hook.failing_since is None:
                async with self.context.database.write() as session:
                    await repository.system_update_status(session, hook.id, failing_since=now)
            return
        reason = (
            "对方答复 410, 不再接收" if gone else f"连续 {MAX_FAILING_TIME.days} 天没有送达: {outcome.error}"
        )
        await self._stop_webhook(hook, reason)

    async def _stop_webhook(self, hook: sa.Row[Any], reason: str) -> None:
        async with self.context.database.write() as session:
            row = await repository.system_stop_webhook(session, hook.id, reason, self.context.clock())
            if row is not None:
                event = WebhookChanged(webhook_id=row.id, what="stopped")
                actor = self.context.service_actor()
                await publish(session, event, actor=actor, subject=str(row.id), version=row.version,
                              region=row.region, at=self.context.clock(), reason=reason)  # fmt: skip
        self._hooks.pop(subscriber_name(hook.id), None)
