"""Step five: register, confirm, hand over and inspect the assets of one project, and close the project."""

from typing import Any

from operations.demo.admission import attach_document, get_project_path, list_states_from
from operations.demo.documents import build_photo
from operations.demo.projects import (
    COLLECTIVE_CREDIT_CODE,
    COLLECTIVE_NAME,
    FACTORY_LOCATION,
    get_fodder_project,
)
from operations.demo.runner import DemoRun, DemoStep, format_time, get_current_time
from operations.demo.users import derive_id

ASSET_STATES = ("registered", "confirmed", "offered", "handed_over")
SUBCLASS_OF_NAME = {"饲料加工车间": "workshop", "颗粒饲料生产线": "equipment"}


async def list_assets(demo: DemoRun, user: str = "town") -> list[dict[str, Any]]:
    """List the assets of the project, by name in descending order."""
    page = await demo.as_user(user).get("/assets", project_id=derive_id("fodder"))
    return sorted(page["items"], key=lambda asset: str(asset["name"]), reverse=True)


async def register_assets(demo: DemoRun) -> str:
    """Complete and register the drafts that were created when the project was accepted."""

    async def have_all_drafts() -> bool:
        return len(await list_assets(demo)) == len(SUBCLASS_OF_NAME)

    await demo.wait_until(have_all_drafts, "验收后自动生成的资产草稿")
    codes = []
    for asset in await list_assets(demo):
        path = f"/assets/{asset['id']}"
        if asset["state"] == "draft":
            changes = {
                "subclass": SUBCLASS_OF_NAME[asset["name"]],
                "built_on": "2023-10-31",
                "service_years": 20,
                "owner_kind": "village",
                "owner_name": COLLECTIVE_NAME,
                "owner_code": COLLECTIVE_CREDIT_CODE,
                "place": FACTORY_LOCATION,
            }
            await demo.as_user("town").edit("PATCH", path, changes)
        record = await demo.transition(
            "town", path, "register", {"happened_at": format_time("2023-11-25")}, done=ASSET_STATES
        )
        codes.append(record["code"])
    return f"验收自动生成两份资产草稿, 补全后登记, 资产编号 {'、'.join(codes)}"


async def confirm_rights(demo: DemoRun) -> str:
    """Confirm the rights after their public notice; the town hands the assets over and the village receives them."""
    for asset in await list_assets(demo):
        path = f"/assets/{asset['id']}"
        await demo.post_notice("town", path, "rights", "2023-11-26", "2023-12-06")
        await demo.transition(
            "director", path, "confirm", {"happened_at": format_time("2023-12-07")}, done=ASSET_STATES[1:]
        )
        parties = {
            "giver": get_fodder_project().unit,
            "receiver": COLLECTIVE_NAME,
            "happened_at": format_time("2023-12-10"),
        }
        await demo.transition("town", path, "hand_over", parties, done=ASSET_STATES[2:])
        await demo.transition(
            "clerk", path, "receive", {"happened_at": format_time("2023-12-11")}, done=ASSET_STATES[3:]
        )
    return f"确权公示 2023-11-26 至 12-06, 确权归 {COLLECTIVE_NAME}, 双方确认移交"


async def inspect_asset(demo: DemoRun) -> str:
    """Inspect the workshop today, with a photo and a position."""
    workshop = next(asset for asset in await list_assets(demo) if asset["name"] == "饲料加工车间")
    inspection_id = derive_id("inspection")
    path = f"/assets/{workshop['id']}/inspections"
    page = await demo.as_user("cadre").get(path)
    inspection = next((row for row in page["items"] if row["id"] == inspection_id), None)
    if inspection is None:
        photo = await demo.upload_file("cadre", "assets", "inspection.png", build_photo(200), "image/png")
        body = {
            "id": inspection_id,
            "condition": "good",
            "use_seen": "in_use",
            "photos": [photo],
            "fix": {
                **FACTORY_LOCATION,
                "accuracy_m": 12,
                "provider": "gps",
                "taken_at": get_current_time().isoformat(),
            },
        }
        inspection = await demo.as_user("cadre").post(path, body, key=inspection_id)
    return f"驻村干部现场巡查饲料加工车间: 完好, 位置判定 {inspection['verdict']}"


async def close_project(demo: DemoRun) -> str:
    """Hand over and close the project; the library checks assets and funds before it allows this."""
    project = get_fodder_project()
    path = get_project_path(project)
    done_states = list_states_from("handed_over")
    await demo.transition(
        "director", path, "hand_over", {"happened_at": format_time("2023-12-15")}, done=done_states
    )
    await attach_document(demo, "town", project, "evaluation", "绩效自评表", "得分 96")
    record: dict[str, Any] = await demo.as_user("town").get(path)
    if record["state"] == "handed_over":
        evaluation = {
            "text": "按期建成, 两项资产已登记移交, 受益户满意度 97%",
            "items": [
                {"code": "quality", "points": 14, "reason": "验收报告: 工程合格, 设备运转正常"},
                {"code": "benefit", "points": 14, "reason": "回访带动农户, 满意度 97%"},
            ],
        }
        await demo.as_user("town").edit("PUT", f"{path}/self-evaluation", evaluation, read=path)
    record = await demo.transition(
        "director", path, "close", {"happened_at": format_time("2023-12-25")}, done=done_states[1:]
    )
    return f"项目库向资产、资金核实后办理移交与办结, 项目状态: {record['state_label']}"


STEPS = (
    DemoStep("资产登记", register_assets),
    DemoStep("确权与移交", confirm_rights),
    DemoStep("巡查", inspect_asset),
    DemoStep("项目办结", close_project),
)
