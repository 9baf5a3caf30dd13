"""What the people of a finance bureau do, each step through the HTTP door by the role that does it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from shared.money import yuan
from tests.doors import DISTRICT, Door
from tests.funds.library import Library

OK = 200
DOCUMENT = "青财农字〔2023〕505号"


@dataclass
class Desk:
    """Clients by role, and the library the projects are in."""

    door: Door
    library: Library
    papers: int = 0
    file: str = ""

    def __post_init__(self) -> None:
        self.bureau = self.door.as_("bureau", person="wang")
        self.reviewer = self.door.as_("bureau", person="zhao")
        self.finance = self.door.as_("finance", person="chen")
        self.cashier = self.door.as_("finance", person="liu")
        self.town = self.door.as_("town_officer", person="ma")
        self.leader = self.door.as_("leader", person="li")
        self.auditor = self.door.as_("auditor", person="shen")

    async def source(self, amount: int, **given: Any) -> Any:
        """A registered fund document of so many 分."""
        self.papers += 1
        body = {
            "region": DISTRICT,
            "document_no": f"{DOCUMENT}之{self.papers}",
            "title": "2023年第二批中央财政衔接推进乡村振兴补助资金",
            "fiscal_year": 2024,
            "level": "central",
            "fund": "bridging",
            "amount": yuan(amount),
            "document_date": "2024-05-06",
            "received_on": "2024-05-08",
            **given,
        }
        return ok(await self.finance.post("/funds/sources", json=body), 201)

    async def plan(self, *lines: dict[str, Any], **given: Any) -> Any:
        """A plan in draft with these lines."""
        body = {"region": DISTRICT, "title": "2024年第一批分配方案", "year": 2024, "lines": lines, **given}
        return ok(await self.bureau.post("/funds/plans", json=body), 201)

    async def act(self, who: httpx.AsyncClient, plan_id: str, action: str, **body: Any) -> httpx.Response:
        """One step of a plan's life, whatever comes of it."""
        return await who.post(f"/funds/plans/{plan_id}/{action}", json=body)

    async def approved(self, plan_id: str) -> Any:
        """Submitted by the bureau, approved by finance."""
        ok(await self.act(self.bureau, plan_id, "submit"))
        decision = {"decision_no": "区乡村振兴领导小组〔2024〕5号", "decision_on": "2024-05-20"}
        return ok(await self.act(self.finance, plan_id, "approve", **decision))

    async def approved_or_not(self, plan_id: str) -> bool:
        """Submitted and approved, if the rules and the balances let it."""
        if (await self.act(self.bureau, plan_id, "submit")).status_code != OK:
            return False
        decision = {"decision_no": "区乡村振兴领导小组〔2024〕5号", "decision_on": "2024-05-20"}
        return (await self.act(self.finance, plan_id, "approve", **decision)).status_code == OK

    async def noticed(self, plan_id: str, starts_on: str = "2024-05-09") -> Any:
        """On notice since a day that lies ten days back, unless told otherwise."""
        notice = {"level": "allocation", "places": ["县政府网站", "公示栏"], "starts_on": starts_on}
        ok(await self.bureau.post(f"/funds/plans/{plan_id}/notices", json=notice), 201)
        return ok(await self.act(self.bureau, plan_id, "notice"))

    async def issued(self, plan_id: str) -> list[dict[str, Any]]:
        """From draft to its allocations."""
        await self.approved(plan_id)
        await self.noticed(plan_id)
        ok(await self.act(self.finance, plan_id, "issue"))
        found = ok(await self.finance.get("/funds/allocations", params={"plan_id": plan_id}))
        return list(found["items"])

    async def allocation(self, amount: int, project: UUID | None = None, **given: Any) -> dict[str, Any]:
        """A project's money of so many 分, from a document of its own; the project is then at work."""
        source = await self.source(amount)
        project_id = project or self.library.project(**given)
        plan = await self.plan(line(project_id, source["id"], amount))
        (found,) = await self.issued(plan["id"])
        self.library.change(project_id, state="under_construction", physical_percent=100)
        return found

    async def paper(self) -> str:
        """An uploaded file's id; one file does for all."""
        if self.file:
            return self.file
        answered = await self.town.post(
            "/funds/files",
            params={"name": "验收单.pdf"},
            headers={"Content-Type": "application/pdf"},
            content=b"%PDF-1.4 invoice",
        )
        self.file = ok(answered, 201)["id"]
        return self.file

    async def draft_payment(self, allocation_id: str, amount: int, **given: Any) -> Any:
        """A payment application with its document."""
        body = {
            "allocation_id": allocation_id,
            "amount": yuan(amount),
            "payee_name": "武威市水利工程有限公司",
            "payee_account": "6222021234561234567",
            "purpose": "机井工程进度款",
            "file_ids": [await self.paper()],
            **given,
        }
        return ok(await self.town.post("/funds/payments", json=body), 201)

    async def pay_step(
        self, who: httpx.AsyncClient, payment_id: str, action: str, **body: Any
    ) -> httpx.Response:
        """One step of a payment's life, whatever comes of it."""
        return await who.post(f"/funds/payments/{payment_id}/{action}", json=body)

    async def paid(self, allocation_id: str, amount: int, **given: Any) -> Any:
        """From application to voucher."""
        payment = await self.draft_payment(allocation_id, amount, **given)
        ok(await self.pay_step(self.town, payment["id"], "submit"))
        ok(await self.pay_step(self.reviewer, payment["id"], "review"))
        ok(await self.pay_step(self.finance, payment["id"], "approve"))
        voucher = {"voucher_no": "2024-000123", "paid_on": "2024-05-20"}
        return ok(await self.pay_step(self.cashier, payment["id"], "pay", **voucher))

    async def figures(self, **filters: Any) -> dict[str, int]:
        """The ledger's total under some filters, in 分."""
        found = ok(await self.auditor.get("/funds/ledger", params=filters))["total"]
        return {name: round(float(value) * 100) for name, value in found.items()}

    async def balanced(self) -> None:
        """Nothing is wrong anywhere in the books."""
        trial = ok(await self.auditor.get("/funds/ledger/trial"))
        assert trial["balanced"], trial


def ok(answer: httpx.Response, status: int = 200) -> Any:
    """The JSON of an answer that must have gone well."""
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int, code: str = "") -> dict[str, Any]:
    """The problem of an answer that must have been refused, for this reason."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem: dict[str, Any] = answer.json()
    codes = [fault["code"] for fault in problem.get("errors", ())]
    assert not code or code in codes, problem
    return problem


def line(project_id: UUID | str, source_id: str, amount: int, **given: Any) -> dict[str, Any]:
    """A plan line of so many 分."""
    return {"project_id": str(project_id), "source_id": source_id, "amount": yuan(amount), **given}
