"""Operations on the books for property tests, and a model of the acknowledged totals."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

from shared.china import format_yuan
from tests.funds.factories_funds import FundsScenario, build_line

SUCCESS_STATUSES = frozenset({200, 201})
REFUSAL_STATUSES = frozenset({403, 404, 409, 422, 503})
DECISION = {"decision_no": "〔2024〕5号", "decision_on": "2024-05-20"}


@dataclass(frozen=True)
class BookOperation:
    """Operation name, index of the record it picks, amount in 分."""

    name: str
    pick: int
    amount: int


@dataclass
class LedgerModel:
    """Created records and the totals that the acknowledged operations add up to, in 分."""

    scenario: FundsScenario
    sources: list[str] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)
    allocations: list[dict[str, Any]] = field(default_factory=list)
    payments: list[dict[str, Any]] = field(default_factory=list)
    paid_payments: list[dict[str, Any]] = field(default_factory=list)
    received: int = 0
    paid: int = 0
    answer_counts: Counter[tuple[str, bool]] = field(default_factory=Counter)

    async def run_operation(self, step: BookOperation) -> None:
        """Run an operation; a success is counted, a refusal must change nothing."""
        await OPERATIONS[step.name](self, step)

    async def check_invariants(self) -> None:
        """Assert that the books balance, nothing is negative and nothing acknowledged is lost."""
        await self.scenario.check_balanced()
        totals = await self.scenario.get_totals()
        assert min(totals.values()) >= 0, totals
        assert totals["received"] == totals["available"] + totals["allocated"], totals
        assert totals["allocated"] == totals["paid"] + totals["unpaid"], totals
        assert (totals["received"], totals["paid"]) == (self.received, self.paid), (totals, self)

    def record_answer(self, answer: httpx.Response) -> bool:
        """Count the answer; return whether something was done. A refusal or a repeat is allowed, a server error is not."""
        assert answer.status_code in SUCCESS_STATUSES | REFUSAL_STATUSES, answer.text
        is_success = answer.status_code in SUCCESS_STATUSES and "idempotent-replayed" not in answer.headers
        self.answer_counts[answer.request.url.path.rpartition("/")[2], is_success] += 1
        return is_success

    async def create_source(self, step: BookOperation) -> None:
        """Register a fund document."""
        source = await self.scenario.create_source(step.amount)
        self.sources.append(source["id"])
        self.received += step.amount

    async def create_adjustment(self, step: BookOperation) -> None:
        """Add money to a document or take it back."""
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
            await self.scenario.finance.post(f"/funds/sources/{source}/adjustments", json=body)
        ):
            self.received += step.amount if kind == "addition" else -step.amount

    async def create_plan(self, step: BookOperation) -> None:
        """Plan and try to approve money for two projects."""
        if not self.sources:
            return
        source, library = self.sources[step.pick % len(self.sources)], self.scenario.library
        ready = {"state": "under_construction", "physical_percent": 100}
        parts = [max(1, step.amount // 3), max(1, step.amount // 7)]
        lines = [build_line(library.create_project(), source, part) for part in parts]
        plan = await self.scenario.create_plan(*lines)
        self.plans.append(plan["id"])
        await self.scenario.try_approve_plan(plan["id"])
        for project in (UUID(line["project_id"]) for line in lines):
            library.update_project(project, **ready)

    async def create_amendment(self, step: BookOperation) -> None:
        """Move part of an allocation to another project or back to its document."""
        if not self.allocations:
            return
        allocation = self.allocations[step.pick % len(self.allocations)]
        recall = build_line(
            allocation["project_id"], allocation["source_id"], -step.amount, allocation_id=allocation["id"]
        )
        lines = [recall]
        if step.pick % 2:
            lines.append(
                build_line(self.scenario.library.create_project(), allocation["source_id"], step.amount)
            )
        plan = await self.scenario.create_plan(*lines, kind="amendment")
        self.plans.append(plan["id"])
        await self.scenario.try_approve_plan(plan["id"])

    async def issue_plan(self, step: BookOperation) -> None:
        """Post the notice of a plan and issue it, as far as allowed."""
        if not self.plans:
            return
        plan = self.plans[step.pick % len(self.plans)]
        photo = await self.scenario.upload_document()
        notice = {"level": "allocation", "places": ["公示栏"], "starts_on": "2024-05-09", "photo": photo}
        self.record_answer(await self.scenario.bureau.post(f"/funds/plans/{plan}/notices", json=notice))
        self.record_answer(await self.scenario.transition_plan(self.scenario.bureau, plan, "notice"))
        if self.record_answer(await self.scenario.transition_plan(self.scenario.finance, plan, "issue")):
            answer = await self.scenario.finance.get("/funds/allocations", params={"plan_id": plan})
            self.allocations += answer.json()["items"]

    async def cancel_plan(self, step: BookOperation) -> None:
        """Cancel a plan."""
        if self.plans:
            plan = self.plans[step.pick % len(self.plans)]
            self.record_answer(
                await self.scenario.transition_plan(self.scenario.finance, plan, "cancel", reason="变更")
            )

    async def create_payment(self, step: BookOperation) -> None:
        """Create and submit a payment."""
        if not self.allocations:
            return
        allocation = self.allocations[step.pick % len(self.allocations)]
        payment = await self.scenario.create_payment(allocation["id"], step.amount)
        self.payments.append(payment)
        self.record_answer(
            await self.scenario.transition_payment(self.scenario.town, payment["id"], "submit")
        )

    async def run_payment(self, step: BookOperation) -> None:
        """Take a payment to its end or stop it on the way."""
        if not self.payments:
            return
        payment, scenario = self.payments[step.pick % len(self.payments)], self.scenario
        self.record_answer(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
        self.record_answer(await scenario.transition_payment(scenario.reviewer, payment["id"], "review"))
        if step.pick % 5 == 0:
            self.record_answer(
                await scenario.transition_payment(
                    scenario.finance, payment["id"], "return", reason="退回修改"
                )
            )
        if step.pick % 7 == 0:
            self.record_answer(
                await scenario.transition_payment(
                    scenario.finance, payment["id"], "reject", reason="不予支付"
                )
            )
        self.record_answer(await scenario.transition_payment(scenario.finance, payment["id"], "approve"))
        voucher = {"voucher_no": f"2024-{payment['id']}", "paid_on": "2024-05-20"}
        if self.record_answer(
            await scenario.transition_payment(scenario.cashier, payment["id"], "pay", **voucher)
        ):
            self.paid += parse_fen(payment["amount"])
            self.paid_payments.append(payment)

    async def refund_payment(self, step: BookOperation) -> None:
        """Refund part of a payment, or reverse it."""
        if not self.payments:
            return
        payments, scenario = self.paid_payments or self.payments, self.scenario
        payment = payments[step.pick % len(payments)]
        if step.pick % 2:
            body = {
                "amount": format_yuan(step.amount),
                "voucher_no": f"T-{uuid4()}",
                "happened_on": "2024-05-20",
                "reason": "户名不符",
            }
            if self.record_answer(
                await scenario.cashier.post(f"/funds/payments/{payment['id']}/refunds", json=body)
            ):
                self.paid -= step.amount
            return
        before = (await scenario.auditor.get(f"/funds/payments/{payment['id']}")).json()
        answer = await scenario.transition_payment(
            scenario.cashier, payment["id"], "reverse", reason="全额退回"
        )
        if self.record_answer(answer):
            events = await scenario.auditor.get(
                "/funds/ledger/entries", params={"project_id": payment["project_id"]}
            )
            (entry,) = [
                row
                for row in events.json()["items"]
                if row["subject"] == payment["id"] and row["reason"] == "全额退回"
            ]
            assert parse_fen(entry["amount"]) <= parse_fen(before["amount"])
            self.paid -= parse_fen(entry["amount"])


def parse_fen(amount: str) -> int:
    """Parse an amount in 元 with two decimals to 分."""
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
