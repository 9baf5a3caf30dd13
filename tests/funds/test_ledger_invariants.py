"""Property test: the books balance at every read and no acknowledged operation is lost, in any order and concurrently."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.funds.factories_funds import FundsScenario
from tests.funds.ledger_model import OPERATIONS, BookOperation, LedgerModel

AMOUNT_STRATEGY = st.one_of(st.integers(1, 200), st.integers(1, 50_000))
OPERATION_STRATEGY = st.builds(
    BookOperation, st.sampled_from(sorted(OPERATIONS)), st.integers(0, 999), AMOUNT_STRATEGY
)


def build_state_machine(model: LedgerModel, loop: asyncio.AbstractEventLoop) -> type[RuleBasedStateMachine]:
    """Build a state machine whose operations run in the event loop of the services' thread."""

    def do(coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, loop).result(100)

    class Books(RuleBasedStateMachine):
        @initialize(amounts=st.lists(st.integers(1000, 100_000), min_size=1, max_size=3))
        def begin(self, amounts: list[int]) -> None:
            for pick, amount in enumerate(amounts):
                do(model.run_operation(BookOperation("source", 0, amount)))
                do(model.run_operation(BookOperation("plan", -1 - pick, amount)))
                do(model.run_operation(BookOperation("issue", -1, 0)))

        @rule(step=OPERATION_STRATEGY)
        def alone(self, step: BookOperation) -> None:
            do(model.run_operation(step))

        @rule(steps=st.lists(OPERATION_STRATEGY, min_size=2, max_size=16))
        def at_once(self, steps: list[BookOperation]) -> None:
            async def all_of_them() -> None:
                await asyncio.gather(*(model.run_operation(step) for step in steps))

            do(all_of_them())

        @invariant()
        def balanced(self) -> None:
            do(model.check_invariants())

    return Books


@pytest.mark.timeout(300)
async def test_books_balance_at_every_read_whatever_is_done_alone_or_at_once(scenario: FundsScenario) -> None:
    options = settings(
        max_examples=2,
        stateful_step_count=16,
        deadline=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    model = LedgerModel(scenario)
    books = build_state_machine(model, asyncio.get_running_loop())
    await asyncio.to_thread(run_state_machine_as_test, books, settings=options)
    for action in ("adjustments", "issue", "submit"):
        assert model.answer_counts[action, True], f"{action} was never taken: {model.answer_counts}"
