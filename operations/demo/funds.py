"""Step three: the fund document, the plan with six lines to the 分, its warnings, its notice, its issue."""

from typing import Any

from operations.demo.admission import get_project_path
from operations.demo.fixtures import COUNTY, get_batch, list_projects
from operations.demo.runner import DemoRun, Step, format_time
from operations.demo.users import derive_id

SOURCE_ID = derive_id("source")
PLAN_ID = derive_id("plan")
PLAN_PATH = f"/funds/plans/{PLAN_ID}"
PLAN_STATES = ("submitted", "approved", "noticed", "issued")


def get_line_id(key: str) -> str:
    """The plan line, and commitment, of a project."""
    return derive_id(f"line {key}")


async def register_source(story: DemoRun) -> str:
    """The finance bureau registers the fund document."""
    told = get_batch()
    body = {
        "id": SOURCE_ID,
        "region": COUNTY,
        "document_no": told.document_no,
        "title": told.name,
        "fiscal_year": 2023,
        "level": "central",
        "fund": "bridging",
        "transfer_code": "10000015Z155110000004",
        "amount": told.total,
        "document_date": "2023-05-24",
        "received_on": "2023-05-29",
        "note": f"资料来源: {told.source}; 发文与收文日期未公布, 为讲述所设",
    }
    await story.as_user("finance").post("/funds/sources", body)
    found = await story.as_user("finance").get(f"/funds/sources/{SOURCE_ID}")
    return (
        f"财政登记指标文 {told.document_no}: {found['amount']} 元, 可安排 {found['figures']['available']} 元"
    )


async def draft_plan(story: DemoRun) -> str:
    """The bureau drafts the plan; lines must add up to the announced total to the 分."""
    told = get_batch()
    lines = [
        {
            "id": get_line_id(one.key),
            "project_id": derive_id(one.key),
            "source_id": SOURCE_ID,
            "amount": one.amount,
            "name": one.name,
            "place": one.place,
            "fund_note": one.fund,
            "project_type": one.kind,
            "unit": one.unit,
        }
        for one in list_projects()
    ]
    body = {
        "id": PLAN_ID,
        "region": COUNTY,
        "title": told.title,
        "year": 2023,
        "batch": told.name,
        "basis": told.document_no,
        "principle": "资金跟着项目走, 优先安排农村供水和产业发展",
        "announced_total": told.total,
        "hotline": told.hotline,
        "happened_at": format_time("2023-06-01"),
        "lines": lines,
    }
    await story.as_user("bureau").post("/funds/plans", body)
    checks: dict[str, Any] = await story.as_user("bureau").get(f"{PLAN_PATH}/checks")
    warned = [one["message"] for one in checks["findings"] if one["effect"] == "warn" and not one["passed"]]
    words = "; ".join(warned) or "没有"
    return f"乡村振兴局编制方案: {len(lines)} 条明细合计 {checks['total']} 元. 规则提醒: {words}"


async def approve_plan(story: DemoRun) -> str:
    """Submitted by one, approved by another; the library is told before it is approved."""
    await story.transition(
        "bureau", PLAN_PATH, "submit", {"happened_at": format_time("2023-06-05")}, done=PLAN_STATES
    )
    said = {
        "decision_no": "泽政办纪〔2023〕12号",
        "decision_on": "2023-06-08",
        "happened_at": format_time("2023-06-08"),
    }
    await story.transition("treasurer", PLAN_PATH, "approve", said, done=PLAN_STATES[1:])
    return "财政审定方案; 项目库同时登记了六笔资金安排, 有资金的项目不能再悄悄出库"


async def post_allocation_notice(story: DemoRun) -> str:
    """The allocation notice of the real days."""
    told = get_batch()
    await story.post_notice(
        "bureau",
        PLAN_PATH,
        "allocation",
        told.starts_on.isoformat(),
        told.ends_on.isoformat(),
        title=told.title,
        hotline=told.hotline,
    )
    await story.transition(
        "bureau", PLAN_PATH, "notice", {"happened_at": format_time("2023-06-09")}, done=PLAN_STATES[2:]
    )
    return f"资金分配公示 {told.starts_on} 至 {told.ends_on}, 监督电话 {told.hotline}"


async def issue_plan(story: DemoRun) -> str:
    """Issued the day after the notice; the library hears of it."""
    await story.transition(
        "treasurer", PLAN_PATH, "issue", {"happened_at": format_time("2023-06-20")}, done=PLAN_STATES[3:]
    )
    for one in list_projects():

        async def planned(at: str = get_project_path(one)) -> bool:
            record: dict[str, Any] = await story.as_user("bureau").get(at)
            return record["state"] != "reserve" and float(record["allocated"]) > 0

        await story.wait_until(planned, f"项目库收到 {one.name} 的资金下达")
    found = await story.as_user("finance").get(f"/funds/sources/{SOURCE_ID}")
    figures = found["figures"]
    return f"资金下达: 已下达 {figures['allocated']} 元, 未安排 {figures['available']} 元, 项目库自动纳入年度计划"


STEPS = (
    Step("登记资金来源", register_source),
    Step("编制分配方案", draft_plan),
    Step("报审与审定", approve_plan),
    Step("分配公示", post_allocation_notice),
    Step("资金下达", issue_plan),
)
