"""Every operation on the books as one step anybody may try, and a model that counts what was acknowledged."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from shared.money import yuan
from tests.funds.desk import Desk, line

DONE = frozenset({200, 201})
REFUSED = frozenset({403, 404, 409, 422, 503})
DECISION = {"decision_no": "〔2024〕5号", "decision_on": "2024-05-20"}


@dataclass(frozen=True)
class Step:
    """What to try, on which of the records there are, with which amount (分)."""

    name: str
    pick: int
    amount: int


@dataclass
class World:
    """The records so far, and the totals every acknowledged step adds up to, in 分."""

    desk: Desk
    sources: list[str] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)
    allocations: list[dict[str, Any]] = field(default_factory=list)
    payments: list[dict[str, Any]] = field(default_factory=list)
    settled: list[dict[str, Any]] = field(default_factory=list)
    received: int = 0
    paid: int = 0
    taken: Counter[tuple[str, bool]] = field(default_factory=Counter)

    async def perform(self, step: Step) -> None:
        """Try a step; the answer is a success, or a refusal that changes nothing."""
        await STEPS[step.name](self, step)

    async def check(self) -> None:
        """Books balance, nothing is negative, and nothing that was acknowledged is lost."""
        await self.desk.balanced()
        held = await self.desk.figures()
        assert min(held.values()) >= 0, held
        assert held["received"] == held["available"] + held["allocated"], held
        assert held["allocated"] == held["paid"] + held["unpaid"], held
        assert (held["received"], held["paid"]) == (self.received, self.paid), (held, self)

    def done(self, answer: httpx.Response) -> bool:
        """Whether something was done; a refusal is fine, a failure is not."""
        assert answer.status_code in DONE | REFUSED, answer.text
        taken = answer.status_code in DONE
        self.taken[answer.request.url.path.rpartition("/")[2], taken] += 1
        return taken

    async def source(self, step: Step) -> None:
        """A document comes in."""
        made = await self.desk.source(step.amount)
        self.sources.append(made["id"])
        self.received += step.amount

    async def adjustment(self, step: Step) -> None:
        """Money is added to a document or taken from it."""
        if not self.sources:
            return
        source = self.sources[step.pick % len(self.sources)]
        kind = ("addition", "reduction", "take_back")[step.pick % 3]
        body = {
            "kind": kind,
            "amount": yuan(step.amount),
            "document_no": "甘财农〔2024〕18号",
            "happened_on": "2024-05-15",
        }
        if self.done(await self.desk.finance.post(f"/funds/sources/{source}/adjustments", json=body)):
            self.received += step.amount if kind == "addition" else -step.amount

    async def plan(self, step: Step) -> None:
        """Two projects are to be given something from a document."""
        if not self.sources:
            return
        source, library = self.sources[step.pick % len(self.sources)], self.desk.library
        ready = {"state": "under_construction", "physical_percent": 100}
        parts = [max(1, step.amount // 3), max(1, step.amount // 7)]
        lines = [line(library.project(), source, part) for part in parts]
        made = await self.desk.plan(*lines)
        self.plans.append(made["id"])
        await self.desk.approved_or_not(made["id"])
        for project in (UUID(one["project_id"]) for one in lines):
            library.change(project, **ready)

    async def amendment(self, step: Step) -> None:
        """An allocation gives part of itself to another project, or back to its document."""
        if not self.allocations:
            return
        given = self.allocations[step.pick % len(self.allocations)]
        back = line(given["project_id"], given["source_id"], -step.amount, allocation_id=given["id"])
        lines = [back]
        if step.pick % 2:
            lines.append(line(self.desk.library.project(), given["source_id"], step.amount))
        made = await self.desk.plan(*lines, kind="amendment")
        self.plans.append(made["id"])
        await self.desk.approved_or_not(made["id"])

    async def issue(self, step: Step) -> None:
        """A plan is noticed and issued, as far as it can be."""
        if not self.plans:
            return
        plan = self.plans[step.pick % len(self.plans)]
        notice = {"level": "allocation", "places": ["公示栏"], "starts_on": "2024-05-09"}
        self.done(await self.desk.bureau.post(f"/funds/plans/{plan}/notices", json=notice))
        self.done(await self.desk.act(self.desk.bureau, plan, "notice"))
        if self.done(await self.desk.act(self.desk.finance, plan, "issue")):
            found = await self.desk.finance.get("/funds/allocations", params={"plan_id": plan})
            self.allocations += found.json()["items"]

    async def cancel(self, step: Step) -> None:
        """A plan is called off."""
        if self.plans:
            plan = self.plans[step.pick % len(self.plans)]
            self.done(await self.desk.act(self.desk.finance, plan, "cancel", reason="变更"))

    async def application(self, step: Step) -> None:
        """Somebody applies for a payment."""
        if not self.allocations:
            return
        given = self.allocations[step.pick % len(self.allocations)]
        made = await self.desk.draft_payment(given["id"], step.amount)
        self.payments.append(made)
        self.done(await self.desk.pay_step(self.desk.town, made["id"], "submit"))

    async def payment(self, step: Step) -> None:
        """A payment goes to its end, or is stopped on the way."""
        if not self.payments:
            return
        one, desk = self.payments[step.pick % len(self.payments)], self.desk
        self.done(await desk.pay_step(desk.town, one["id"], "submit"))
        self.done(await desk.pay_step(desk.reviewer, one["id"], "review"))
        if step.pick % 5 == 0:
            self.done(await desk.pay_step(desk.finance, one["id"], "return", reason="退回修改"))
        if step.pick % 7 == 0:
            self.done(await desk.pay_step(desk.finance, one["id"], "reject", reason="不予支付"))
        self.done(await desk.pay_step(desk.finance, one["id"], "approve"))
        voucher = {"voucher_no": "2024-1", "paid_on": "2024-05-20"}
        if self.done(await desk.pay_step(desk.cashier, one["id"], "pay", **voucher)):
            self.paid += fen(one["amount"])
            self.settled.append(one)

    async def refund(self, step: Step) -> None:
        """Part of a payment comes back, or all that is left of it."""
        if not self.payments:
            return
        some, desk = self.settled or self.payments, self.desk
        one = some[step.pick % len(some)]
        if step.pick % 2:
            body = {
                "amount": yuan(step.amount),
                "voucher_no": "T-1",
                "happened_on": "2024-05-20",
                "reason": "户名不符",
            }
            if self.done(await desk.cashier.post(f"/funds/payments/{one['id']}/refunds", json=body)):
                self.paid -= step.amount
            return
        before = (await desk.auditor.get(f"/funds/payments/{one['id']}")).json()
        answer = await desk.pay_step(desk.cashier, one["id"], "reverse", reason="全额退回")
        if self.done(answer):
            events = await desk.auditor.get("/funds/ledger/entries", params={"project_id": one["project_id"]})
            (entry,) = [
                e for e in events.json()["items"] if e["subject"] == one["id"] and e["reason"] == "全额退回"
            ]
            assert fen(entry["amount"]) <= fen(before["amount"])
            self.paid -= fen(entry["amount"])


def fen(amount: str) -> int:
    """元 as the service writes it, in 分."""
    return int(amount.replace(".", ""))


STEPS: dict[str, Callable[[World, Step], Awaitable[None]]] = {
    "source": World.source,
    "adjustment": World.adjustment,
    "plan": World.plan,
    "amendment": World.amendment,
    "issue": World.issue,
    "cancel": World.cancel,
    "application": World.application,
    "payment": World.payment,
    "refund": World.refund,
}
