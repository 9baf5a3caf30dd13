"""Step five: what was built waits as drafts, is registered, confirmed, handed over, inspected; the project is closed."""

from typing import Any

from operations.demo.admission import STATES_IN_ORDER, attach_document, get_project_path
from operations.demo.documents import build_photo
from operations.demo.projects import (
    COLLECTIVE_CREDIT_CODE,
    COLLECTIVE_NAME,
    FACTORY_LOCATION,
    get_fodder_project,
)
from operations.demo.runner import DemoRun, Step, format_time, get_current_time
from operations.demo.users import derive_id

ASSET_STATES = ("registered", "confirmed", "offered", "handed_over")
SUBCLASS_OF_NAME = {"饲料加工车间": "workshop", "颗粒饲料生产线": "equipment"}


async def list_assets(story: DemoRun, who: str = "town") -> list[dict[str, Any]]:
    """The assets of the project, by name."""
    found = await story.as_user(who).get("/assets", project_id=derive_id("fodder"))
    return sorted(found["items"], key=lambda one: str(one["name"]), reverse=True)


async def register_assets(story: DemoRun) -> str:
    """The drafts that acceptance opened are completed and registered."""

    async def there() -> bool:
        return len(await list_assets(story)) == len(SUBCLASS_OF_NAME)

    await story.wait_until(there, "验收后自动生成的资产草稿")
    codes = []
    for one in await list_assets(story):
        at = f"/assets/{one['id']}"
        if one["state"] == "draft":
            known = {
                "subclass": SUBCLASS_OF_NAME[one["name"]],
                "built_on": "2023-10-31",
                "service_years": 20,
                "owner_kind": "village",
                "owner_name": COLLECTIVE_NAME,
                "owner_code": COLLECTIVE_CREDIT_CODE,
                "place": FACTORY_LOCATION,
            }
            await story.as_user("town").edit("PATCH", at, known)
        record = await story.transition(
            "town", at, "register", {"happened_at": format_time("2023-11-25")}, done=ASSET_STATES
        )
        codes.append(record["code"])
    return f"验收自动生成两份资产草稿, 补全后登记, 资产编号 {'、'.join(codes)}"


async def confirm_rights(story: DemoRun) -> str:
    """Rights confirmed after their notice, handed over by one side and received by the other."""
    for one in await list_assets(story):
        at = f"/assets/{one['id']}"
        await story.post_notice("town", at, "rights", "2023-11-26", "2023-12-06")
        await story.transition(
            "director", at, "confirm", {"happened_at": format_time("2023-12-07")}, done=ASSET_STATES[1:]
        )
        parties = {
            "giver": get_fodder_project().unit,
            "receiver": COLLECTIVE_NAME,
            "happened_at": format_time("2023-12-10"),
        }
        await story.transition("town", at, "hand_over", parties, done=ASSET_STATES[2:])
        await story.transition(
            "clerk", at, "receive", {"happened_at": format_time("2023-12-11")}, done=ASSET_STATES[3:]
        )
    return f"确权公示 2023-11-26 至 12-06, 确权归 {COLLECTIVE_NAME}, 双方确认移交"


async def inspect_asset(story: DemoRun) -> str:
    """The cadre looks at the workshop, today, with a photo and a place."""
    workshop = next(one for one in await list_assets(story) if one["name"] == "饲料加工车间")
    inspection_id = derive_id("inspection")
    at = f"/assets/{workshop['id']}/inspections"
    known = await story.as_user("cadre").get(at)
    mine = [one for one in known["items"] if one["id"] == inspection_id]
    if not mine:
        picture = await story.upload_file("cadre", "assets", "inspection.png", build_photo(200), "image/png")
        seen = {
            "id": inspection_id,
            "condition": "good",
            "use_seen": "in_use",
            "photos": [picture],
            "fix": {
                **FACTORY_LOCATION,
                "accuracy_m": 12,
                "provider": "gps",
                "taken_at": get_current_time().isoformat(),
            },
        }
        mine = [await story.as_user("cadre").post(at, seen, key=inspection_id)]
    return f"驻村干部现场巡查饲料加工车间: 完好, 位置判定 {mine[0]['verdict']}"


async def close_project(story: DemoRun) -> str:
    """The library asks assets and funds before it lets the project go."""
    one = get_fodder_project()
    at = get_project_path(one)
    later = STATES_IN_ORDER[STATES_IN_ORDER.index("handed_over") :]
    await story.transition(
        "director", at, "hand_over", {"happened_at": format_time("2023-12-15")}, done=later
    )
    await attach_document(story, "town", one, "evaluation", "绩效自评表", "得分 96")
    record: dict[str, Any] = await story.as_user("town").get(at)
    if record["state"] == "handed_over":
        said = {
            "text": "按期建成, 两项资产已登记移交, 受益户满意度 97%",
            "items": [
                {"code": "quality", "points": 14, "reason": "验收报告: 工程合格, 设备运转正常"},
                {"code": "benefit", "points": 14, "reason": "回访带动农户, 满意度 97%"},
            ],
        }
        await story.as_user("town").edit("PUT", f"{at}/self-evaluation", said, read=at)
    record = await story.transition(
        "director", at, "close", {"happened_at": format_time("2023-12-25")}, done=later[1:]
    )
    return f"项目库向资产、资金核实后办理移交与办结, 项目状态: {record['state_label']}"


STEPS = (
    Step("资产登记", register_assets),
    Step("确权与移交", confirm_rights),
    Step("巡查", inspect_asset),
    Step("项目办结", close_project),
)
