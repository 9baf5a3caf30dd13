"""What a phone keeps in its outbox, and how it sends it."""

import json
from datetime import datetime, timedelta
from typing import Any

import httpx

from shared.db import new_id
from tests.attendance.factories_attendance import build_check_in
from tests.clients import VILLAGE, SystemUnderTest
from tests.conftest import Clock

DEED = {"kind": "consumption", "content": "帮助销售洋葱", "beneficiaries": 12, "amount": "310.00"}


JSON_BODY = {"content-type": "application/json"}
"""With `json.dumps`, which escapes what UTF-8 cannot hold, such as half of a surrogate pair."""
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
    """A deed under an id that the phone made."""
    body = {
        "id": str(new_id()),
        **DEED,
        "content": f"{PREFIX}{content}",
        "happened_on": clock.now().date().isoformat(),
    }
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
    answer = await phone.post("/sync/batch", content=json.dumps(body), headers=JSON_BODY)
    assert answer.status_code == status, answer.text
    return answer.json()


def list_verdicts(answer: Any) -> list[str]:
    """The verdicts of a batch in their order."""
    return [one["verdict"] for one in answer["results"]]


async def create_account(
    doors: SystemUnderTest, account: str, *grants: tuple[str, str], **changes: Any
) -> None:
    """An account at identity with these grants; a cadre of the village when none is given."""
    admin = doors.service("identity").client_as("admin", person="keeper")
    held = [{"role": role, "region": region} for role, region in grants or [("cadre", VILLAGE)]]
    body = {"id": account, "name": f"{account}同志", "region": VILLAGE, "password": None, "grants": held}
    answer = await admin.post("/users", json={**body, **changes})
    assert answer.status_code == 201, answer.text


async def change_grants(doors: SystemUnderTest, account: str, *grants: tuple[str, str]) -> None:
    """The administrator gives an account these grants instead of those it has."""
    admin = doors.service("identity").client_as("admin", person="keeper")
    etag = (await admin.get(f"/users/{account}")).headers["etag"]
    body = {"grants": [{"role": role, "region": region} for role, region in grants]}
    answer = await admin.patch(f"/users/{account}", json=body, headers={"If-Match": etag})
    assert answer.status_code == 200, answer.text
