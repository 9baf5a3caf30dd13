"""Worker process of the crash tests: serves funds on a shared database, pays, refunds and logs what was acknowledged."""

import asyncio
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from joserfc.jwk import ECKey

from embedded.run_secrets import create_service_keys, load_or_create_secrets
from services.funds.main import create_app
from shared.app import configure_logging
from shared.china import format_yuan
from tests.clients import SystemUnderTest, TestKey
from tests.conftest import MORNING, build_settings
from tests.funds.factories_funds import FundsScenario
from tests.funds.fake_project_library import FakeProjectLibrary

CONCURRENT_TASKS = 4
STATUS_OK, STATUS_CREATED = 200, 201


@dataclass
class WorkerOrders:
    """Parameters of a worker process."""

    database: str
    var: str
    key: dict[str, Any]
    seconds: float
    seed: int
    log: str
    file_id: str
    allocations: list[dict[str, str]]
    """id and project_id of each."""
    final_request: tuple[str, dict[str, str], str] | None = None
    """Path, body and idempotency key of the only request; the process is killed between commit and answer."""


class PaymentTask:
    """Concurrent task that makes payments."""

    def __init__(self, orders: WorkerOrders, scenario: FundsScenario, seed: int) -> None:
        self.orders = orders
        self.scenario = scenario
        self.random = random.Random(seed)
        self.until = time.monotonic() + orders.seconds

    def append_record(self, kind: str, record: str, amount: int) -> None:
        """Log an acknowledged payment or refund at once."""
        with Path(self.orders.log).open("a", encoding="utf-8") as file:
            file.write(f"{kind} {record} {amount}\n")

    async def run(self) -> None:
        """Pay, and sometimes refund, until the time is over."""
        while time.monotonic() < self.until:
            allocation = self.random.choice(self.orders.allocations)
            await self.make_payment(allocation["id"], self.random.randint(1, 5000))

    async def make_payment(self, allocation: str, amount: int) -> None:
        """Take a payment from application to voucher, as far as it gets."""
        scenario = self.scenario
        body = {
            "allocation_id": allocation,
            "amount": format_yuan(amount),
            "payee_name": f"施工队{self.random.randint(1, 3)}",
            "purpose": "进度款",
            "file_ids": [self.orders.file_id],
        }
        answer = await scenario.town.post("/funds/payments", json=body)
        if answer.status_code != STATUS_CREATED:
            return
        payment = answer.json()["id"]
        steps = ((scenario.town, "submit"), (scenario.reviewer, "review"), (scenario.finance, "approve"))
        for who, action in steps:
            if (await scenario.transition_payment(who, payment, action)).status_code != STATUS_OK:
                return
        voucher = {"voucher_no": f"2024-{payment}", "paid_on": "2024-05-20"}
        if (
            await scenario.transition_payment(scenario.cashier, payment, "pay", **voucher)
        ).status_code == STATUS_OK:
            self.append_record("paid", payment, amount)
            await self.refund_sometimes(payment, amount)

    async def refund_sometimes(self, payment: str, amount: int) -> None:
        """Refund part of every other payment."""
        if self.random.random() < 0.5:
            part = self.random.randint(1, amount)
            body = {
                "amount": format_yuan(part),
                "voucher_no": f"T-{payment}",
                "happened_on": "2024-05-20",
                "reason": "退回",
            }
            answer = await refund_payment(self.scenario, payment, body)
            if answer == STATUS_CREATED:
                self.append_record("back", payment, part)


async def refund_payment(scenario: FundsScenario, payment: str, body: dict[str, str]) -> int:
    """Register a refund; return the status."""
    return (await scenario.cashier.post(f"/funds/payments/{payment}/refunds", json=body)).status_code


class ExitOnCommit:
    """Replaces the service's change signal: kills the process at its first commit."""

    def set(self) -> None:
        """Kill the process after the commit, before the answer."""
        os.kill(os.getpid(), signal.SIGKILL)


async def main(orders: WorkerOrders) -> None:
    """Serve and work until the time is over or the process is killed."""
    configure_logging("CRITICAL")
    library = FakeProjectLibrary()
    for allocation in orders.allocations:
        library.add_project(UUID(allocation["project_id"]), state="under_construction", physical_percent=100)
    settings = build_settings(
        "funds",
        Path(orders.var),
        orders.database,
        load_or_create_secrets(Path(orders.var)) | create_service_keys(["funds"])["funds"],
    )
    app = create_app(settings, apps={"projects": library.app}, now=lambda: MORNING)
    key = TestKey()
    key.key = ECKey.import_key(orders.key)

    async def keys() -> dict[str, Any]:
        return {"keys": [key.key.as_dict(private=False)]}

    app.state.context.verifier.fetch_jwks = keys
    doors = SystemUnderTest({"funds": app}, lambda: MORNING, key)
    scenario = FundsScenario(doors.service("funds"), library)
    if orders.final_request:
        app.state.context.changed = ExitOnCommit()
        path, body, idempotency_key = orders.final_request
        answer = await scenario.cashier.post(path, json=body, headers={"Idempotency-Key": idempotency_key})
        raise AssertionError(f"it lives on: {answer.text}")
    clerks = [PaymentTask(orders, scenario, orders.seed * 100 + n) for n in range(CONCURRENT_TASKS)]
    await asyncio.gather(*(clerk.run() for clerk in clerks))
    await doors.close()
