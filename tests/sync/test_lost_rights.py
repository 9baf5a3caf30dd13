"""A right that was lost on the way holds an item and is named; a right that its sender never had refuses it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.sync.items.service import replay_due_items
from tests.attendance.factories_attendance import get_json, post_json
from tests.clients import VILLAGE, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.sync.factories_sync import (
    DEED,
    build_deed,
    build_item,
    change_grants,
    create_account,
    list_verdicts,
    send_batch,
)

OTHER_VILLAGE = "620602101201"
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("post")


@pytest.fixture
async def change(doors: SystemUnderTest, cadre: httpx.AsyncClient, clock: Clock) -> dict[str, Any]:
    """An edit of li's own deed, recorded an hour after li became the village's cadre."""
    await create_account(doors, "li")
    deed = await post_json(cadre, "/attendance/deeds", {**DEED, "happened_on": "2024-05-18"})
    etag = (await cadre.get(f"/attendance/deeds/{deed['id']}")).headers["etag"]
    clock.advance(HOUR)
    path, body = f"/attendance/deeds/{deed['id']}", {"content": "在手机上改过的内容"}
    item = build_item(clock, "PATCH", path, body, ago=timedelta(0), if_match=etag)
    clock.advance(HOUR)
    return item


async def test_a_record_that_left_the_callers_regions_is_held_and_played_when_they_are_back(
    doors: SystemUnderTest,
    sync: ServiceUnderTest,
    phone: httpx.AsyncClient,
    cadre: httpx.AsyncClient,
    clock: Clock,
    change: dict[str, Any],
) -> None:
    await change_grants(doors, "li", ("cadre", OTHER_VILLAGE))
    moved = sync.client_as("cadre", OTHER_VILLAGE, person="li")
    result = (await send_batch(moved, clock, change))["results"][0]

    assert (result["verdict"], result["reason"], result["status"]) == ("held", "grant", 404)
    assert result["reason_label"] == "此刻没有这项权限"
    (row,) = (await get_json(moved, "/sync/items", verdict="held"))["items"]
    assert (row["id"], row["reason"]) == (change["id"], "grant")
    await change_grants(doors, "li", ("cadre", VILLAGE))
    clock.advance(timedelta(minutes=11))
    await replay_due_items(sync.context)
    assert (await get_json(phone, f"/sync/items/{change['id']}"))["verdict"] == "applied"
    (deed,) = (await get_json(cadre, "/attendance/deeds"))["items"]
    assert deed["content"] == "在手机上改过的内容"


async def test_an_edit_of_a_record_that_was_never_the_senders_is_refused(
    doors: SystemUnderTest, sync: ServiceUnderTest, clock: Clock, change: dict[str, Any]
) -> None:
    await create_account(doors, "wang", ("cadre", OTHER_VILLAGE))
    stranger = sync.client_as("cadre", OTHER_VILLAGE, person="wang")
    answer = await send_batch(stranger, clock, change)

    assert list_verdicts(answer) == ["refused"]
    assert answer["results"][0]["status"] == 404


async def test_a_right_that_ended_before_the_item_was_recorded_refuses_it(
    doors: SystemUnderTest, sync: ServiceUnderTest, clock: Clock, change: dict[str, Any]
) -> None:
    await change_grants(doors, "li", ("cadre", OTHER_VILLAGE))
    clock.advance(HOUR)
    late = {**change, "id": str(uuid4()), "recorded_at": clock.now().isoformat()}
    answer = await send_batch(sync.client_as("cadre", OTHER_VILLAGE, person="li"), clock, late, change)

    assert list_verdicts(answer) == ["refused", "held"]


async def test_a_right_that_the_sender_lost_but_that_was_another_one_refuses_it(
    doors: SystemUnderTest, sync: ServiceUnderTest, clock: Clock
) -> None:
    """A clerk of the village never recorded deeds as a cadre does: losing the office of clerk changes nothing."""
    await create_account(doors, "zhao", ("village_clerk", VILLAGE))
    clock.advance(HOUR)
    item = build_deed(clock, ago=timedelta(minutes=30))
    await change_grants(doors, "zhao", ("village_clerk", OTHER_VILLAGE))
    answer = await send_batch(sync.client_as("village_clerk", OTHER_VILLAGE, person="zhao"), clock, item)

    assert list_verdicts(answer) == ["refused"]
    assert answer["results"][0]["status"] == 403


async def test_a_grant_whose_last_day_is_over_was_lost(
    doors: SystemUnderTest, sync: ServiceUnderTest, phone: httpx.AsyncClient, clock: Clock
) -> None:
    today = clock.now().date()
    held = [
        {"role": "cadre", "region": VILLAGE, "valid_to": today.isoformat()},
        {"role": "cadre", "region": OTHER_VILLAGE},
    ]
    await create_account(doors, "li", grants=held)
    deed = (await send_batch(phone, clock, build_deed(clock)))["results"][0]["body"]
    edit = build_item(
        clock, "PATCH", f"/attendance/deeds/{deed['id']}", {"content": "当天改的内容"}, if_match="*"
    )
    clock.advance(timedelta(days=1))
    answer = await send_batch(sync.client_as("cadre", OTHER_VILLAGE, person="li"), clock, edit)

    assert [(one["verdict"], one["reason"]) for one in answer["results"]] == [("held", "grant")]
