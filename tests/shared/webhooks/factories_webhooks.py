"""What the tests of webhooks do before they look."""

from typing import Any
from uuid import uuid4

import httpx

from tests.clients import DISTRICT, SystemUnderTest
from tests.webhook_receiver import WebhookReceiver

TYPES_BODY = {"types": ["source.registered", "source.adjusted"]}


async def create_webhook(
    client: httpx.AsyncClient, stranger: WebhookReceiver, **given: Any
) -> dict[str, Any]:
    body = {"region": DISTRICT, "name": "财政一体化系统", "url": stranger.url, **given}
    answer = await client.post("/funds/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def create_source(doors: SystemUnderTest, region: str = DISTRICT, changes: int = 0) -> str:
    """A document with so many adjustments: events 1 … 1 + changes of one subject."""
    finance = doors.service("funds").client_as("finance", region)
    number = uuid4().hex[:8]
    answer = await finance.post(
        "/funds/sources",
        json={
            "region": region,
            "document_no": f"甘财农〔2024〕{number}号",
            "title": "关于下达2024年衔接资金的通知",
            "fiscal_year": 2024,
            "level": "provincial",
            "fund": "bridging",
            "task": "consolidation",
            "origin": "transfer",
            "amount": "1000.00",
            "document_date": "2024-05-06",
            "received_on": "2024-05-08",
        },
    )
    assert answer.status_code == 201, answer.text
    source = answer.json()["id"]
    for at in range(changes):
        change = {
            "kind": "addition",
            "amount": "1.00",
            "document_no": f"追加{at}",
            "happened_on": "2024-05-09",
        }
        assert (await finance.post(f"/funds/sources/{source}/adjustments", json=change)).status_code == 201
    return str(source)


async def get_webhook(client: httpx.AsyncClient, hook: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/funds/webhooks/{hook['id']}")).json()
    return found


async def get_secret(client: httpx.AsyncClient, hook: dict[str, Any]) -> str:
    answer = await client.get(f"/funds/webhooks/{hook['id']}/secret")
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["secret"])
