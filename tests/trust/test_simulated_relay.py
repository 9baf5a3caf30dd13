"""The relay and the inbox under seeded faults: what is published takes effect once, in the order of its subject, and is never lost.

Each seed plays a few steps with the real code on two databases: an answer or a request is lost, a process dies between delivery and
cursor, a receiver refuses or is down, a slow relay comes back after its lease when another has gone on. Nothing runs beside
anything else: what happens during a delivery is played inside it, so a seed always plays the same. Each safeguard is taken out
once, and some seed must find it missing.
"""

import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from shared.db import Database, dead_letter, event_log, execute_core, inbox, log_cursor
from shared.events import DeliveryOutcome, Envelope, Relay, outbox_cursors, outbox_relay, publish
from shared.events import inbox as inbox_module
from tests.shared.conftest import _create_database
from tests.shared.factories_events import CLERK, CallableClock, WallBuilt

SEEDS = int(os.environ.get("SEEDS", "100"))
"""Seeds that are played; 10,000 by `make simulate`."""
MUTANT_SEEDS = 1000
"""Each missing safeguard must be found within so many seeds."""
MAX_SETTLING_ROUNDS = 50
SUBSCRIBER = "paint"
SUBJECTS = ("north", "south")
FATES = ("arrives", "arrives", "is lost", "answer is lost", "dies", "partly", "is refused", "is slow")


class ProcessDied(BaseException):
    """The process of the relay is gone, with nothing written after this."""


class World:
    """A sender, its relays, a receiver, and what the dice do to them."""

    def __init__(self, sender: Database, receiver: Database, seed: int, kind: type[Relay]) -> None:
        self.sender, self.receiver = sender, receiver
        self.dice, self.clock = random.Random(seed), CallableClock()
        self.relays = [
            kind(
                sender, "walls", self.deliver, self.clock, to=(SUBSCRIBER,), topics=lambda _: ("wall.built",)
            )
            for _ in range(2)
        ]
        self.fate = "arrives"
        self.published: dict[str, int] = dict.fromkeys(SUBJECTS, 0)
        self.effects: list[tuple[str, int]] = []
        self.refuses = ""
        self.ever_refused: set[str] = set()
        self.furthest = (0, 0)

    async def publish(self) -> None:
        """A transaction with up to three events."""
        async with self.sender.write() as session:
            for _ in range(self.dice.randint(1, 3)):
                subject = self.dice.choice(SUBJECTS)
                self.published[subject] += 1
                await publish(
                    session, WallBuilt(), actor=CLERK, subject=subject, version=self.published[subject],
                    region="620602100201", at=self.clock(),
                )  # fmt: skip

    async def deliver(self, _subscriber: str, envelopes: list[Envelope]) -> DeliveryOutcome:
        """What the receiver does, and what becomes of the answer."""
        fate, self.fate = self.fate, "arrives"
        if fate == "is lost":
            return DeliveryOutcome(0, "connection refused")
        if fate == "is slow":
            self.clock.advance(seconds=61)
            await self.publish()
            while await self.relays[1].deliver_batch(SUBSCRIBER):
                pass
            await self.check_cursor()
        upto = self.dice.randint(0, len(envelopes)) if fate in {"partly", "dies"} else len(envelopes)
        for place, envelope in enumerate(envelopes[:upto]):
            if envelope.subject == self.refuses:
                return DeliveryOutcome(place, "no such wall", refused=True)
            await self._take(envelope)
        if fate == "dies":
            raise ProcessDied
        if fate == "answer is lost":
            return DeliveryOutcome(0, "connection lost")
        return DeliveryOutcome(upto, "connection lost" if upto < len(envelopes) else "")

    async def _take(self, envelope: Envelope) -> None:
        async with self.receiver.write() as session:
            if await inbox_module.mark_received(session, envelope, self.clock()):
                self.effects.append((envelope.subject, envelope.subject_version))

    async def step(self) -> None:
        """One throw of the dice."""
        if self.dice.random() < 0.4:
            await self.publish()
        self.fate = self.dice.choice(FATES)
        if self.fate == "is refused":
            self.refuses = self.dice.choice(SUBJECTS)
            self.ever_refused.add(self.refuses)
        elif self.dice.random() < 0.2:
            self.refuses = ""
        with suppress(ProcessDied):
            await self.relays[0].deliver_batch(SUBSCRIBER)
        self.clock.advance(seconds=self.dice.choice((0.5, 5, 61, 301)))
        await self.check_cursor()

    async def check_cursor(self) -> None:
        """The cursor does not go back, and only what was refused is parked."""
        async with self.sender.read() as session:
            found = await outbox_cursors.find_cursor(session, SUBSCRIBER)
            assert found is not None
            assert found.cursor >= self.furthest, "the cursor went back"
            self.furthest = found.cursor
            parked = set((await execute_core(session, select(dead_letter.c.subject))).scalars())
        assert parked <= self.ever_refused, "parked without having been refused"

    async def settle(self) -> None:
        """All faults end: everything arrives."""
        self.fate, self.refuses = "arrives", ""
        asked, moved, rounds = 1, 1, 0
        while (asked or moved) and rounds < MAX_SETTLING_ROUNDS:
            rounds += 1
            self.clock.advance(seconds=600)
            async with self.sender.write() as session:
                asked = await outbox_cursors.request_retry(session, SUBSCRIBER)
            moved = await self.relays[0].deliver_batch(SUBSCRIBER)
        await self.check_cursor()

    async def check(self) -> None:
        """What was published took effect once and in the order of its subject; nothing is left parked."""
        for subject, count in self.published.items():
            took_effect = [version for name, version in self.effects if name == subject]
            assert took_effect == list(range(1, count + 1)), subject
        async with self.sender.read() as session:
            left = (await execute_core(session, select(func.count()).select_from(dead_letter))).scalar_one()
        assert left == 0


async def play(sender: Database, receiver: Database, seed: int, kind: type[Relay] = Relay) -> None:
    """One seed, on databases that are emptied first."""
    async with sender.write() as session:
        for table in (event_log, log_cursor, dead_letter):
            await execute_core(session, table.delete())
        await outbox_cursors.subscribe(session, [SUBSCRIBER], CallableClock()() - timedelta(seconds=1))
    async with receiver.write() as session:
        await execute_core(session, inbox.delete())
    world = World(sender, receiver, seed, kind)
    await world.publish()
    for _ in range(world.dice.randint(2, 5)):
        await world.step()
    await world.settle()
    await world.check()


@pytest.fixture
async def pair(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Database, Database]]:
    """The databases of a sender and a receiver; two refusals park an event here."""
    monkeypatch.setattr(outbox_relay, "MAX_REFUSALS", 2)
    async with _create_database(tmp_path) as sender, _create_database(tmp_path) as receiver:
        yield sender, receiver


@pytest.mark.timeout(max(3600, 2 * SEEDS))
async def test_no_seed_loses_repeats_or_reorders_an_event(pair: tuple[Database, Database]) -> None:
    for seed in range(SEEDS):
        try:
            await play(*pair, seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


class HastyRelay(Relay):
    """Moves the cursor before it delivers."""

    async def deliver_batch(self, subscriber: str, *, patient: bool = True) -> int:
        batch = await self._read_batch(subscriber)
        if batch is None or batch.is_retry or (patient and self._must_wait(batch.reader.due_at)):
            return await super().deliver_batch(subscriber, patient=patient)
        async with self.database.write() as session:
            await outbox_cursors.acquire_lease(session, batch.reader, self.clock())
            done = outbox_cursors.CursorUpdate(batch.end, self.clock())
            await outbox_cursors.commit_delivery(session, batch.reader, done, self.clock())
        await self._send_batch(subscriber, batch)
        return len(batch.rows)


class BlameRelay(Relay):
    """Takes an outage for a refusal."""

    async def _send_batch(self, subscriber: str, batch: Any) -> DeliveryOutcome:
        found = await super()._send_batch(subscriber, batch)
        return DeliveryOutcome(found.received, found.error, refused=bool(found.error))


class TrustingRelay(Relay):
    """Believes that all arrived."""

    async def _send_batch(self, subscriber: str, batch: Any) -> DeliveryOutcome:
        await super()._send_batch(subscriber, batch)
        return DeliveryOutcome(len(batch.rows_to_deliver))


def _without_inbox(monkeypatch: pytest.MonkeyPatch) -> None:
    async def always_new(*_: Any) -> bool:
        return True

    monkeypatch.setattr(inbox_module, "mark_received", always_new)


def _without_waiting_behind_the_parked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: Any) -> set[str]:
        return set()

    monkeypatch.setattr(outbox_cursors, "find_blocked_subjects", nothing)


def _without_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    commit = outbox_cursors.commit_delivery

    async def commit_anyway(session: Any, claimed: Any, result: Any, at: Any) -> bool:
        found = await outbox_cursors.find_cursor(session, SUBSCRIBER)
        assert found is not None
        now = outbox_cursors.SubscriberCursor(
            SUBSCRIBER, claimed.cursor, found.attempts - 1, claimed.failures, claimed.refusals, claimed.due_at
        )
        return await commit(session, now, result, at)

    monkeypatch.setattr(outbox_cursors, "commit_delivery", commit_anyway)


def _keep(_: pytest.MonkeyPatch) -> None:
    pass


MUTANTS: dict[str, tuple[type[Relay], Callable[[pytest.MonkeyPatch], None]]] = {
    "cursor before delivery": (HastyRelay, _keep),
    "outage taken for refusal": (BlameRelay, _keep),
    "count of the receiver ignored": (TrustingRelay, _keep),
    "no inbox": (Relay, _without_inbox),
    "later events pass a parked one": (Relay, _without_waiting_behind_the_parked),
    "no fence of the lease": (Relay, _without_fence),
}


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_missing_safeguard_is_found(
    name: str, pair: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, take_out = MUTANTS[name]
    take_out(monkeypatch)
    for seed in range(MUTANT_SEEDS):
        try:
            await play(*pair, seed, kind)
        except AssertionError:
            return
    pytest.fail(f"{name}: not found in {MUTANT_SEEDS} seeds")
