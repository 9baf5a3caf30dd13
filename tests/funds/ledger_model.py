"""Every operation on the books as one step anybody may try, and a model that counts what was acknowledged."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from shared.china import format_yuan
from tests.funds.factories_funds import FundsScenario, build_line

SUCCESS_STATUSES = frozenset({200, 201})
REFUSAL_STATUSES = frozenset({403, 404, 409, 422, 503})
DECISION = {"decision_no": "〔2024〕5号", "decision_on": "2024-05-20"}


@dataclass(frozen=True)
class BookOperation:
    """What to try, on which of the records there are, with which amount (分)."""

    name: str
    pick: int
    amount: int


@dataclass
class LedgerModel:
    """The records so far, and the totals every acknowledged step adds up to, in 分."""

    desk: FundsScenario
    sources: list[str] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)
    allocations: list[dict[str, Any]] = field(default_factory=list)
    payments: list[dict[str, Any]] = field(default_factory=list)
    paid_payments: list[dict[str, Any]] = field(default_factory=list)
    received: int = 0
    paid: int = 0
    answer_counts: Counter[tuple[str, bool]] = field(default_factory=Counter)

    async def run_operation(self, step: BookOperation) -> None:
        """Try a step; the answer is a success, or a refusal that changes nothing."""
        await OPERATIONS[step.name](self, step)

    async def check_invariants(self) -> None:
        """Books balance, nothing is negative, and nothing that was acknowledged is lost."""
        await self.desk.check_balanced()
        held = await self.desk.get_totals()
        assert min(held.values()) >= 0, held
        assert held["received"] == held["available"] + held["allocated"], held
        assert held["allocated"] == held["paid"] + held["unpaid"], held
        assert (held["received"], held["paid"]) == (self.received, self.paid), (held, self)

    def record_answer(self, answer: httpx.Response) -> bool:
        """Whether something was done; a refusal is fine, a failure is not."""
        assert answer.status_code in SUCCESS_STATUSES | REFUSAL_STATUSES, answer.text
        taken = answer.status_code in SUCCESS_STATUSES
        self.answer_counts[answer.request.url.path.rpartition("/")[2], taken] += 1
        return taken

    async def create_source(self, step: BookOperation) -> None:
        """A document comes in."""
        made = await self.desk.create_source(step.amount)
        self.sources.append(made["id"])
        self.received += step.amount

    async def create_adjustment(self, step: BookOperation) -> None:
        """Money is added to a document or taken from it."""
        if not self.sources:
            return
        source = self.sources[step.pick % len(self.sources)]
        kind = ("addition", "reduction", "take_back")[step.pick % 3]
        body = {
            "kind": kind,
            "amount": format_yuan(step.amount),
            "document_no": "甘财农〔2024〕18号",
            "happened_on": "2024-05-15",
        }
        if self.record_answer(
            await self.desk.finance.post(f"/funds/sources/{source}/adjustments", json=body)
        ):
            self.received += step.amount if kind == "addition" else -step.amount

    async def create_plan(self, step: BookOperation) -> None:
        """Two projects are to be given something from a document."""
        if not self.sources:
            return
        source, library = self.sources[step.pick % len(self.sources)], self.desk.library
        ready = {"state": "under_construction", "physical_percent": 100}
        parts = [max(1, step.amount // 3), max(1, step.amount // 7)]
        lines = [build_line(library.create_project(), source, part) for part in parts]
        made = await self.desk.create_plan(*lines)
        self.plans.append(made["id"])
        await self.desk.try_approve_plan(made["id"])
        for project in (UUID(one["project_id"]) for one in lines):
            library.update_project(project, **ready)

    async def create_amendment(self, step: BookOperation) -> None:
        """An allocation gives part of itself to another project, or back to its document."""
        if not self.allocations:
            return
        given = self.allocations[step.pick % len(self.allocations)]
        back = build_line(given["project_id"], given["source_id"], -step.amount, allocation_id=given["id"])
        lines = [back]
        if step.pick % 2:
            lines.append(build_line(self.desk.library.create_project(), given["source_id"], step.amount))
        made = await self.desk.create_plan(*lines, kind="amendment")
        self.plans.append(made["id"])
        await self.desk.try_approve_plan(made["id"])

    async def issue_plan(self, step: BookOperation) -> None:
        """A plan is noticed and issued, as far as it can be."""
        if not self.plans:
            return
        plan = self.plans[step.pick % len(self.plans)]
        notice = {"level": "allocation", "places": ["公示栏"], "starts_on": "2024-05-09"}
        self.record_answer(await self.desk.bureau.post(f"/funds/plans/{plan}/notices", json=notice))
        self.record_answer(await self.desk.transition_plan(self.desk.bureau, plan, "notice"))
        if self.record_answer(await self.desk.transition_plan(self.desk.finance, plan, "issue")):
            found = await self.desk.finance.get("/funds/allocations", params={"plan_id": plan})
            self.allocations += found.json()["items"]

    async def cancel_plan(self, step: BookOperation) -> None:
        """A plan is called off."""
        if self.plans:
            plan = self.plans[step.pick % len(self.plans)]
            self.record_answer(
                await self.desk.transition_plan(self.desk.finance, plan, "cancel", reason="变更")
            )

    async def create_payment(self, step: BookOperation) -> None:
        """Somebody applies for a payment."""
        if not self.allocations:
            return
        given = self.allocations[step.pick % len(self.allocations)]
        made = await self.desk.create_payment(given["id"], step.amount)
        self.payments.append(made)
        self.record_answer(await self.desk.transition_payment(self.desk.town, made["id"], "submit"))

    async def run_payment(self, step: BookOperation) -> None:
        """A payment goes to its end, or is stopped on the way."""
        if not self.payments:
            return
        one, desk = self.payments[step.pick % len(self.payments)], self.desk
        self.record_answer(await desk.transition_payment(desk.town, one["id"], "submit"))
        self.record_answer(await desk.transition_payment(desk.reviewer, one["id"], "review"))
        if step.pick % 5 == 0:
            self.record_answer(
                await desk.transition_payment(desk.finance, one["id"], "return", reason="退回修改")
            )
        if step.pick % 7 == 0:
            self.record_answer(
                await desk.transition_payment(desk.finance, one["id"], "reject", reason="不予支付")
            )
        self.record_answer(await desk.transition_payment(desk.finance, one["id"], "approve"))
        voucher = {"voucher_no": "2024-1", "paid_on": "2024-05-20"}
        if self.record_answer(await desk.transition_payment(desk.cashier, one["id"], "pay", **voucher)):
            self.paid += parse_fen(one["amount"])
            self.paid_payments.append(one)

    async def refund_payment(self, step: BookOperation) -> None:
        """Part of a payment comes back, or all that is left of it."""
        if not self.payments:
            return
        some, desk = self.paid_payments or self.payments, self.desk
        one = some[step.pick % len(some)]
        if step.pick % 2:
            body = {
                "amount": format_yuan(step.amount),
                "voucher_no": "T-1",
                "happened_on": "2024-05-20",
                "reason": "户名不符",
            }
            if self.record_answer(await desk.cashier.post(f"/funds/payments/{one['id']}/refunds", json=body)):
                self.paid -= step.amount
            return
        before = (await desk.auditor.get(f"/funds/payments/{one['id']}")).json()
        answer = await desk.transition_payment(desk.cashier, one["id"], "reverse", reason="全额退回")
        if self.record_answer(answer):
            events = await desk.auditor.get("/funds/ledger/entries", params={"project_id": one["project_id"]})
            (entry,) = [
                e for e in events.json()["items"] if e["subject"] == one["id"] and e["reason"] == "全额退回"
            ]
            assert parse_fen(entry["amount"]) <= parse_fen(before["amount"])
            self.paid -= parse_fen(entry["amount"])


def parse_fen(amount: str) -> int:
    """元 as the service writes it, in 分."""
    return int(amount.replace(".", ""))


OPERATIONS: dict[str, Callable[[LedgerModel, BookOperation], Awaitable[None]]] = {
    "source": LedgerModel.create_source,
    "adjustment": LedgerModel.create_adjustment,
    "plan": LedgerModel.create_plan,
    "amendment": LedgerModel.create_amendment,
    "issue": LedgerModel.issue_plan,
    "cancel": LedgerModel.cancel_plan,
    "application": LedgerModel.create_payment,
    "payment": LedgerModel.run_payment,
    "refund": LedgerModel.refund_payment,
}
