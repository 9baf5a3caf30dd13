"""Commitments between funds and projects under seeded faults: what a plan counts on, the library holds, and nothing else.

Each seed plays attempts to approve a plan, cancellations and two replicas' reconciliations with funds' real code beside a fake
library. Requests and answers get lost, the library refuses or is slow, a process dies between two of its steps; what happens
during a call is played inside it, so a seed always plays the same. Each safeguard is taken out once, and some seed must find it
missing.
"""

import os
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import Request, Response
from sqlmodel import delete, select

from services.funds.commitments import repository, service
from services.funds.commitments.models import Commitment
from services.funds.commitments.projects_client import CommitmentRequest
from services.funds.commitments.schemas import CommitmentState
from shared.errors import ApiError
from shared.unit_of_work import ServiceContext
from tests.clients import TOWN, ServiceUnderTest
from tests.conftest import MORNING, Clock
from tests.funds.conftest import replace_library
from tests.funds.fake_project_library import FakeProjectLibrary, build_problem

SEEDS = int(os.environ.get("SEEDS", "40"))
"""Seeds that are played; 10,000 by `make simulate`."""
MUTANT_SEEDS = 1000
"""Each missing safeguard must be found within so many seeds."""
FATES = (
    "arrives", "arrives", "arrives", "is lost", "answer is lost", "is refused", "is slow", "answer is slow", "dies",
)  # fmt: skip
MAX_DEPTH = 2
"""Calls within slow calls."""
MAX_SETTLING_ROUNDS = 20


class DiceLibrary(FakeProjectLibrary):
    """A library whose calls meet the fates that the dice choose."""

    world: "World"

    async def _put_commitment(self, project_id: UUID, commitment_id: UUID, request: Request) -> Any:
        fate = await self.world.begin_call()
        if fate == "is lost":
            return build_problem(503, "unavailable", "连不上")
        if fate == "is refused":
            return build_problem(409, "conflict", "不能安排资金")
        answer = await super()._put_commitment(project_id, commitment_id, request)
        return await self.world.end_call(fate) or answer

    async def _delete_commitment(self, project_id: UUID, commitment_id: UUID) -> Any:
        fate = await self.world.begin_call()
        if fate in {"is lost", "is refused"}:
            return build_problem(503, "unavailable", "连不上")
        answer = await super()._delete_commitment(project_id, commitment_id)
        return await self.world.end_call(fate) or answer


class World:
    """One plan of two projects, the replicas of funds, and what the dice do to them."""

    def __init__(self, context: ServiceContext, clock: Clock, seed: int) -> None:
        self.context, self.clock, self.dice = context, clock, random.Random(seed)
        self.library = DiceLibrary()
        self.library.world = self
        self.plan_id = uuid4()
        self.requests = [
            CommitmentRequest(uuid4(), self.plan_id, self.library.create_project(), 100_00 * (n + 1), "505号")
            for n in range(2)
        ]
        self.is_approved = False
        self.is_faulty = True
        self.has_died = False
        self.depth = 0

    async def begin_call(self) -> str:
        """What becomes of a call; while a slow one is under way others go on."""
        fate = self.dice.choice(FATES) if self.is_faulty else "arrives"
        if fate == "is slow":
            await self._let_others_go_on((1, 20))
        return fate

    async def end_call(self, fate: str) -> Response | None:
        """What becomes of its answer, after which the caller may be dead; a caller may also have stood still for minutes."""
        self.has_died = fate == "dies"
        if fate == "answer is slow":
            await self._let_others_go_on((1, 20, 130))
        return build_problem(503, "unavailable", "没有应答") if fate == "answer is lost" else None

    async def _let_others_go_on(self, pauses_s: tuple[int, ...]) -> None:
        if self.depth == MAX_DEPTH:
            return
        self.depth += 1
        self.clock.advance(timedelta(seconds=self.dice.choice(pauses_s) if self.depth == 1 else 1))
        for _ in range(self.dice.randint(1, 3)):
            await self.act()
        self.depth -= 1

    async def act(self) -> None:
        """One thing that somebody does."""
        await self.dice.choice((self.approve, self.approve, self.cancel, self.reconcile))()

    async def approve(self) -> None:
        """An attempt to approve the plan, in the steps of plans/service.py."""
        if self.is_approved:
            return
        self.has_died = False
        async with self.context.database.read() as session:
            work = self.context.unit_of_work(session)
        try:
            await service.record_intent(work, TOWN, self.requests)
            await service.register_with_library(work, self.requests)
            if self.has_died or self.is_approved:  # the plan's own version is checked with the confirmation
                return
            async with self.context.database.write() as session:
                work = self.context.unit_of_work(session)
                await service.confirm_commitments(work, self.plan_id, [one.id for one in self.requests])
        except ApiError:
            return
        self.is_approved = True

    async def cancel(self) -> None:
        """The approved plan is cancelled."""
        if not self.is_approved:
            return
        async with self.context.database.write() as session:
            await service.release_commitments(self.context.unit_of_work(session), self.plan_id)
        self.is_approved = False

    async def reconcile(self) -> None:
        """A replica looks for what was interrupted."""
        await service.reconcile_commitments(self.context)

    async def check(self) -> None:
        """What an approved plan counts on is held in funds, and the library holds it with the same amount."""
        states = {one.id: one for one in await self._list_commitments()}
        held = {id_ for id_, one in states.items() if one.state is CommitmentState.HELD}
        assert held == ({one.id for one in self.requests} if self.is_approved else set())
        for request in self.requests:
            stored = self.library.commitments[request.project_id].get(request.id)
            assert request.id not in held or stored, "the library gave up what a plan counts on"

    async def _list_commitments(self) -> list[Commitment]:
        async with self.context.database.read() as session:
            query = select(Commitment).where(Commitment.plan_id == self.plan_id)
            return list(await session.exec(query))

    async def settle(self) -> None:
        """All faults end: nothing is left half done, and the library holds what funds holds."""
        self.is_faulty = False
        for _ in range(MAX_SETTLING_ROUNDS):
            self.clock.advance(timedelta(minutes=5))
            if await service.reconcile_commitments(self.context) == (0, 0):
                break
        await self.check()
        ended = {CommitmentState.HELD, CommitmentState.RELEASED}
        assert {one.state for one in await self._list_commitments()} <= ended, "left half done"
        count = sum(len(found) for found in self.library.commitments.values())
        assert count == (len(self.requests) if self.is_approved else 0), (
            "the library holds what nobody counts on"
        )


async def play(door: ServiceUnderTest, clock: Clock, seed: int) -> None:
    """One seed, on a table that is emptied first."""
    clock.set(MORNING)
    async with door.context.database.write() as session:
        await session.exec(delete(Commitment))
    world = World(door.context, clock, seed)
    with replace_library(door.context, world.library):
        for _ in range(world.dice.randint(2, 6)):
            await world.act()
            await world.check()
            clock.advance(timedelta(seconds=world.dice.choice((1, 15, 130))))
        await world.settle()


@pytest.fixture
def funds(door: Callable[[str], ServiceUnderTest]) -> ServiceUnderTest:
    """The funds service."""
    return door("funds")


@pytest.mark.timeout(max(3600, 2 * SEEDS))
async def test_no_seed_leaves_money_committed_on_one_side_only(funds: ServiceUnderTest, clock: Clock) -> None:
    for seed in range(SEEDS):
        try:
            await play(funds, clock, seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


def _confirm_without_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    async def confirm(work: Any, plan_id: UUID, expected: Any) -> None:
        for was in CommitmentState:
            await repository.system_update_commitment_state(work, expected, was, CommitmentState.HELD)

    monkeypatch.setattr(service, "confirm_commitments", confirm)


def _no_intent_waits_for_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    record = service.record_intent

    async def record_anyway(work: Any, region: str, requests: Any) -> None:
        async with work.context.database.write() as session:
            ids = [one.id for one in requests]
            releasing, pending = CommitmentState.RELEASING, CommitmentState.PENDING
            writing = work.context.unit_of_work(session)
            await repository.system_update_commitment_state(writing, ids, releasing, pending)
        await record(work, region, requests)

    monkeypatch.setattr(service, "record_intent", record_anyway)


def _two_replicas_release_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async def claim(*_: Any) -> bool:
        return True

    monkeypatch.setattr(repository, "system_claim_release", claim)


def _registration_takes_as_long_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "REGISTRATION_LIMIT", timedelta(days=1))


def _interrupted_ones_stay_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PENDING_TIMEOUT", timedelta(days=999))


def _a_refusal_undoes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    update = repository.system_update_commitment_state

    async def keep_what_ends(work: Any, ids: Any, was: CommitmentState, now: CommitmentState) -> int:
        if now is CommitmentState.RELEASING:
            now = CommitmentState.RELEASED
        return await update(work, ids, was, now)

    monkeypatch.setattr(repository, "system_update_commitment_state", keep_what_ends)


MUTANTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], int]] = {
    "confirmed without a look at its state": (_confirm_without_a_look, 73),
    "an intent does not wait for a release": (_no_intent_waits_for_a_release, 37),
    "two replicas release the same commitment": (_two_replicas_release_the_same, 1),
    "a registration has no limit": (_registration_takes_as_long_as_it_likes, 56),
    "interrupted ones stay": (_interrupted_ones_stay_pending, 1),
    "released without telling the library": (_a_refusal_undoes_nothing, 1),
}
"""What is missing, and the seed that the search begins with: the first that found it."""


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_missing_safeguard_is_found(
    name: str, funds: ServiceUnderTest, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_out, first = MUTANTS[name]
    take_out(monkeypatch)
    for seed in range(first, first + MUTANT_SEEDS):
        try:
            await play(funds, clock, seed)
        except AssertionError:
            return
    pytest.fail(f"{name}: not found in {MUTANT_SEEDS} seeds")
