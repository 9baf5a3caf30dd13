"""Visits, follow-ups, deeds and trainings, and the yearly summary made from them."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.attendance.factories_attendance import get_json, post_json
from tests.clients import RULE_BASIS, VILLAGE, ServiceUnderTest
from tests.sample_files import build_dated_picture

VISIT_BODY = {
    "visited_on": "2024-05-18",
    "kind": "household",
    "purpose": "monitoring",
    "household": "马秀英",
    "findings": "屋顶漏水",
    "follow_ups": [{"text": "联系危房改造", "due_on": "2024-05-31"}],
}
DEED_BODY = {
    "happened_on": "2024-05-18",
    "kind": "consumption",
    "content": "帮助销售洋葱",
    "beneficiaries": 12,
    "amount": "31000.00",
}


async def test_a_visit_masks_the_household_and_creates_follow_ups(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any
) -> None:
    visit = await post_json(cadre, "/attendance/visits", VISIT_BODY)
    assert (visit["household_masked"], visit["region"]) == ("马**", VILLAGE)
    (row,) = (await get_json(town, "/attendance/visits"))["items"]
    assert "马秀英" not in str(row)
    (follow_up,) = (await get_json(cadre, "/attendance/follow-ups", done=False))["items"]
    address = f"/attendance/follow-ups/{follow_up['id']}/finish"
    done = await post_json(cadre, address, {"done_on": "2024-05-20", "result": "已报镇上"}, 200)
    assert done["done_on"] == "2024-05-20"
    await post_json(cadre, address, {"done_on": "2024-05-20", "result": "再报"}, 409)
    assert (await get_json(cadre, "/attendance/follow-ups", done=False))["items"] == []
    events = await get_json(attendance.client_as("bureau"), "/attendance/events")
    assert "马" not in str([event["after"] for event in events["items"]])


async def test_a_reviewer_sees_which_photos_of_a_visit_do_not_fit_it(
    cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any
) -> None:
    async def upload(content: bytes) -> str:
        answer = await cadre.post(
            "/attendance/files",
            params={"name": "走访.jpg"},
            content=content,
            headers={"content-type": "image/jpeg"},
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    fix = {"lon": 102.901, "lat": 37.602, "datum": "wgs84", "accuracy_m": 15}
    fitting = build_dated_picture("2024:05:19 00:10:00", (37.605, 102.901))
    photos = [
        await upload(fitting),
        await upload(build_dated_picture("2024:04:02 09:00:00", (37.7, 102.901))),
    ]
    first = await post_json(cadre, "/attendance/visits", VISIT_BODY | {"photos": photos, "fix": fix})
    again = await post_json(cadre, "/attendance/visits", VISIT_BODY | {"photos": [await upload(fitting)]})

    remarks = [
        "照片2: 相机记录的拍摄日期是 2024-04-02, 记录的日期是 2024-05-18",
        "照片2: 相机记录的拍摄地点距记录的地点 10.9 公里",
    ]
    seen = await get_json(town, f"/attendance/visits/{first['id']}")
    assert seen["photo_remarks"] == remarks
    own = (await get_json(cadre, f"/attendance/visits/{first['id']}"))["place"]
    assert own == seen["place"]
    assert (own["lon"], own["lat"], own["fix"]["accuracy_m"]) == (102.901, 37.602, 15)
    rows = (await get_json(town, "/attendance/visits"))["items"]
    assert {row["id"]: row["photo_remarks"] for row in rows} == {
        first["id"]: remarks,
        again["id"]: ["照片1: 2024-05-20 的记录已用过这张照片"],
    }


async def test_visits_are_listed_by_project(
    cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any
) -> None:
    project = str(uuid4())
    body = {"visited_on": "2024-05-18", "kind": "project", "purpose": "project", "project_id": project}
    visit = await post_json(cadre, "/attendance/visits", body)
    await post_json(cadre, "/attendance/visits", VISIT_BODY)
    assert [
        visit_row["id"]
        for visit_row in (await get_json(town, "/attendance/visits", project_id=project))["items"]
    ] == [visit["id"]]
    assert len((await get_json(town, "/attendance/visits"))["items"]) == 2
    assert len((await get_json(town, "/attendance/visits?from=2024-05-19"))["items"]) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"household": ""},
        {"kind": "project"},
        {"visited_on": "2024-05-21"},
        {"photos": [str(uuid4())]},
        {"follow_ups": [{"text": "早于走访", "due_on": "2024-05-01"}]},
    ],
)
async def test_a_visit_without_its_object_or_in_the_future_is_refused(
    cadre: httpx.AsyncClient, post: Any, change: dict[str, Any]
) -> None:
    await post_json(cadre, "/attendance/visits", VISIT_BODY | change, 422)


async def test_a_deed_is_completed_and_changed_only_by_its_owner(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any
) -> None:
    deed = await post_json(cadre, "/attendance/deeds", DEED_BODY)
    assert (deed["done"], deed["amount"]) == (False, "31000.00")
    address = f"/attendance/deeds/{deed['id']}"
    assert (await cadre.patch(address, json={"done_on": "2024-05-20"})).status_code == 428
    tag = {"If-Match": (await cadre.get(address)).headers["ETag"]}
    assert (await cadre.patch(address, json={"done_on": "2024-05-01"}, headers=tag)).status_code == 422
    done = await cadre.patch(address, json={"done_on": "2024-05-20", "amount": "32000.00"}, headers=tag)
    assert (done.json()["done"], done.json()["amount"]) == (True, "32000.00")
    other = attendance.client_as("cadre", person="wang")
    await get_json(other, address, 404)
    town = attendance.client_as("town_officer")
    assert (await town.patch(address, json={"content": "改写"}, headers={"If-Match": "*"})).status_code == 403


async def test_a_training_is_recorded_and_nobody_is_ranked_by_it(
    cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any
) -> None:
    body = {
        "held_on": "2024-05-10",
        "kind": "contest",
        "title": "业务大比武",
        "result": "二等奖",
        "minutes": 90,
    }
    await post_json(cadre, "/attendance/trainings", body)
    assert len((await get_json(town, "/attendance/trainings", kind="contest"))["items"]) == 1
    await get_json(town, "/attendance/trainings", 400, sort="result")


async def test_a_regions_year_is_counted_from_what_was_recorded(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, bureau: httpx.AsyncClient, post: Any
) -> None:
    await post_json(cadre, "/attendance/visits", VISIT_BODY)
    await post_json(cadre, "/attendance/visits", VISIT_BODY | {"visited_on": "2024-05-19"})
    await post_json(cadre, "/attendance/visits", VISIT_BODY | {"household": "张三"})
    await post_json(cadre, "/attendance/deeds", DEED_BODY | {"done": True})
    await post_json(cadre, "/attendance/deeds", DEED_BODY | {"happened_on": "2023-05-18"})
    summary = await get_json(bureau, "/attendance/summary", region="620602000000", year=2024)
    assert (summary["cadres"], summary["posts"], summary["visits"], summary["households"]) == (1, 1, 3, 2)
    assert (summary["deeds"], summary["deeds_done"], summary["deed_money"]) == (1, 1, "31000.00")
    assert summary["follow_ups_open"] == 3
    elsewhere = await get_json(
        attendance.client_as("town_officer", "620602101000"),
        "/attendance/summary",
        region="620602000000",
        year=2024,
    )
    assert (elsewhere["cadres"], elsewhere["visits"]) == (0, 0)


async def test_a_rule_of_another_shape_is_refused(bureau: httpx.AsyncClient) -> None:
    (current, *_) = await get_json(bureau, "/attendance/rules/presence.devices")
    body = {
        **{name: current[name] for name in ("key", "title", "confirmed")},
        "basis": RULE_BASIS,
        "effective_from": "2024-01-01",
        "region": "620602000000",
        "value": {"most": "many"},
    }
    problem = await post_json(bureau, "/attendance/rules", body, 422)
    assert problem["errors"][0]["pointer"] == "/value/most"
