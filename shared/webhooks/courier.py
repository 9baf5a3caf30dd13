"""The courier: posts each webhook's events as signed CloudEvents, one by one, until they arrive.

A receiver that is away (no answer, 404, 429, 502 …) is waited for, up to an hour between tries; after `GIVE_UP` without
one success the webhook is stopped, its place kept. An event that an answering receiver refuses (400, 422, 500 …) is
parked after a few tries so that others pass it, tried again every `AGAIN` for `DAYS`, and then waits for a person.
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

from shared import cursors
from shared.cloudevents import MEDIA_TYPE, cloudevent
from shared.errors import Refusal
from shared.events import Envelope
from shared.log import publish
from shared.relay import POLL, Outcome, Relay
from shared.webhooks import repository
from shared.webhooks.repository import audible, subscriber
from shared.webhooks.schemas import WebhookChanged
from shared.webhooks.service import opened
from shared.wire import Outside, Unreached
from shared.work import Context

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
GIVE_UP = timedelta(days=5)
AGAIN = timedelta(hours=6)
DAYS = timedelta(days=3)
BUDGET = 12.0
"""Seconds after which no further event of a batch is begun: the relay's lease must outlast the last one."""
GONE = 410
AWAY = frozenset({401, 403, 404, 405, 407, 408, 421, 425, 429, 502, 503, 504})
"""Answers that say something about the receiver, not about the event."""
log = structlog.get_logger("webhooks")


def wait(failures: int) -> timedelta:
    """How long to wait after so many failures in a row: 5 s, 10 s, 20 s … 1 h."""
    return min(FIRST_WAIT * (1 << min(failures - 1, 20)), LONGEST_WAIT)


class Courier:
    """Serves the webhooks of one service."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._hooks: dict[str, sa.Row[Any]] = {}
        self.relay = Relay(
            context.database,
            context.name,
            self._deliver,
            context.clock,
            to=(),
            topics=lambda name: self._hooks[name].types if name in self._hooks else (),
            only=lambda name: audible(self._hooks[name].spans if name in self._hooks else []),
            wait=wait,
        )

    async def run(self) -> None:
        """Serve until cancelled; each webhook by itself, so that a slow one delays no other."""
        running: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                try:
                    await self._look()
                except Refusal as refusal:
                    log.warning("webhooks", service=self.context.name, reason=refusal.detail)
                running = {name: task for name, task in running.items() if not task.done()}
                for name in self._hooks.keys() - running.keys():
                    running[name] = asyncio.create_task(self._serve_safely(name))
                await asyncio.sleep(POLL[self.context.database.dialect])
        finally:
            for task in running.values():
                task.cancel()
            await asyncio.gather(*running.values(), return_exceptions=True)

    async def round(self, *, patient: bool = True) -> int:
        """Deliver what is due now to everybody; how many events are done with."""
        await self._look()
        return sum([await self._serve(name, patient=patient) for name in sorted(self._hooks)])

    async def _look(self) -> None:
        async with self.context.database.read() as session:
            rows = await repository.system_active(session)
        self._hooks = {subscriber(row.id): row for row in rows}
        for row in rows:
            await self._ask_again(row)

    async def _ask_again(self, row: sa.Row[Any]) -> None:
        now = self.context.clock()
        if row.asked_again_at is not None and row.asked_again_at > now - AGAIN:
            return
        async with self.context.database.read() as session:
            _, parked = await cursors.standing(session, subscriber(row.id))
        if parked or row.asked_again_at is not None:
            async with self.context.database.write() as session:
                # The first time nothing is asked: the tries that led to the parking were only just now.
                if row.asked_again_at is not None:
                    await cursors.retry_recent(session, subscriber(row.id), now - DAYS)
                await repository.system_note(session, row.id, asked_again_at=now if parked else None)

    async def _serve_safely(self, name: str) -> None:
        try:
            await self._serve(name)
        except Exception:
            # The database is away, or a bug: the next look serves it again.
            log.exception("webhook failed", service=self.context.name, webhook=name)

    async def _serve(self, name: str, *, patient: bool = True) -> int:
        done = 0
        while name in self._hooks and (moved := await self.relay.step(name, patient=patient)):
            done += moved
        return done

    async def _deliver(self, name: str, envelopes: list[Envelope]) -> Outcome:
        identifier = UUID(name.partition(":")[2])
        async with self.context.database.read() as session:
            hook = await repository.system_known(session, identifier)
        if hook is None or not hook.active:
            return Outcome(0, "推送已停用")
        outside = Outside(self.context.settings)
        try:
            outcome, gone = await self._post_all(outside, hook, envelopes)
        finally:
            await outside.close()
        await self._note(hook, outcome, gone=gone)
        return outcome

    async def _post_all(
        self, outside: Outside, hook: sa.Row[Any], envelopes: list[Envelope]
    ) -> tuple[Outcome, bool]:
        begun = time.monotonic()
        keys = self._keys(hook)
        for place, envelope in enumerate(envelopes):
            if place and time.monotonic() - begun > BUDGET:
                return Outcome(place), False
            try:
                status = await outside.post(hook.url, *self._letter(keys, envelope))
            except Unreached as error:
                return Outcome(place, str(error)), False
            if not 200 <= status < 300:  # noqa: PLR2004 - success, as HTTP counts
                away = status in AWAY or 300 <= status < 400 or status == GONE  # noqa: PLR2004 - redirects
                return Outcome(place, f"答复 {status}", refused=not away), status == GONE
        return Outcome(len(envelopes)), False

    def _keys(self, hook: sa.Row[Any]) -> list[Webhook]:
        kept = [hook.secret]
        if hook.old_secret and hook.old_until is not None and hook.old_until > self.context.clock():
            kept.append(hook.old_secret)
        return [Webhook(opened(self.context, hook.id, one)) for one in kept]

    def _letter(self, keys: list[Webhook], envelope: Envelope) -> tuple[bytes, dict[str, str]]:
        now = self.context.clock()
        event = cloudevent(envelope, self.context.settings.public_url)
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        headers = {
            "Content-Type": MEDIA_TYPE,
            "User-Agent": "Xianjie-Webhooks/1",
            "webhook-id": str(envelope.id),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(key.sign(str(envelope.id), now, body) for key in keys),
        }
        return body.encode(), headers

    async def _note(self, hook: sa.Row[Any], outcome: Outcome, *, gone: bool) -> None:
        now = self.context.clock()
        if outcome.received:
            if hook.failing_since is not None:
                async with self.context.database.write() as session:
                    await repository.system_note(session, hook.id, failing_since=None)
            return
        if not gone and (hook.failing_since is None or hook.failing_since > now - GIVE_UP or outcome.refused):
            if hook.failing_since is None:
                async with self.context.database.write() as session:
                    await repository.system_note(session, hook.id, failing_since=now)
            return
        reason = "对方答复 410, 不再接收" if gone else f"连续 {GIVE_UP.days} 天没有送达: {outcome.error}"
        await self._stop(hook, reason)

    async def _stop(self, hook: sa.Row[Any], reason: str) -> None:
        async with self.context.database.write() as session:
            row = await repository.system_stop(session, hook.id, reason, self.context.clock())
            if row is not None:
                event = WebhookChanged(webhook_id=row.id, what="stopped")
                actor = self.context.itself()
                await publish(session, event, actor=actor, subject=str(row.id), version=row.version,
                              region=row.region, at=self.context.clock(), reason=reason)  # fmt: skip
        self._hooks.pop(subscriber(hook.id), None)
