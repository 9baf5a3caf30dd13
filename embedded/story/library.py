"""Step two: six projects walk through admission, with their real fund year and past dates of admission.

The county published what it gave and to which project; the days of admission are not published and are told as they
would have been: wishes in late summer 2022, in the library on the first of November.
"""

from typing import Any
from urllib.parse import quote

from embedded.story.facts import COUNTY, Published, projects
from embedded.story.paper import document
from embedded.story.telling import Step, Story, day, fixed_id

AFTER = (
    "village_notice",
    "town_review",
    "town_notice",
    "appraisal",
    "approval",
    "district_notice",
    "reserve",
    "planned",
    "started",
    "under_construction",
    "completed",
    "accepted",
    "handed_over",
    "closed",
)
"""States in their order: who has reached one has been through those before it."""
PDF = "application/pdf"

# fmt: off
CONTENT = {
    "water":    ("新建蓄水池3座, 铺设PE供水管道46公里, 配套闸阀井、入户设施", "供水管道", "46", "公里", 3, 412, 1865),
    "drinking": ("新打机井1眼, 新建蓄水池1座, 铺设供水管道21公里, 配套畜用饮水槽12处", "供水管道", "21", "公里", 1, 168, 764),
    "wells":    ("新打小口机井104眼, 配套潜水泵及井台", "小口机井", "104", "眼", 38, 1040, 4680),
    "economy":  ("2个村各发展牦牛养殖与饲草种植, 建设标准化养殖暖棚4栋, 购置饲草加工机械6台套", "养殖暖棚", "4", "栋", 2, 236, 1021),
    "fodder":   ("扩建饲料加工车间680平方米, 新增颗粒饲料生产线1条, 硬化晒场1200平方米", "饲料加工车间", "680", "平方米", 1, 183, 802),
    "fee":      ("项目前期设计、评审、招标、监理、检查验收", "项目前期工作", "1", "项", 2, 236, 1021),
}
# fmt: on
LINKAGE = "村集体经营, 收益按章程分红, 优先安排脱贫户和监测户务工"


READY = {
    "linkage": LINKAGE,
    "operator": "村集体经济合作社",
    "land": "not_needed",
    "design": "done",
    "environment": "not_needed",
    "budget": "reviewed",
}


def _target(kind: str, name: str, value: str, unit: str) -> dict[str, Any]:
    return {"kind": kind, "name": name, "operator": ">=", "value": value, "unit": unit}


TARGETS = (
    _target("quality", "项目(工程)验收合格率", "100", "%"),
    _target("satisfaction", "受益脱贫(监测)户满意度", "95", "%"),
)


def path(one: Published) -> str:
    """The project's address."""
    return f"/projects/{fixed_id(one.key)}"


def _form(one: Published) -> dict[str, Any]:
    content, thing, amount, unit, villages, households, people = CONTENT[one.key]
    return {
        "id": fixed_id(one.key),
        "region": one.region,
        "name": one.name,
        "content": content,
        "category": one.category,
        "year": 2023,
        "place": one.place,
        "planned_start": "2023-07-01",
        "planned_end": "2023-10-31",
        "managing_unit": "泽库县农牧水利和科技局",
        "implementing_unit": one.unit,
        "quantities": [{"name": thing, "amount": amount, "unit": unit}],
        "total": one.amount,
        "money": [{"kind": "central", "amount": one.amount}],
        "villages": villages,
        "households": households,
        "people": people,
        "collective_income": one.key in {"economy", "fodder"},
        "goal": f"{one.name}按期建成并交付使用",
        "targets": [_target("quantity", thing, amount, unit), *TARGETS],
        **READY,
        "remark": f"资料来源: {one.source}",
        "happened_at": day("2022-08-18"),
    }


async def attach(story: Story, who: str, one: Published, kind: str, title: str, *lines: str) -> None:
    """Put a document of a kind into a project's file, once."""
    at = path(one)
    kept: list[dict[str, Any]] = await story.as_(who).get(f"{at}/documents")
    if any(document_["kind"] == kind for document_ in kept):
        return
    name = f"{one.name}{title}.pdf"
    region = quote(one.region)
    file_id = fixed_id(f"{one.key} {kind}")
    content = document(title, one.name, *lines)
    await story.as_(who).upload(
        f"/projects/files?name={quote(name[:200])}&region={region}&id={file_id}", content, PDF
    )
    body = {"id": fixed_id(f"{one.key} {kind} document"), "kind": kind, "file_id": file_id, "title": title}
    await story.as_(who).post(f"{at}/documents", body)


def _later(state: str) -> tuple[str, ...]:
    return AFTER[AFTER.index(state) :]


async def declare(story: Story) -> str:
    """Draft, minutes, declaration, village notice."""
    for one in projects():
        await story.as_(one.by).post("/projects", _form(one))
        await attach(story, one.by, one, "minutes", "村民代表会议记录", "同意申报, 2022年8月19日")
        await story.move(
            one.by, path(one), "declare", {"happened_at": day("2022-08-20")}, done=_later("village_notice")
        )
        await story.notice(one.by, path(one), "village", "2022-08-21", "2022-08-31")
    return "村、乡、县三级申报 6 个项目, 附会议记录, 自动筛查负面清单, 村级公示 2022-08-21 至 08-31"


async def review(story: Story) -> str:
    """The town's review and notice."""
    rules = await story.as_("mayor").get("/projects/rules", prefix="admission.statements")
    points = list(rules[0]["value"]["endorse"])
    for one in projects():
        if one.region == COUNTY:  # no town reviews what is the county's own
            await story.notice(one.by, path(one), "town", "2022-08-21", "2022-08-31")
            sent = {"happened_at": day("2022-09-01")}
            await story.move(one.by, path(one), "submit", sent, done=_later("appraisal"))
            continue
        await story.move(
            one.by, path(one), "forward", {"happened_at": day("2022-09-01")}, done=_later("town_review")
        )
        said = {"statements": points, "opinion": "真实可行, 同意上报", "happened_at": day("2022-09-05")}
        await story.move("mayor", path(one), "endorse", said, done=_later("town_notice"))
        await story.notice("town", path(one), "town", "2022-09-06", "2022-09-16")
        await story.move(
            "town", path(one), "forward", {"happened_at": day("2022-09-17")}, done=_later("appraisal")
        )
    return f"乡镇逐项审核({'、'.join(rules[0]['value']['endorse'].values())}), 乡村两级公示期满无异议"


async def appraise(story: Story) -> str:
    """The line bureau's appraisal and the bureau's decision."""
    rules = await story.as_("appraiser").get("/projects/rules", prefix="admission.statements")
    points = list(rules[0]["value"]["appraise"])
    for one in projects():
        said = {
            "statements": points,
            "opinion": "用地、设计、概算、资金来源已核对, 同意",
            "happened_at": day("2022-10-10"),
        }
        await story.move("appraiser", path(one), "appraise", said, done=_later("approval"))
        decided = {
            "decision_no": "泽农领发〔2022〕18号",
            "decision_on": "2022-10-20",
            "happened_at": day("2022-10-20"),
        }
        await story.move("director", path(one), "approve", decided, done=_later("district_notice"))
        await story.notice("bureau", path(one), "district", "2022-10-21", "2022-10-31")
    return "行业主管部门论证, 县农村工作领导小组审定, 县级公示 2022-10-21 至 10-31"


async def admit(story: Story) -> str:
    """Into the library, screened again."""
    codes = []
    for one in projects():
        record = await story.move(
            "director", path(one), "admit", {"happened_at": day("2022-11-01")}, done=_later("reserve")
        )
        codes.append(record["library_code"])
    return f"入库前重新筛查, 6 个项目入库, 库编号 {codes[0]} 等"


STEPS = (
    Step("申报", declare),
    Step("乡镇审核", review),
    Step("部门论证与县级审定", appraise),
    Step("入库", admit),
)
