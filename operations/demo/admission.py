"""Step two: six projects walk through admission, with their real fund year and past dates of admission.

The county published what it gave and to which project; the days of admission are not published and are told as they
would have been: wishes in late summer 2022, in the library on the first of November.
"""

from typing import Any
from urllib.parse import quote

from operations.demo.documents import build_pdf
from operations.demo.fixtures import COUNTY, PublishedProject, list_projects
from operations.demo.runner import DemoRun, Step, format_time
from operations.demo.users import derive_id

STATES_IN_ORDER = (
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
PDF_MEDIA_TYPE = "application/pdf"

# fmt: off
PROJECT_CONTENT = {
    "water":    ("新建蓄水池3座, 铺设PE供水管道46公里, 配套闸阀井、入户设施", "供水管道", "46", "公里", 3, 412, 1865),
    "drinking": ("新打机井1眼, 新建蓄水池1座, 铺设供水管道21公里, 配套畜用饮水槽12处", "供水管道", "21", "公里", 1, 168, 764),
    "wells":    ("新打小口机井104眼, 配套潜水泵及井台", "小口机井", "104", "眼", 38, 1040, 4680),
    "economy":  ("2个村各发展牦牛养殖与饲草种植, 建设标准化养殖暖棚4栋, 购置饲草加工机械6台套", "养殖暖棚", "4", "栋", 2, 236, 1021),
    "fodder":   ("扩建饲料加工车间680平方米, 新增颗粒饲料生产线1条, 硬化晒场1200平方米", "饲料加工车间", "680", "平方米", 1, 183, 802),
    "fee":      ("项目前期设计、评审、招标、监理、检查验收", "项目前期工作", "1", "项", 2, 236, 1021),
}
# fmt: on
LINKAGE_TEXT = "村集体经营, 收益按章程分红, 优先安排脱贫户和监测户务工"


READINESS_FIELDS = {
    "linkage": LINKAGE_TEXT,
    "operator": "村集体经济合作社",
    "land": "not_needed",
    "design": "done",
    "environment": "not_needed",
    "budget": "reviewed",
}


def _build_target(kind: str, name: str, value: str, unit: str) -> dict[str, Any]:
    return {"kind": kind, "name": name, "operator": ">=", "value": value, "unit": unit}


COMMON_TARGETS = (
    _build_target("quality", "项目(工程)验收合格率", "100", "%"),
    _build_target("satisfaction", "受益脱贫(监测)户满意度", "95", "%"),
)


def get_project_path(one: PublishedProject) -> str:
    """The project's address."""
    return f"/projects/{derive_id(one.key)}"


def _build_form(one: PublishedProject) -> dict[str, Any]:
    content, thing, amount, unit, villages, households, people = PROJECT_CONTENT[one.key]
    return {
        "id": derive_id(one.key),
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
        "targets": [_build_target("quantity", thing, amount, unit), *COMMON_TARGETS],
        **READINESS_FIELDS,
        "remark": f"资料来源: {one.source}",
        "happened_at": format_time("2022-08-18"),
    }


async def attach_document(
    story: DemoRun, who: str, one: PublishedProject, kind: str, title: str, *lines: str
) -> None:
    """Put a document of a kind into a project's file, once."""
    at = get_project_path(one)
    kept: list[dict[str, Any]] = await story.as_user(who).get(f"{at}/documents")
    if any(document_["kind"] == kind for document_ in kept):
        return
    name = f"{one.name}{title}.pdf"
    region = quote(one.region)
    file_id = derive_id(f"{one.key} {kind}")
    content = build_pdf(title, one.name, *lines)
    await story.as_user(who).upload(
        f"/projects/files?name={quote(name[:200])}&region={region}&id={file_id}", content, PDF_MEDIA_TYPE
    )
    body = {"id": derive_id(f"{one.key} {kind} document"), "kind": kind, "file_id": file_id, "title": title}
    await story.as_user(who).post(f"{at}/documents", body)


def _list_states_from(state: str) -> tuple[str, ...]:
    return STATES_IN_ORDER[STATES_IN_ORDER.index(state) :]


async def declare_projects(story: DemoRun) -> str:
    """Draft, minutes, declaration, village notice."""
    for one in list_projects():
        await story.as_user(one.declared_by).post("/projects", _build_form(one))
        await attach_document(
            story, one.declared_by, one, "minutes", "村民代表会议记录", "同意申报, 2022年8月19日"
        )
        await story.transition(
            one.declared_by,
            get_project_path(one),
            "declare",
            {"happened_at": format_time("2022-08-20")},
            done=_list_states_from("village_notice"),
        )
        await story.post_notice(one.declared_by, get_project_path(one), "village", "2022-08-21", "2022-08-31")
    return "村、乡、县三级申报 6 个项目, 附会议记录, 自动筛查负面清单, 村级公示 2022-08-21 至 08-31"


async def review_projects(story: DemoRun) -> str:
    """The town's review and notice."""
    rules = await story.as_user("mayor").get("/projects/rules", prefix="admission.statements")
    points = list(rules[0]["value"]["endorse"])
    for one in list_projects():
        if one.region == COUNTY:  # no town reviews what is the county's own
            await story.post_notice(
                one.declared_by, get_project_path(one), "town", "2022-08-21", "2022-08-31"
            )
            sent = {"happened_at": format_time("2022-09-01")}
            await story.transition(
                one.declared_by, get_project_path(one), "submit", sent, done=_list_states_from("appraisal")
            )
            continue
        await story.transition(
            one.declared_by,
            get_project_path(one),
            "forward",
            {"happened_at": format_time("2022-09-01")},
            done=_list_states_from("town_review"),
        )
        said = {
            "statements": points,
            "opinion": "真实可行, 同意上报",
            "happened_at": format_time("2022-09-05"),
        }
        await story.transition(
            "mayor", get_project_path(one), "endorse", said, done=_list_states_from("town_notice")
        )
        await story.post_notice("town", get_project_path(one), "town", "2022-09-06", "2022-09-16")
        await story.transition(
            "town",
            get_project_path(one),
            "forward",
            {"happened_at": format_time("2022-09-17")},
            done=_list_states_from("appraisal"),
        )
    return f"乡镇逐项审核({'、'.join(rules[0]['value']['endorse'].values())}), 乡村两级公示期满无异议"


async def appraise_projects(story: DemoRun) -> str:
    """The line bureau's appraisal and the bureau's decision."""
    rules = await story.as_user("appraiser").get("/projects/rules", prefix="admission.statements")
    points = list(rules[0]["value"]["appraise"])
    for one in list_projects():
        said = {
            "statements": points,
            "opinion": "用地、设计、概算、资金来源已核对, 同意",
            "happened_at": format_time("2022-10-10"),
        }
        await story.transition(
            "appraiser", get_project_path(one), "appraise", said, done=_list_states_from("approval")
        )
        decided = {
            "decision_no": "泽农领发〔2022〕18号",
            "decision_on": "2022-10-20",
            "happened_at": format_time("2022-10-20"),
        }
        await story.transition(
            "director", get_project_path(one), "approve", decided, done=_list_states_from("district_notice")
        )
        await story.post_notice("bureau", get_project_path(one), "district", "2022-10-21", "2022-10-31")
    return "行业主管部门论证, 县农村工作领导小组审定, 县级公示 2022-10-21 至 10-31"


async def admit_projects(story: DemoRun) -> str:
    """Into the library, screened again."""
    codes = []
    for one in list_projects():
        record = await story.transition(
            "director",
            get_project_path(one),
            "admit",
            {"happened_at": format_time("2022-11-01")},
            done=_list_states_from("reserve"),
        )
        codes.append(record["library_code"])
    return f"入库前重新筛查, 6 个项目入库, 库编号 {codes[0]} 等"


STEPS = (
    Step("申报", declare_projects),
    Step("乡镇审核", review_projects),
    Step("部门论证与县级审定", appraise_projects),
    Step("入库", admit_projects),
)
