"""个人信息请求 in rectification: who led, answered for and visited a rectification that is over is erased by two officers."""

from collections.abc import Callable

from shared.events.fsck import check_service
from tests.clients import VILLAGE, ServiceUnderTest
from tests.rectification.test_items import PROBLEM, Ledger
from tests.stored_text_search import find_clear_text

REQUESTS = "/rectification/person-requests"
NAME = str(PROBLEM["person"])
BODY = {
    "kind": "erasure",
    "basis": "purpose_over",
    "region": VILLAGE,
    "name": NAME,
    "document": "甘凉信申〔2026〕14号",
}


async def test_who_answered_for_a_rectification_that_is_over_is_erased(
    door: Callable[[str], ServiceUnderTest],
) -> None:
    ledger, service = Ledger(door), door("rectification")
    item = (await ledger.enter())["id"]
    other = (await ledger.enter(number="8", person="钱样乙", leader=NAME))["id"]
    request = (await ledger.bureau.post(REQUESTS, json=BODY)).json()["id"]
    refused = await ledger.second.post(f"{REQUESTS}/{request}/erase", json={})
    assert (refused.status_code, "还没有销号" in refused.json()["detail"]) == (409, True)
    for one in (item, other):
        await ledger.must(ledger.bureau, one, "cancel", reason="重复登记")
    read = await ledger.bureau.post(f"{REQUESTS}/{request}/readings", json={"purpose": "答复申请人"})
    assert {(row["label"], row["id"]) for row in read.json()["rows"]} == {
        ("整改包抓领导", other),
        ("整改责任人", item),
    }
    done = await ledger.second.post(f"{REQUESTS}/{request}/erase", json={})
    assert (done.status_code, [one["erased"] for one in done.json()["outcome"]]) == (200, [1, 1])
    named = await find_clear_text(service.context, NAME)
    assert not {one for one in named if one.startswith(("rectification_item.", "event_log."))}
    left = (await ledger.bureau.get(f"/rectification/items/{other}")).json()
    assert (left["leader"], left["person"]) == ("已删除", "钱样乙")
    fsck = service.system.apps["rectification"].state.fsck
    assert (await check_service("rectification", service.context.database, fsck)).differences == []
