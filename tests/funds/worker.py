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

from embedded.secrets import kept
from services.funds.main import create_app
from shared.money import yuan
from shared.watch import speak
from tests.conftest import MORNING, settings_of
from tests.doors import Doors, TestKey
from tests.funds.desk import Desk
from tests.funds.library import Library

AT_ONCE = 4
OK, CREATED = 200, 201


@dataclass
class Orders:
    """What a process is told."""

    database: str
    var: str
    key: dict[str, Any]
    seconds: float
    seed: int
    log: str
    paper: str
    allocations: list[dict[str, str]]
    """id and project_id of each."""
    last: tuple[str, dict[str, str], str] | None = None
    """Path, body and key of the one request it makes before it dies between commit and answer."""

    def text(self) -> str:
        """As an argument."""
        return json.dumps(asdict(self))


class Clerk:
    """One task of the process."""

    def __init__(self, orders: Orders, desk: Desk, seed: int) -> None:
        self.orders = orders
        self.desk = desk
        self.random = random.Random(seed)
        self.until = time.monotonic() + orders.seconds

    def note(self, kind: str, record: str, amount: int) -> None:
        """Only what was acknowledged is written down, at once."""
        with Path(self.orders.log).open("a", encoding="utf-8") as file:
            file.write(f"{kind} {record} {amount}\n")

    async def work(self) -> None:
        """Pay, and sometimes take back, until the time is over."""
        while time.monotonic() < self.until:
            given = self.random.choice(self.orders.allocations)
            await self.pay(given["id"], self.random.randint(1, 5000))

    async def pay(self, allocation: str, amount: int) -> None:
        """A payment from application to voucher, as far as it gets."""
        desk = self.desk
        body = {
            "allocation_id": allocation,
            "amount": yuan(amount),
            "payee_name": f"施工队{self.random.randint(1, 3)}",
            "purpose": "进度款",
            "file_ids": [self.orders.paper],
        }
        made = await desk.town.post("/funds/payments", json=body)
        if made.status_code != CREATED:
            return
        payment = made.json()["id"]
        steps = ((desk.town, "submit"), (desk.reviewer, "review"), (desk.finance, "approve"))
        for who, action in steps:
            if (await desk.pay_step(who, payment, action)).status_code != OK:
                return
        voucher = {"voucher_no": "2024-1", "paid_on": "2024-05-20"}
        if (await desk.pay_step(desk.cashier, payment, "pay", **voucher)).status_code == OK:
            self.note("paid", payment, amount)
            await self.maybe_back(payment, amount)

    async def maybe_back(self, payment: str, amount: int) -> None:
        """Every other payment comes back in part."""
        if self.random.random() < 0.5:
            part = self.random.randint(1, amount)
            body = {"amount": yuan(part), "voucher_no": "T", "happened_on": "2024-05-20", "reason": "退回"}
            answer = await desk_refund(self.desk, payment, body)
            if answer == CREATED:
                self.note("back", payment, part)


async def desk_refund(desk: Desk, payment: str, body: dict[str, str]) -> int:
    """The status of a refund."""
    return (await desk.cashier.post(f"/funds/payments/{payment}/refunds", json=body)).status_code


class Death:
    """Stands where a service is told that something was committed, and is the end of the process."""

    def set(self) -> None:
        """Committed, and nobody was answered yet."""
        os.kill(os.getpid(), signal.SIGKILL)


async def main(orders: Orders) -> None:
    """Serve and work until the time is over, or the process is killed."""
    speak("CRITICAL")
    library = Library()
    for one in orders.allocations:
        library.adopt(UUID(one["project_id"]), state="under_construction", physical_percent=100)
    settings = settings_of("funds", Path(orders.var), orders.database, kept(Path(orders.var)))
    app = create_app(settings, apps={"projects": library.app}, now=lambda: MORNING)
    key = TestKey()
    key.key = ECKey.import_key(orders.key)

    async def keys() -> dict[str, Any]:
        return {"keys": [key.key.as_dict(private=False)]}

    app.state.context.verifier.fetch_jwks = keys
    doors = Doors({"funds": app}, lambda: MORNING, key)
    desk = Desk(doors.of("funds"), library)
    if orders.last:
        app.state.context.changed = Death()
        path, body, mark = orders.last
        answer = await desk.cashier.post(path, json=body, headers={"Idempotency-Key": mark})
        raise AssertionError(f"it lives on: {answer.text}")
    clerks = [Clerk(orders, desk, orders.seed * 100 + n) for n in range(AT_ONCE)]
    await asyncio.gather(*(clerk.work() for clerk in clerks))
    await doors.close()


if __name__ == "__main__":
    asyncio.run(main(Orders(**json.loads(sys.argv[1]))))
