"""An action that is repeated without a key, because the answer was lost, is answered by what stands."""

from datetime import timedelta
from typing import Any

import httpx

from tests.attendance.factories_attendance import get_json, post_json
from tests.clients import ServiceUnderTest
from tests.conftest import Clock

ERRAND = {
    "kind": "training",
    "starts_on": "2024-05-21",
    "ends_on": "2024-05-22",
    "place": "武威市",
    "why": "业务培训",
}
VISIT = {
    "visited_on": "2024-05-18",
    "kind": "household",
    "purpose": "monitoring",
    "household": "马秀英",
    "findings": "屋顶漏水",
    "follow_ups": [{"text": "联系危房改造", "due_on": "2024-05-31"}],
}


async def test_a_lost_answer_is_given_again_and_nothing_is_done_twice(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any
) -> None:
    errand = await post_json(cadre, "/attendance/errands", ERRAND)
    address = f"/attendance/errands/{errand['id']}/acknowledge"
    first = await post_json(town, address, {}, 200)
    again = await post_json(town, address, {}, 200)
    events = (await get_json(attendance.client_as("bureau"), "/attendance/events"))["items"]

    assert again == first
    assert len([one for one in events if one["type"] == "presence_request.moved"]) == 2


async def test_a_repeat_by_another_person_or_with_other_words_is_refused(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any
) -> None:
    errand = await post_json(cadre, "/attendance/errands", ERRAND)
    address = f"/attendance/errands/{errand['id']}/acknowledge"
    await post_json(town, address, {"reason": "知悉"}, 200)

    await post_json(town, address, {"reason": "再看"}, 409)
    colleague = attendance.client_as("town_officer", person="zhao")
    await post_json(colleague, address, {"reason": "知悉"}, 409)
    await post_json(town, address, {"reason": "知悉"}, 200)
    await post_json(cadre, f"/attendance/errands/{errand['id']}/withdraw", {"reason": "不去了"}, 200)
    await post_json(town, address, {"reason": "知悉"}, 409)


async def test_a_repeat_with_other_content_is_refused(cadre: httpx.AsyncClient, post: Any) -> None:
    today = {"starts_on": "2024-05-19", "ends_on": "2024-05-20"}
    errand = await post_json(cadre, "/attendance/errands", {**ERRAND, **today})
    address = f"/attendance/errands/{errand['id']}/return"
    first = await post_json(cadre, address, {"returned_on": "2024-05-20"}, 200)

    assert await post_json(cadre, address, {"returned_on": "2024-05-20"}, 200) == first
    await post_json(cadre, address, {"returned_on": "2024-05-19"}, 409)
    await post_json(cadre, address, {}, 409)


async def test_a_repeat_that_leaves_out_when_it_was_done_is_another_request(
    cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    errand = await post_json(cadre, "/attendance/errands", ERRAND)
    address = f"/attendance/errands/{errand['id']}/acknowledge"
    clock.advance(timedelta(hours=1))
    done_at = (clock.now() - timedelta(minutes=30)).isoformat()
    await post_json(town, address, {"happened_at": done_at}, 200)

    await post_json(town, address, {}, 409)
    await post_json(town, address, {"happened_at": done_at}, 200)


async def test_a_follow_up_is_finished_once_with_the_same_words(cadre: httpx.AsyncClient, post: Any) -> None:
    await post_json(cadre, "/attendance/visits", VISIT)
    (follow_up,) = (await get_json(cadre, "/attendance/follow-ups", done=False))["items"]
    address = f"/attendance/follow-ups/{follow_up['id']}/finish"
    done = {"done_on": "2024-05-20", "result": "已报镇上"}
    first = await post_json(cadre, address, done, 200)

    assert await post_json(cadre, address, done, 200) == first
    await post_json(cadre, address, {**done, "result": "再报"}, 409)
