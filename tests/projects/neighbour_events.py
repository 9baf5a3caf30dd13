"""Events of funds and assets, delivered to the internal event endpoint of the projects service."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.db import new_id
from shared.unit_of_work import CHINA_TIME_ZONE
from tests.clients import DISTRICT, SystemUnderTest
from tests.conftest import Clock

PLAN_ID = UUID("01890000-0000-7000-8000-000000000001")
DOCUMENT_NO = "甘财振兴〔2024〕1号"


async def deliver_event(
    doors: SystemUnderTest, clock: Clock, topic: str, *, times: int = 1, **fields: Any
) -> dict[str, Any]:
    """Deliver the same event `times` times; return the last receipt."""
    service = "assets" if topic.startswith("asset.") else "funds"
    today = clock.now().astimezone(CHINA_TIME_ZONE).date().isoformat()
    after = {
        "allocation_id": str(new_id()),
        "plan_id": str(PLAN_ID),
        "source_id": str(new_id()),
        "payment_id": str(new_id()),
        "asset_id": str(new_id()),
        "document_no": DOCUMENT_NO,
        "issued_on": today,
        "paid_on": today,
        "voucher_no": "1",
        **fields,
    }
    envelope = {
        "id": str(new_id()),
        "cursor": "0.1",
        "service": service,
        "type": topic,
        "subject": fields["project_id"],
        "subject_version": 1,
        "region": DISTRICT,
        "actor": "finance",
        "recorded_at": clock.now().isoformat(),
        "ingested_at": clock.now().isoformat(),
        "after": after,
    }
    token = doors.service_token(service, "projects")
    client = doors.client_with_claims("projects", None)
    receipt: dict[str, Any] = {}
    for _ in range(times):
        answer = await client.post(
            "http://test/internal/events", json=[envelope], headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 200, answer.text
        receipt = answer.json()
    return receipt


async def fund_project(doors: SystemUnderTest, clock: Clock, project_id: str, amount: str) -> None:
    """Fund a project through the funds service: source, plan with one line, approval, notice, issue and event delivery."""
    funds = doors.service("funds")
    finance, bureau = funds.client_as("finance"), funds.client_as("bureau")
    today = clock.now().astimezone(CHINA_TIME_ZONE).date()
    source = await finance.post(
        "/funds/sources",
        json={
            "region": DISTRICT,
            "document_no": DOCUMENT_NO,
            "title": "下达2024年财政衔接推进乡村振兴补助资金",
            "fiscal_year": today.year,
            "level": "central",
            "fund": "bridging",
            "amount": amount,
            "document_date": today.isoformat(),
            "received_on": today.isoformat(),
        },
    )
    line = {"project_id": project_id, "source_id": source.json()["id"], "amount": amount}
    plan = await bureau.post(
        "/funds/plans",
        json={"region": DISTRICT, "title": "2024年第一批分配方案", "year": today.year, "lines": [line]},
    )
    address = f"/funds/plans/{plan.json()['id']}"
    decision = {"decision_no": "凉区政发〔2024〕3号", "decision_on": today.isoformat()}
    notice = {"level": "allocation", "places": ["县政府网站"], "starts_on": today.isoformat()}
    answers = [
        await bureau.post(f"{address}/submit", json={}),
        await finance.post(f"{address}/approve", json=decision),
        await finance.post(f"{address}/notices", json=notice),
        await finance.post(f"{address}/notice", json={}),
    ]
    clock.advance(timedelta(days=10))
    answers.append(await finance.post(f"{address}/issue", json={}))
    for answer in answers:
        assert answer.is_success, answer.text
    await doors.deliver_events()
