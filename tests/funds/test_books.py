"""Whatever people do, in any order and at once, the books balance at every read and nothing acknowledged is lost."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.funds.bookkeeping import STEPS, Step, World
from tests.funds.desk import Desk

AMOUNTS = st.one_of(st.integers(1, 200), st.integers(1, 50_000))
STEP = st.builds(Step, st.sampled_from(sorted(STEPS)), st.integers(0, 999), AMOUNTS)


def machine(world: World, loop: asyncio.AbstractEventLoop) -> type[RuleBasedStateMachine]:
    """A machine that acts on a world whose services run in another thread's loop."""

    def do(coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, loop).result(100)

    class Books(RuleBasedStateMachine):
        @initialize(amounts=st.lists(st.integers(1000, 100_000), min_size=1, max_size=3))
        def begin(self, amounts: list[int]) -> None:
            for pick, amount in enumerate(amounts):
                do(world.perform(Step("source", 0, amount)))
                do(world.perform(Step("plan", -1 - pick, amount)))
                do(world.perform(Step("issue", -1, 0)))

        @rule(step=STEP)
        def alone(self, step: Step) -> None:
            do(world.perform(step))

        @rule(steps=st.lists(STEP, min_size=2, max_size=16))
        def at_once(self, steps: list[Step]) -> None:
            async def all_of_them() -> None:
                await asyncio.gather(*(world.perform(step) for step in steps))

            do(all_of_them())

        @invariant()
        def balanced(self) -> None:
            do(world.check())

    return Books


@pytest.mark.timeout(300)
async def test_books_balance_at_every_read_whatever_is_done_alone_or_at_once(desk: Desk) -> None:
    given = settings(
        max_examples=2,
        stateful_step_count=16,
        deadline=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    world = World(desk)
    books = machine(world, asyncio.get_running_loop())
    await asyncio.to_thread(run_state_machine_as_test, books, settings=given)
    for action in ("adjustments", "issue", "submit"):
        assert world.taken[action, True], f"{action} was never taken: {world.taken}"
