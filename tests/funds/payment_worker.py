"""One of several processes that serve funds from one database: it pays, takes back and writes down what was acknowledged.

python -m tests.funds.worker '<what Orders says, as JSON>'
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from joserfc.jwk import ECKey

from embedded.run_secrets import load_or_create_secrets
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
    """What a process is told."""

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
    """Path, body and key of the one request it makes before it dies between commit and answer."""

    def to_json(self) -> str:
        """As an argument."""
        return json.dumps(asdict(self))


class PaymentTask:
    """One task of the process."""

    def __init__(self, orders: WorkerOrders, desk: FundsScenario, seed: int) -> None:
        self.orders = orders
        self.desk = desk
        self.random = random.Random(seed)
        self.until = time.monotonic() + orders.seconds

    def append_record(self, kind: str, record: str, amount: int) -> None:
        """Only what was acknowledged is written down, at once."""
        with Path(self.orders.log).open("a", encoding="utf-8") as file:
            file.write(f"{kind} {record} {amount}\n")

    async def run(self) -> None:
        """Pay, and sometimes take back, until the time is over."""
        while time.monotonic() < self.until:
            given = self.random.choice(self.orders.allocations)
            await self.make_payment(given["id"], self.random.randint(1, 5000))

    async def make_payment(self, allocation: str, amount: int) -> None:
        """A payment from application to voucher, as far as it gets."""
        desk = self.desk
        body = {
            "allocation_id": allocation,
            "amount": format_yuan(amount),
            "payee_name": f"施工队{self.random.randint(1, 3)}",
            "purpose": "进度款",
            "file_ids": [self.orders.file_id],
        }
        made = await desk.town.post("/funds/payments", json=body)
        if made.status_code != STATUS_CREATED:
            return
        payment = made.json()["id"]
        steps = ((desk.town, "submit"), (desk.reviewer, "review"), (desk.finance, "approve"))
        for who, action in steps:
            if (await desk.transition_payment(who, payment, action)).status_code != STATUS_OK:
                return
        voucher = {"voucher_no": "2024-1", "paid_on": "2024-05-20"}
        if (await desk.transition_payment(desk.cashier, payment, "pay", **voucher)).status_code == STATUS_OK:
            self.append_record("paid", payment, amount)
            await self.refund_sometimes(payment, amount)

    async def refund_sometimes(self, payment: str, amount: int) -> None:
        """Every other payment comes back in part."""
        if self.random.random() < 0.5:
            part = self.random.randint(1, amount)
            body = {
                "amount": format_yuan(part),
                "voucher_no": "T",
                "happened_on": "2024-05-20",
                "reason": "退回",
            }
            answer = await refund_payment(self.desk, payment, body)
            if answer == STATUS_CREATED:
                self.append_record("back", payment, part)


async def refund_payment(desk: FundsScenario, payment: str, body: dict[str, str]) -> int:
    """The status of a refund."""
    return (await desk.cashier.post(f"/funds/payments/{payment}/refunds", json=body)).status_code


class ExitOnCommit:
    """Stands where a service is told that something was committed, and is the end of the process."""

    def set(self) -> None:
        """Committed, and nobody was answered yet."""
        os.kill(os.getpid(), signal.SIGKILL)


async def main(orders: WorkerOrders) -> None:
    """Serve and work until the time is over, or the process is killed."""
    configure_logging("CRITICAL")
    library = FakeProjectLibrary()
    for one in orders.allocations:
        library.add_project(UUID(one["project_id"]), state="under_construction", physical_percent=100)
    settings = build_settings(
        "funds", Path(orders.var), orders.database, load_or_create_secrets(Path(orders.var))
    )
    app = create_app(settings, apps={"projects": library.app}, now=lambda: MORNING)
    key = TestKey()
    key.key = ECKey.import_key(orders.key)

    async def keys() -> dict[str, Any]:
        return {"keys": [key.key.as_dict(private=False)]}

    app.state.context.verifier.fetch_jwks = keys
    doors = SystemUnderTest({"funds": app}, lambda: MORNING, key)
    desk = FundsScenario(doors.service("funds"), library)
    if orders.final_request:
        app.state.context.changed = ExitOnCommit()
        path, body, mark = orders.final_request
        answer = await desk.cashier.post(path, json=body, headers={"Idempotency-Key": mark})
        raise AssertionError(f"it lives on: {answer.text}")
    clerks = [PaymentTask(orders, desk, orders.seed * 100 + n) for n in range(CONCURRENT_TASKS)]
    await asyncio.gather(*(clerk.run() for clerk in clerks))
    await doors.close()


if __name__ == "__main__":
    asyncio.run(main(WorkerOrders(**json.loads(sys.argv[1]))))
