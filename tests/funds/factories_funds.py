"""Steps of a finance bureau over HTTP, each by the role that is responsible for it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from shared.china import format_yuan
from tests.clients import DISTRICT, ServiceUnderTest
from tests.funds.fake_project_library import FakeProjectLibrary
from tests.sample_files import build_pdf

STATUS_OK = 200
DOCUMENT_NO = "青财农字〔2023〕505号"


@dataclass
class FundsScenario:
    """Clients by role, and the fake project library."""

    door: ServiceUnderTest
    library: FakeProjectLibrary
    document_count: int = 0
    voucher_count: int = 122
    file_id: str = ""

    def __post_init__(self) -> None:
        self.bureau = self.door.client_as("bureau", person="wang")
        self.reviewer = self.door.client_as("bureau", person="zhao")
        self.finance = self.door.client_as("finance", person="chen")
        self.cashier = self.door.client_as("finance", person="liu")
        self.town = self.door.client_as("town_officer", person="ma")
        self.leader = self.door.client_as("leader", person="li")
        self.auditor = self.door.client_as("auditor", person="shen")

    async def create_source(self, amount: int, **overrides: Any) -> Any:
        """Register a fund document of an amount in 分."""
        self.document_count += 1
        body = {
            "region": DISTRICT,
            "document_no": f"{DOCUMENT_NO}之{self.document_count}",
            "title": "2023年第二批中央财政衔接推进乡村振兴补助资金",
            "fiscal_year": 2024,
            "level": "central",
            "fund": "bridging",
            "amount": format_yuan(amount),
            "document_date": "2024-05-06",
            "received_on": "2024-05-08",
            **overrides,
        }
        return expect_ok(await self.finance.post("/funds/sources", json=body), 201)

    async def create_plan(self, *lines: dict[str, Any], **overrides: Any) -> Any:
        """Create a plan in DRAFT state with these lines."""
        body = {
            "region": DISTRICT,
            "title": "2024年第一批分配方案",
            "year": 2024,
            "lines": lines,
            **overrides,
        }
        return expect_ok(await self.bureau.post("/funds/plans", json=body), 201)

    async def transition_plan(
        self, who: httpx.AsyncClient, plan_id: str, action: str, **body: Any
    ) -> httpx.Response:
        """Apply an action to a plan; any status is returned."""
        return await who.post(f"/funds/plans/{plan_id}/{action}", json=body)

    async def approve_plan(self, plan_id: str) -> Any:
        """Submit by the bureau, approve by finance."""
        expect_ok(await self.transition_plan(self.bureau, plan_id, "submit"))
        decision = {"decision_no": "区乡村振兴领导小组〔2024〕5号", "decision_on": "2024-05-09"}
        return expect_ok(await self.transition_plan(self.finance, plan_id, "approve", **decision))

    async def try_approve_plan(self, plan_id: str) -> bool:
        """Submit and approve if the rules and balances allow it; return whether it was approved."""
        if (await self.transition_plan(self.bureau, plan_id, "submit")).status_code != STATUS_OK:
            return False
        decision = {"decision_no": "区乡村振兴领导小组〔2024〕5号", "decision_on": "2024-05-09"}
        return (
            await self.transition_plan(self.finance, plan_id, "approve", **decision)
        ).status_code == STATUS_OK

    async def post_plan_notice(self, plan_id: str, starts_on: str = "2024-05-09") -> Any:
        """Post the allocation notice, by default ten days back, and move the plan to NOTICED."""
        notice = {"level": "allocation", "places": ["县政府网站", "公示栏"], "starts_on": starts_on}
        notice["photo"] = await self.upload_document()
        expect_ok(await self.bureau.post(f"/funds/plans/{plan_id}/notices", json=notice), 201)
        return expect_ok(await self.transition_plan(self.bureau, plan_id, "notice"))

    async def issue_plan(self, plan_id: str) -> list[dict[str, Any]]:
        """Take a plan from DRAFT to ISSUED; return its allocations."""
        await self.approve_plan(plan_id)
        await self.post_plan_notice(plan_id)
        expect_ok(await self.transition_plan(self.finance, plan_id, "issue"))
        page = expect_ok(await self.finance.get("/funds/allocations", params={"plan_id": plan_id}))
        return list(page["items"])

    async def create_allocation(
        self, amount: int, project: UUID | None = None, **overrides: Any
    ) -> dict[str, Any]:
        """Create an allocation in 分 from a document of its own; its project is then under construction."""
        source = await self.create_source(amount)
        project_id = project or self.library.create_project(**overrides)
        plan = await self.create_plan(build_line(project_id, source["id"], amount))
        (allocation,) = await self.issue_plan(plan["id"])
        self.library.update_project(project_id, state="under_construction", physical_percent=100)
        return allocation

    async def upload_document(self) -> str:
        """Upload a file once and return its id."""
        if self.file_id:
            return self.file_id
        answer = await self.town.post(
            "/funds/files",
            params={"name": "验收单.pdf"},
            headers={"Content-Type": "application/pdf"},
            content=build_pdf("invoice"),
        )
        self.file_id = expect_ok(answer, 201)["id"]
        return self.file_id

    async def create_payment(self, allocation_id: str, amount: int, **overrides: Any) -> Any:
        """Create a payment application with its document."""
        body = {
            "allocation_id": allocation_id,
            "amount": format_yuan(amount),
            "payee_name": "武威市水利工程有限公司",
            "payee_account": "6222021234561234567",
            "purpose": "机井工程进度款",
            "file_ids": [await self.upload_document()],
            **overrides,
        }
        return expect_ok(await self.town.post("/funds/payments", json=body), 201)

    async def transition_payment(
        self, who: httpx.AsyncClient, payment_id: str, action: str, **body: Any
    ) -> httpx.Response:
        """Apply an action to a payment; any status is returned."""
        return await who.post(f"/funds/payments/{payment_id}/{action}", json=body)

    async def create_paid_payment(self, allocation_id: str, amount: int, **overrides: Any) -> Any:
        """Take a payment from application to voucher."""
        payment = await self.create_payment(allocation_id, amount, **overrides)
        expect_ok(await self.transition_payment(self.town, payment["id"], "submit"))
        expect_ok(await self.transition_payment(self.reviewer, payment["id"], "review"))
        expect_ok(await self.transition_payment(self.finance, payment["id"], "approve"))
        self.voucher_count += 1
        voucher = {"voucher_no": f"2024-{self.voucher_count:06}", "paid_on": "2024-05-20"}
        return expect_ok(await self.transition_payment(self.cashier, payment["id"], "pay", **voucher))

    async def get_totals(self, **filters: Any) -> dict[str, int]:
        """Totals of the ledger under filters, in 分."""
        totals = expect_ok(await self.auditor.get("/funds/ledger", params=filters))["total"]
        return {name: round(float(value) * 100) for name, value in totals.items()}

    async def check_balanced(self) -> None:
        """Assert that the integrity checks of the ledger find nothing."""
        trial = expect_ok(await self.auditor.get("/funds/ledger/trial"))
        assert trial["balanced"], trial


def expect_ok(answer: httpx.Response, status: int = 200) -> Any:
    """Assert the status and return the JSON of an answer."""
    assert answer.status_code == status, answer.text
    return answer.json()


def expect_refusal(answer: httpx.Response, status: int, code: str = "") -> dict[str, Any]:
    """Assert status and error code of a problem, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem: dict[str, Any] = answer.json()
    codes = [error["code"] for error in problem.get("errors", ())]
    assert not code or code in codes, problem
    return problem


def build_line(project_id: UUID | str, source_id: str, amount: int, **overrides: Any) -> dict[str, Any]:
    """Plan line of an amount in 分."""
    return {"project_id": str(project_id), "source_id": source_id, "amount": format_yuan(amount), **overrides}
