"""Refresh tokens under seeded faults: an honest phone on a bad line stays signed in, a copied token ends the session.

Each seed plays one session with the real code: requests and answers get lost, the phone tries again at once or hours later, and in
half of the seeds somebody copies a token and uses it at some moment. Each safeguard is taken out once, and some seed must find it
missing.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from services.identity.accounts import repository as accounts
from services.identity.sessions import repository, service
from services.identity.sessions.models import RefreshToken, Session
from services.identity.sessions.service import Client, OAuthError, issue_tokens, open_session, refresh_grant
from shared.unit_of_work import ServiceContext
from tests.clients import SystemUnderTest
from tests.conftest import MORNING, Clock

SEEDS = int(os.environ.get("SEEDS", "40"))
"""Seeds that are played; 10,000 by `make simulate`."""
MUTANT_SEEDS = 1000
"""Each missing safeguard must be found within so many seeds."""
PAUSES_S = (1, 5, 20, 60, 600, 3600)
GRACE = timedelta(seconds=30)
"""A retry after a lost answer is believed for so long: rule auth.refresh_grace as it is delivered."""


@dataclass
class Holder:
    """Somebody with a refresh token: the phone, or who copied it from there."""

    token: str
    successes: list[datetime] = field(default_factory=list)
    is_out: bool = False
    """Was refused once: signs in anew, or gives up."""


class World:
    """One session, its phone, a thief, and what the dice do to them."""

    def __init__(self, context: ServiceContext, clock: Clock, seed: int) -> None:
        self.context, self.clock, self.dice = context, clock, random.Random(seed)
        self.phone = Holder("")
        self.thief: Holder | None = None
        self.is_theft_planned = self.dice.random() < 0.5
        self.spent: dict[str, datetime] = {}
        """Token → its first use that was answered with another."""
        self.parents: dict[str, str] = {}
        self.session_id = ""

    async def sign_in(self) -> None:
        """A session without its password: only what comes after it is played."""
        async with self.context.database.write() as session:
            work = self.context.unit_of_work(session)
            account = await accounts.system_find_account(work, "cadre")
            assert account is not None
            opened = await open_session(work, account, Client(), "password")
            self.session_id = opened.id
            self.phone.token = (await issue_tokens(work, account, opened)).refresh_token or ""

    async def refresh(self, who: Holder, *, answer_lost: bool = False) -> bool:
        """Present a token; what must be refused is told apart here by the rules' words, not by the code's."""
        presented, now = who.token, self.clock.now()
        is_stale = presented in self.spent and (
            now - self.spent[presented] > GRACE
            or any(one in self.spent for one, of in self.parents.items() if of == presented)
        )
        try:
            answer = await refresh_grant(self.context, presented, Client())
        except OAuthError:
            who.is_out = True
            return False
        assert not is_stale, "a token was taken a second time"
        self.spent.setdefault(presented, now)
        successor = answer.refresh_token or ""
        self.parents[successor] = presented
        who.successes.append(now)
        if not answer_lost:
            who.token = successor
        return True

    async def step(self) -> None:
        """One refresh of the phone with its retries, and perhaps one of the thief."""
        if self.is_theft_planned and self.thief is None and self.dice.random() < 0.4:
            self.thief = Holder(self.phone.token)
        order = [self.phone] if self.thief is None else [self.phone, self.thief]
        self.dice.shuffle(order)
        for who in order:
            if who.is_out or (who is self.thief and self.dice.random() < 0.5):
                continue
            await self._refresh_on_a_bad_line(who)
            await self.check_tokens()
            self.clock.advance(timedelta(seconds=self.dice.choice(PAUSES_S)))

    async def _refresh_on_a_bad_line(self, who: Holder) -> None:
        retries = self.dice.choice((0, 0, 0, 1, 2))
        for _ in range(retries):
            if self.dice.random() < 0.3:
                continue  # the request is lost
            if not await self.refresh(who, answer_lost=True):
                break
            self.clock.advance(timedelta(seconds=self.dice.choice((1, 5))))
        went_on = not who.is_out and await self.refresh(who)
        assert went_on or self.thief is not None, "an honest phone was signed out"

    async def check_tokens(self) -> None:
        """At most one token of the session can be used; none when it has ended."""
        async with self.context.database.read() as session:
            query = select(RefreshToken).where(RefreshToken.family == self.session_id)
            tokens = list(await session.exec(query))
            ended = (await session.exec(select(Session).where(Session.id == self.session_id))).one().ended_at
        usable = [one for one in tokens if one.used_at is None and one.revoked_at is None]
        assert len(usable) <= (0 if ended else 1), "two tokens of one session can be used"

    async def settle(self) -> None:
        """Both go on, in turn: whoever copied a token, and the phone with it, are signed out; a phone alone is not."""
        thief_came = self.thief is not None and bool(self.thief.successes)
        for _ in range(3):
            for who in [self.phone, *([self.thief] if self.thief else [])]:
                self.clock.advance(GRACE * 2)
                if not who.is_out:
                    await self.refresh(who)
                    await self.check_tokens()
        if self.thief is None:
            assert not self.phone.is_out, "an honest phone was signed out"
        elif thief_came or self.thief.successes:
            assert self.phone.is_out, "a theft was not noticed"
            assert self.thief.is_out, "a theft was not noticed"


async def play(context: ServiceContext, clock: Clock, seed: int) -> None:
    """One seed, in a session of its own."""
    clock.set(MORNING)
    world = World(context, clock, seed)
    await world.sign_in()
    for _ in range(world.dice.randint(2, 5)):
        await world.step()
    await world.settle()


@pytest.fixture
def context(doors: SystemUnderTest) -> ServiceContext:
    """The identity service with its demo accounts."""
    return doors.service("identity").context


@pytest.mark.timeout(max(3600, 2 * SEEDS))
async def test_no_seed_signs_out_an_honest_phone_or_keeps_a_thief(
    context: ServiceContext, clock: Clock
) -> None:
    for seed in range(SEEDS):
        try:
            await play(context, clock, seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


async def _yes(*_: Any) -> bool:
    return True


async def _no(*_: Any) -> bool:
    return False


async def _nothing(*_: Any) -> None:
    pass


def _every_repeat_is_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_is_retry_after_lost_response", _yes)


def _no_repeat_is_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_is_retry_after_lost_response", _no)


def _used_successors_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "system_successor_was_used", _no)


def _replaced_tokens_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "system_supersede_unused", _nothing)


def _theft_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "system_end_sessions", _nothing)


MUTANTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "every repeat counts as a retry": _every_repeat_is_a_retry,
    "no repeat counts as a retry": _no_repeat_is_a_retry,
    "a used successor is not looked for": _used_successors_are_forgotten,
    "a replaced token stays": _replaced_tokens_stay,
    "theft ends nothing": _theft_ends_nothing,
}


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_missing_safeguard_is_found(
    name: str, context: ServiceContext, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    MUTANTS[name](monkeypatch)
    for seed in range(MUTANT_SEEDS):
        try:
            await play(context, clock, seed)
        except AssertionError:
            return
    pytest.fail(f"{name}: not found in {MUTANT_SEEDS} seeds")
