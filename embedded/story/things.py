"""Step five: what was built waits as drafts, is registered, confirmed, handed over, inspected; the project is closed."""

from typing import Any

from embedded.story.building import CODE, COLLECTIVE, FACTORY, fodder
from embedded.story.library import AFTER, attach, path
from embedded.story.paper import photo
from embedded.story.telling import Step, Story, day, fixed_id, now

REACHED = ("registered", "confirmed", "offered", "handed_over")
SUBCLASS = {"饲料加工车间": "workshop", "颗粒饲料生产线": "equipment"}


async def drafts(story: Story, who: str = "town") -> list[dict[str, Any]]:
    """The assets of the project, by name."""
    found = await story.as_(who).get("/assets", project_id=fixed_id("fodder"))
    return sorted(found["items"], key=lambda one: str(one["name"]), reverse=True)


async def register(story: Story) -> str:
    """The drafts that acceptance opened are completed and registered."""

    async def there() -> bool:
        return len(await drafts(story)) == len(SUBCLASS)

    await story.when(there, "验收后自动生成的资产草稿")
    codes = []
    for one in await drafts(story):
        at = f"/assets/{one['id']}"
        if one["state"] == "draft":
            known = {
                "subclass": SUBCLASS[one["name"]],
                "built_on": "2023-10-31",
                "service_years": 20,
                "owner_kind": "village",
                "owner_name": COLLECTIVE,
                "owner_code": CODE,
                "place": FACTORY,
            }
            await story.as_("town").edit("PATCH", at, known)
        record = await story.move("town", at, "register", {"happened_at": day("2023-11-25")}, done=REACHED)
        codes.append(record["code"])
    return f"验收自动生成两份资产草稿, 补全后登记, 资产编号 {'、'.join(codes)}"


async def confirm(story: Story) -> str:
    """Rights confirmed after their notice, handed over by one side and received by the other."""
    for one in await drafts(story):
        at = f"/assets/{one['id']}"
        await story.notice("town", at, "rights", "2023-11-26", "2023-12-06")
        await story.move("director", at, "confirm", {"happened_at": day("2023-12-07")}, done=REACHED[1:])
        parties = {"giver": fodder().unit, "receiver": COLLECTIVE, "happened_at": day("2023-12-10")}
        await story.move("town", at, "hand_over", parties, done=REACHED[2:])
        await story.move("clerk", at, "receive", {"happened_at": day("2023-12-11")}, done=REACHED[3:])
    return f"确权公示 2023-11-26 至 12-06, 确权归 {COLLECTIVE}, 双方确认移交"


async def inspect(story: Story) -> str:
    """The cadre looks at the workshop, today, with a photo and a place."""
    workshop = next(one for one in await drafts(story) if one["name"] == "饲料加工车间")
    inspection_id = fixed_id("inspection")
    at = f"/assets/{workshop['id']}/inspections"
    known = await story.as_("cadre").get(at)
    mine = [one for one in known["items"] if one["id"] == inspection_id]
    if not mine:
        picture = await story.file("cadre", "assets", "inspection.png", photo(200), "image/png")
        seen = {
            "id": inspection_id,
            "condition": "good",
            "use_seen": "in_use",
            "photos": [picture],
            "fix": {**FACTORY, "accuracy_m": 12, "provider": "gps", "taken_at": now().isoformat()},
        }
        mine = [await story.as_("cadre").post(at, seen, key=inspection_id)]
    return f"驻村干部现场巡查饲料加工车间: 完好, 位置判定 {mine[0]['verdict']}"


async def close(story: Story) -> str:
    """The library asks assets and funds before it lets the project go."""
    one = fodder()
    at = path(one)
    later = AFTER[AFTER.index("handed_over") :]
    await story.move("director", at, "hand_over", {"happened_at": day("2023-12-15")}, done=later)
    await attach(story, "town", one, "evaluation", "绩效自评表", "得分 96")
    record: dict[str, Any] = await story.as_("town").get(at)
    if record["state"] == "handed_over":
        said = {
            "text": "按期建成, 两项资产已登记移交, 受益户满意度 97%",
            "items": [
                {"code": "quality", "points": 14, "reason": "验收报告: 工程合格, 设备运转正常"},
                {"code": "benefit", "points": 14, "reason": "回访带动农户, 满意度 97%"},
            ],
        }
        await story.as_("town").edit("PUT", f"{at}/self-evaluation", said, read=at)
    record = await story.move("director", at, "close", {"happened_at": day("2023-12-25")}, done=later[1:])
    return f"项目库向资产、资金核实后办理移交与办结, 项目状态: {record['state_label']}"


STEPS = (
    Step("资产登记", register),
    Step("确权与移交", confirm),
    Step("巡查", inspect),
    Step("项目办结", close),
)
