"""Step two: admission of six projects to the library.

The county published the amounts and projects. It did not publish the days of admission; they are assumed here:
declaration in August 2022, admission on 2022-11-01.
"""

from typing import Any
from urllib.parse import quote

from operations.demo.documents import build_pdf
from operations.demo.fixtures import COUNTY, DEPARTMENT, PublishedProject, list_projects
from operations.demo.runner import DemoRun, DemoStep, format_time
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
"""States of a project in their order; a project in one of them has passed all states before it."""
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


def get_project_path(project: PublishedProject) -> str:
    """Address of the project."""
    return f"/projects/{derive_id(project.key)}"


def _build_form(project: PublishedProject) -> dict[str, Any]:
    content, quantity_name, amount, unit, villages, households, people = PROJECT_CONTENT[project.key]
    return {
        "id": derive_id(project.key),
        "region": project.region,
        "name": project.name,
        "content": content,
        "category": project.category,
        "year": 2023,
        "place": project.place,
        "planned_start": "2023-07-01",
        "planned_end": "2023-10-31",
        "managing_unit": DEPARTMENT,
        "implementing_unit": project.unit,
        "quantities": [{"name": quantity_name, "amount": amount, "unit": unit}],
        "total": project.amount,
        "money": [{"kind": "central", "amount": project.amount}],
        "villages": villages,
        "households": households,
        "people": people,
        "collective_income": project.key in {"economy", "fodder"},
        "goal": f"{project.name}按期建成并交付使用",
        "targets": [_build_target("quantity", quantity_name, amount, unit), *COMMON_TARGETS],
        **READINESS_FIELDS,
        "remark": f"资料来源: {project.source}",
        "happened_at": format_time("2022-08-18"),
    }


async def attach_document(
    demo: DemoRun, user: str, project: PublishedProject, kind: str, title: str, *lines: str
) -> None:
    """Upload a document and attach it to a project, unless the project has one of this kind."""
    path = get_project_path(project)
    documents: list[dict[str, Any]] = await demo.as_user(user).get(f"{path}/documents")
    if any(document["kind"] == kind for document in documents):
        return
    name = f"{project.name}{title}.pdf"
    region = quote(project.region)
    file_id = derive_id(f"{project.key} {kind}")
    content = build_pdf(title, project.name, *lines)
    await demo.as_user(user).upload(
        f"/projects/files?name={quote(name[:200])}&region={region}&id={file_id}", content, PDF_MEDIA_TYPE
    )
    body = {
        "id": derive_id(f"{project.key} {kind} document"),
        "kind": kind,
        "file_id": file_id,
        "title": title,
    }
    await demo.as_user(user).post(f"{path}/documents", body)


def list_states_from(state: str) -> tuple[str, ...]:
    """List a state and the states after it."""
    return STATES_IN_ORDER[STATES_IN_ORDER.index(state) :]


async def declare_projects(demo: DemoRun) -> str:
    """Create drafts, attach the minutes, declare, and post the village notices."""
    for project in list_projects():
        await demo.as_user(project.declared_by).post("/projects", _build_form(project))
        await attach_document(
            demo, project.declared_by, project, "minutes", "村民代表会议记录", "同意申报, 2022年8月19日"
        )
        await demo.transition(
            project.declared_by,
            get_project_path(project),
            "declare",
            {"happened_at": format_time("2022-08-20")},
            done=list_states_from("village_notice"),
        )
        await demo.post_notice(
            project.declared_by, get_project_path(project), "village", "2022-08-21", "2022-08-31"
        )
    return "村、乡、县三级申报 6 个项目, 附会议记录, 自动筛查负面清单, 村级公示 2022-08-21 至 08-31"


async def review_projects(demo: DemoRun) -> str:
    """Review the projects in the towns and post the town notices."""
    rules = await demo.as_user("mayor").get("/projects/rules", prefix="admission.statements")
    statements = list(rules[0]["value"]["endorse"])
    for project in list_projects():
        if project.region == COUNTY:  # county projects skip the town review
            await demo.post_notice(
                project.declared_by, get_project_path(project), "town", "2022-08-21", "2022-08-31"
            )
            submission = {"happened_at": format_time("2022-09-01")}
            await demo.transition(
                project.declared_by,
                get_project_path(project),
                "submit",
                submission,
                done=list_states_from("appraisal"),
            )
            continue
        await demo.transition(
            project.declared_by,
            get_project_path(project),
            "forward",
            {"happened_at": format_time("2022-09-01")},
            done=list_states_from("town_review"),
        )
        endorsement = {
            "statements": statements,
            "opinion": "真实可行, 同意上报",
            "happened_at": format_time("2022-09-05"),
        }
        await demo.transition(
            "mayor", get_project_path(project), "endorse", endorsement, done=list_states_from("town_notice")
        )
        await demo.post_notice("town", get_project_path(project), "town", "2022-09-06", "2022-09-16")
        await demo.transition(
            "town",
            get_project_path(project),
            "forward",
            {"happened_at": format_time("2022-09-17")},
            done=list_states_from("appraisal"),
        )
    return f"乡镇逐项审核({'、'.join(rules[0]['value']['endorse'].values())}), 乡村两级公示期满无异议"


async def appraise_projects(demo: DemoRun) -> str:
    """Appraise the projects in the line bureau, approve them, and post the county notices."""
    rules = await demo.as_user("appraiser").get("/projects/rules", prefix="admission.statements")
    statements = list(rules[0]["value"]["appraise"])
    for project in list_projects():
        appraisal = {
            "statements": statements,
            "opinion": "用地、设计、概算、资金来源已核对, 同意",
            "happened_at": format_time("2022-10-10"),
        }
        await demo.transition(
            "appraiser", get_project_path(project), "appraise", appraisal, done=list_states_from("approval")
        )
        approval = {
            "decision_no": "泽农领发〔2022〕18号",
            "decision_on": "2022-10-20",
            "happened_at": format_time("2022-10-20"),
        }
        await demo.transition(
            "director",
            get_project_path(project),
            "approve",
            approval,
            done=list_states_from("district_notice"),
        )
        await demo.post_notice("bureau", get_project_path(project), "district", "2022-10-21", "2022-10-31")
    return "行业主管部门论证, 县农村工作领导小组审定, 县级公示 2022-10-21 至 10-31"


async def admit_projects(demo: DemoRun) -> str:
    """Admit the projects to the library; the admission repeats the screening."""
    codes = []
    for project in list_projects():
        record = await demo.transition(
            "director",
            get_project_path(project),
            "admit",
            {"happened_at": format_time("2022-11-01")},
            done=list_states_from("reserve"),
        )
        codes.append(record["library_code"])
    return f"入库前重新筛查, 6 个项目入库, 库编号 {codes[0]} 等"


STEPS = (
    DemoStep("申报", declare_projects),
    DemoStep("乡镇审核", review_projects),
    DemoStep("部门论证与县级审定", appraise_projects),
    DemoStep("入库", admit_projects),
)
