"""Step three: register the fund document; draft, approve, publish and issue the plan with six lines."""

from typing import Any

from operations.demo.admission import get_project_path
from operations.demo.fixtures import COUNTY, get_batch, list_projects
from operations.demo.runner import DemoRun, DemoStep, format_time
from operations.demo.users import derive_id

SOURCE_ID = derive_id("source")
PLAN_ID = derive_id("plan")
PLAN_PATH = f"/funds/plans/{PLAN_ID}"
PLAN_STATES = ("submitted", "approved", "noticed", "issued")


def get_line_id(key: str) -> str:
    """Id of a project's plan line and commitment."""
    return derive_id(f"line {key}")


async def register_source(demo: DemoRun) -> str:
    """Register the fund document in the finance bureau."""
    batch = get_batch()
    body = {
        "id": SOURCE_ID,
        "region": COUNTY,
        "document_no": batch.document_no,
        "title": batch.name,
        "fiscal_year": 2023,
        "level": "central",
        "fund": "bridging",
        "transfer_code": "10000015Z155110000004",
        "amount": batch.total,
        "document_date": "2023-05-24",
        "received_on": "2023-05-29",
        "note": f"资料来源: {batch.source}; 发文与收文日期未公布, 为讲述所设",
    }
    await demo.as_user("finance").post("/funds/sources", body)
    source = await demo.as_user("finance").get(f"/funds/sources/{SOURCE_ID}")
    return f"财政登记指标文 {batch.document_no}: {source['amount']} 元, 可安排 {source['figures']['available']} 元"


async def draft_plan(demo: DemoRun) -> str:
    """Draft the plan; its lines must add up exactly to the announced total."""
    batch = get_batch()
    lines = [
        {
            "id": get_line_id(project.key),
            "project_id": derive_id(project.key),
            "source_id": SOURCE_ID,
            "amount": project.amount,
            "name": project.name,
            "place": project.place,
            "fund_note": project.fund,
            "project_type": project.kind,
            "unit": project.unit,
        }
        for project in list_projects()
    ]
    body = {
        "id": PLAN_ID,
        "region": COUNTY,
        "title": batch.title,
        "year": 2023,
        "batch": batch.name,
        "basis": batch.document_no,
        "principle": "资金跟着项目走, 优先安排农村供水和产业发展",
        "announced_total": batch.total,
        "hotline": batch.hotline,
        "happened_at": format_time("2023-06-01"),
        "lines": lines,
    }
    await demo.as_user("bureau").post("/funds/plans", body)
    checks: dict[str, Any] = await demo.as_user("bureau").get(f"{PLAN_PATH}/checks")
    warnings = [
        finding["message"]
        for finding in checks["findings"]
        if finding["effect"] == "warn" and not finding["passed"]
    ]
    return f"乡村振兴局编制方案: {len(lines)} 条明细合计 {checks['total']} 元. 规则提醒: {'; '.join(warnings) or '没有'}"


async def approve_plan(demo: DemoRun) -> str:
    """Submit the plan in the bureau and approve it in the treasury; the approval registers commitments in the library."""
    await demo.transition(
        "bureau", PLAN_PATH, "submit", {"happened_at": format_time("2023-06-05")}, done=PLAN_STATES
    )
    approval = {
        "decision_no": "泽政办纪〔2023〕12号",
        "decision_on": "2023-06-08",
        "happened_at": format_time("2023-06-08"),
    }
    await demo.transition("treasurer", PLAN_PATH, "approve", approval, done=PLAN_STATES[1:])
    return "财政审定方案; 项目库同时登记了六笔资金安排, 有资金的项目不能再悄悄出库"


async def post_allocation_notice(demo: DemoRun) -> str:
    """Post the allocation notice with its published dates."""
    batch = get_batch()
    await demo.post_notice(
        "bureau",
        PLAN_PATH,
        "allocation",
        batch.starts_on.isoformat(),
        batch.ends_on.isoformat(),
        title=batch.title,
        hotline=batch.hotline,
    )
    await demo.transition(
        "bureau", PLAN_PATH, "notice", {"happened_at": format_time("2023-06-09")}, done=PLAN_STATES[2:]
    )
    return f"资金分配公示 {batch.starts_on} 至 {batch.ends_on}, 监督电话 {batch.hotline}"


async def issue_plan(demo: DemoRun) -> str:
    """Issue the plan after the notice and wait until the library received the allocations."""
    await demo.transition(
        "treasurer", PLAN_PATH, "issue", {"happened_at": format_time("2023-06-20")}, done=PLAN_STATES[3:]
    )
    for project in list_projects():

        async def is_planned(path: str = get_project_path(project)) -> bool:
            record: dict[str, Any] = await demo.as_user("bureau").get(path)
            return record["state"] != "reserve" and float(record["allocated"]) > 0

        await demo.wait_until(is_planned, f"项目库收到 {project.name} 的资金下达")
    source = await demo.as_user("finance").get(f"/funds/sources/{SOURCE_ID}")
    figures = source["figures"]
    return f"资金下达: 已下达 {figures['allocated']} 元, 未安排 {figures['available']} 元, 项目库自动纳入年度计划"


STEPS = (
    DemoStep("登记资金来源", register_source),
    DemoStep("编制分配方案", draft_plan),
    DemoStep("报审与审定", approve_plan),
    DemoStep("分配公示", post_allocation_notice),
    DemoStep("资金下达", issue_plan),
)
