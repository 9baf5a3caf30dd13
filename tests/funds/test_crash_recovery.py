"""Processes on one database are killed at any point: the books hold what was acknowledged, and balance."""

import asyncio
import signal
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from shared.db import execute_core
from tests.clients import TestKey
from tests.funds import payment_worker
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary
from tests.funds.ledger_model import parse_fen
from tests.funds.payment_worker import WorkerOrders
from tests.worker_processes import start_worker, wait_for_end

WORKER_COUNT, RUN_TIME_S, VICTIM_TIME_S = 3, 2.5, 120.0


def read_log(log: str) -> str:
    """Read what a worker has logged so far."""
    return Path(log).read_text(encoding="utf-8") if Path(log).exists() else ""


async def wait_until_busy(log: str) -> None:
    """Wait until a worker has logged something."""
    for _ in range(600):
        if read_log(log):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("nothing was ever acknowledged")


def sum_acknowledged(logs: list[str]) -> tuple[Counter[str], Counter[str]]:
    """分 paid and refunded per payment in the logs; an incomplete last line was not acknowledged."""
    paid: Counter[str] = Counter()
    refunded: Counter[str] = Counter()
    for log in logs:
        for entry in read_log(log).splitlines(keepends=True):
            if entry.endswith("\n"):
                kind, payment, amount = entry.split()
                (paid if kind == "paid" else refunded)[payment] += int(amount)
    return paid, refunded


def build_orders(
    scenario: FundsScenario, key: TestKey, *, allocations: list[dict[str, Any]], **options: Any
) -> WorkerOrders:
    """Parameters of a worker process."""
    context = scenario.door.context
    return WorkerOrders(
        database=context.database.url,  # type: ignore[attr-defined]
        var=str(context.settings.var),
        key=key.key.as_dict(private=True),
        allocations=[
            {"id": allocation["id"], "project_id": allocation["project_id"]} for allocation in allocations
        ],
        **options,
    )


@pytest.mark.timeout(180)
async def test_a_payment_made_by_a_process_that_died_before_it_answered_is_answered_again_not_made_again(
    scenario: FundsScenario, test_key: TestKey
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_payment(allocation["id"], 400_00)
    for who, action in (
        (scenario.town, "submit"),
        (scenario.reviewer, "review"),
        (scenario.finance, "approve"),
    ):
        expect_ok(await scenario.transition_payment(who, payment["id"], action))
    path, key = f"/funds/payments/{payment['id']}/pay", {"Idempotency-Key": "paid-once"}
    body = {"voucher_no": "2024-000123", "paid_on": "2024-05-20"}
    final_request = (path, body, key["Idempotency-Key"])
    process = start_worker(
        payment_worker.main,
        build_orders(
            scenario,
            test_key,
            seed=1,
            seconds=RUN_TIME_S,
            log="",
            file_id="",
            allocations=[allocation],
            final_request=final_request,
        ),
    )
    assert await wait_for_end(process) == -signal.SIGKILL
    assert (await scenario.get_totals())["paid"] == 400_00, "it had been committed"
    repeated = await scenario.cashier.post(path, json=body, headers=key)
    assert (expect_ok(repeated)["state"], repeated.headers["idempotent-replayed"]) == ("paid", "true")
    expect_refusal(await scenario.cashier.post(path, json={**body, "voucher_no": "2"}, headers=key), 422)
    expect_refusal(await scenario.cashier.post(path, json={**body, "voucher_no": "2"}), 409)
    assert expect_ok(await scenario.cashier.post(path, json=body))["version"] == repeated.json()["version"]
    assert (await scenario.get_totals())["paid"] == 400_00
    events = [event["type"] for event in await _list_events(scenario)]
    assert events.count("payment.paid") == 1
    await scenario.check_balanced()


@pytest.mark.timeout(180)
async def test_killed_processes_lose_nothing_and_leave_nothing_half_done(
    scenario: FundsScenario, library: FakeProjectLibrary, test_key: TestKey, tmp_path: Path
) -> None:
    source = await scenario.create_source(600_00_00)
    lines = [build_line(library.create_project(f"项目{n}"), source["id"], 200_00_00) for n in range(3)]
    plan = await scenario.create_plan(*lines)
    allocations = await scenario.issue_plan(plan["id"])
    file_id = await scenario.upload_document()
    logs = [str(tmp_path / f"{n}.log") for n in range(WORKER_COUNT + 1)]

    def orders(n: int, seconds: float = RUN_TIME_S) -> WorkerOrders:
        return build_orders(
            scenario,
            test_key,
            seed=n,
            log=logs[n],
            file_id=file_id,
            allocations=allocations,
            seconds=seconds,
        )

    spans = (VICTIM_TIME_S, VICTIM_TIME_S, RUN_TIME_S)
    processes = [start_worker(payment_worker.main, orders(n, span)) for n, span in enumerate(spans)]
    for log, victim in zip(logs[:2], processes[:2], strict=True):
        await wait_until_busy(log)
        victim.kill()
    processes.append(start_worker(payment_worker.main, orders(WORKER_COUNT)))
    codes = [await wait_for_end(process) for process in processes]
    assert codes == [-signal.SIGKILL, -signal.SIGKILL, 0, 0]
    await _check_books(scenario, *sum_acknowledged(logs))


async def _check_books(scenario: FundsScenario, paid: Counter[str], refunded: Counter[str]) -> None:
    await scenario.check_balanced()
    rows = await _read_payments(scenario)
    assert len(paid) > WORKER_COUNT
    for payment, amount in paid.items():
        assert (rows[payment].state, rows[payment].amount) == ("paid", amount)
        assert rows[payment].refunded >= refunded[payment]
    totals = await scenario.get_totals()
    settled = sum(row.amount - row.refunded for row in rows.values() if row.state == "paid")
    waiting = ("submitted", "reviewed", "approved")
    assert totals["paid"] == settled
    assert totals["applied"] == sum(row.amount for row in rows.values() if row.state in waiting)
    assert totals["received"] == 600_00_00
    events = Counter(event["type"] for event in await _list_events(scenario))
    assert events["payment.paid"] == sum(row.state == "paid" for row in rows.values())
    by_payee = expect_ok(await scenario.auditor.get("/funds/ledger", params={"by": "payee"}))["rows"]
    assert sum(parse_fen(row["figures"]["paid"]) for row in by_payee) == settled


async def _read_payments(scenario: FundsScenario) -> dict[str, Any]:
    async with scenario.door.context.database.read() as session:
        rows = await execute_core(session, sa.text("SELECT id, state, amount, refunded FROM payment"))
        return {str(_to_uuid(row.id)): row for row in rows}


def _to_uuid(value: object) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))


async def _list_events(scenario: FundsScenario) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = expect_ok(await scenario.auditor.get("/funds/events", params={"after": cursor, "limit": 500}))
        if not page["items"]:
            return events
        events += page["items"]
        cursor = page["items"][-1]["cursor"]
