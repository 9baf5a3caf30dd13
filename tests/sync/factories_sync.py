"""What a phone keeps in its outbox, and how it sends it."""

from datetime import datetime, timedelta
from typing import Any

import httpx

from shared.db import new_id
from tests.attendance.factories_attendance import build_check_in
from tests.conftest import Clock

DEED = {"kind": "consumption", "content": "帮助销售洋葱", "beneficiaries": 12, "amount": "310.00"}


PREFIX = "为群众办实事: "


def build_item(
    clock: Clock,
    method: str,
    path: str,
    body: Any = None,
    *,
    ago: timedelta = timedelta(minutes=5),
    **members: Any,
) -> dict[str, Any]:
    """An item of the outbox, recorded some time ago."""
    recorded_at = (clock.now() - ago).isoformat()
    sent: dict[str, Any] = {"id": str(new_id()), "method": method, "path": f"/api/v1{path}"}
    return {**sent, "body": body, "recorded_at": recorded_at, **members}


def build_deed(clock: Clock, content: str = "帮助销售洋葱", **members: Any) -> dict[str, Any]:
    """A deed without an id of its own: whoever sends it twice doubles it, unless something prevents that."""
    body = {**DEED, "content": f"{PREFIX}{content}", "happened_on": clock.now().date().isoformat()}
    return build_item(clock, "POST", "/attendance/deeds", body, **members)


def build_check_in_item(clock: Clock, *, at: datetime | None = None, **changes: Any) -> dict[str, Any]:
    """A check-in as an item."""
    body = build_check_in(clock, at=at, **changes)
    taken_at = datetime.fromisoformat(body["taken_at"])
    item = build_item(clock, "POST", "/attendance/check-ins", body, ago=clock.now() - taken_at)
    return {**item, "id": body["id"]}


async def send_batch(
    phone: httpx.AsyncClient, clock: Clock, *items: Any, status: int = 200, sent_at: datetime | None = None
) -> Any:
    """Send a batch by a phone whose clock is right, unless `sent_at` says otherwise."""
    body = {"sent_at": (sent_at or clock.now()).isoformat(), "items": list(items)}
    answer = await phone.post("/sync/batch", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def list_verdicts(answer: Any) -> list[str]:
    """The verdicts of a batch in their order."""
    return [one["verdict"] for one in answer["results"]]
