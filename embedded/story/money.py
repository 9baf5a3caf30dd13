"""Step three: the fund document, the plan with six lines to the 分, its warnings, its notice, its issue."""

from typing import Any

from embedded.story.facts import COUNTY, batch, projects
from embedded.story.library import path
from embedded.story.telling import Step, Story, day, fixed_id

SOURCE = fixed_id("source")
PLAN = fixed_id("plan")
AT = f"/funds/plans/{PLAN}"
AFTER = ("submitted", "approved", "noticed", "issued")


def line_id(key: str) -> str:
    """The plan line, and commitment, of a project."""
    return fixed_id(f"line {key}")


async def register(story: Story) -> str:
    """The finance bureau registers the fund document."""
    told = batch()
    body = {
        "id": SOURCE,
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
    await story.as_("finance").post("/funds/sources", body)
    found = await story.as_("finance").get(f"/funds/sources/{SOURCE}")
    return (
        f"财政登记指标文 {told.document_no}: {found['amount']} 元, 可安排 {found['figures']['available']} 元"
    )


async def draft(story: Story) -> str:
    """The bureau drafts the plan; lines must add up to the announced total to the 分."""
    told = batch()
    lines = [
        {
            "id": line_id(one.key),
            "project_id": fixed_id(one.key),
            "source_id": SOURCE,
            "amount": one.amount,
            "name": one.name,
            "place": one.place,
            "fund_note": one.fund,
            "project_type": one.kind,
            "unit": one.unit,
        }
        for one in projects()
    ]
    body = {
        "id": PLAN,
        "region": COUNTY,
        "title": told.title,
        "year": 2023,
        "batch": told.name,
        "basis": told.document_no,
        "principle": "资金跟着项目走, 优先安排农村供水和产业发展",
        "announced_total": told.total,
        "hotline": told.hotline,
        "happened_at": day("2023-06-01"),
        "lines": lines,
    }
    await story.as_("bureau").post("/funds/plans", body)
    checks: dict[str, Any] = await story.as_("bureau").get(f"{AT}/checks")
    warned = [one["message"] for one in checks["findings"] if one["effect"] == "warn" and not one["passed"]]
    words = "; ".join(warned) or "没有"
    return f"乡村振兴局编制方案: {len(lines)} 条明细合计 {checks['total']} 元. 规则提醒: {words}"


async def decide(story: Story) -> str:
    """Submitted by one, approved by another; the library is told before it is approved."""
    await story.move("bureau", AT, "submit", {"happened_at": day("2023-06-05")}, done=AFTER)
    said = {
        "decision_no": "泽政办纪〔2023〕12号",
        "decision_on": "2023-06-08",
        "happened_at": day("2023-06-08"),
    }
    await story.move("treasurer", AT, "approve", said, done=AFTER[1:])
    return "财政审定方案; 项目库同时登记了六笔资金安排, 有资金的项目不能再悄悄出库"


async def announce(story: Story) -> str:
    """The allocation notice of the real days."""
    told = batch()
    await story.notice(
        "bureau",
        AT,
        "allocation",
        told.starts_on.isoformat(),
        told.ends_on.isoformat(),
        title=told.title,
        hotline=told.hotline,
    )
    await story.move("bureau", AT, "notice", {"happened_at": day("2023-06-09")}, done=AFTER[2:])
    return f"资金分配公示 {told.starts_on} 至 {told.ends_on}, 监督电话 {told.hotline}"


async def issue(story: Story) -> str:
    """Issued the day after the notice; the library hears of it."""
    await story.move("treasurer", AT, "issue", {"happened_at": day("2023-06-20")}, done=AFTER[3:])
    for one in projects():

        async def planned(at: str = path(one)) -> bool:
            record: dict[str, Any] = await story.as_("bureau").get(at)
            return record["state"] != "reserve" and float(record["allocated"]) > 0

        await story.when(planned, f"项目库收到 {one.name} 的资金下达")
    found = await story.as_("finance").get(f"/funds/sources/{SOURCE}")
    figures = found["figures"]
    return f"资金下达: 已下达 {figures['allocated']} 元, 未安排 {figures['available']} 元, 项目库自动纳入年度计划"


STEPS = (
    Step("登记资金来源", register),
    Step("编制分配方案", draft),
    Step("报审与审定", decide),
    Step("分配公示", announce),
    Step("资金下达", issue),
)
