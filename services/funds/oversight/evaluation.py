"""绩效评价指标: each from the books, with the two figures it is made of."""

from datetime import timedelta
from typing import Any

from services.funds.alerts.models import ALERTS
from services.funds.checking.finding import percent
from services.funds.ledger import service as ledger
from services.funds.oversight import repository
from services.funds.oversight.schemas import Evaluation, Indicator
from services.funds.sources.kinds import Task
from services.funds.targets import repository as targets
from services.funds.watching import repository as watching
from shared.access import span
from shared.alerts import repository as alerts
from shared.money import yuan
from shared.work import Work

BASIS = "财政部等6部门《衔接推进乡村振兴补助资金绩效评价及考核办法》(财农〔2021〕122号, 文号待核对)"
GROUPS = {"down": "资金分解下达", "manage": "项目管理", "use": "使用成效"}
STARTED = frozenset({"started", "under_construction", "completed", "accepted", "handed_over", "closed"})
DONE = frozenset({"completed", "accepted", "handed_over", "closed"})
BY_HAND = ["机制创新(加分)", "数据作假(减分)", "违规违纪(减分)"]


async def evaluation(work: Work, region: str, year: int) -> Evaluation:
    """Every indicator that the books can answer."""
    found = [
        *await _down(work, region, year),
        *await _manage(work, region, year),
        *await _use(work, region, year),
    ]
    return Evaluation(region=region, year=year, basis=BASIS, indicators=found, by_hand=BY_HAND)


def _of(code: str, title: str, part: int, whole: int, how: str, *, money: bool = False) -> Indicator:
    said = yuan if money else str
    return Indicator(
        code=code,
        group=GROUPS[code.partition(".")[0]],
        title=title,
        part=said(part),
        whole=said(whole),
        percent=percent(part, whole),
        how=how,
    )


async def _down(work: Work, region: str, year: int) -> list[Indicator]:
    rule = await work.rule("plan.break_down_days", region=region)
    days = int(rule.value["days"])
    documents = {row.id: row for row in await repository.documents(work, region, year)}
    issues = [row for row in await repository.issues(work, region, year) if row.source_id in documents]
    limit = timedelta(days=days)
    soon = sum(row.amount for row in issues if row.issued_on <= documents[row.source_id].received_on + limit)
    total = sum(row.received for row in documents.values())
    issued = sum(row.amount for row in issues)
    spent = sum(row.amount * (row.issued_on - documents[row.source_id].received_on).days for row in issues)
    return [
        _of(
            "down.in_time",
            f"中央和省级资金 {days} 日内分解下达",
            soon,
            total,
            "下达日期减收文日期, 按金额",
            money=True,
        ),
        _of("down.issued", "中央和省级资金已分解下达", issued, total, "资金安排合计 / 指标到位", money=True),
        Indicator(
            code="down.days",
            group=GROUPS["down"],
            title="平均下达天数",
            part=str(spent // issued if issued else 0),
            whole=str(days),
            percent="",
            how="按金额加权, 取整",
        ),
    ]


async def _manage(work: Work, region: str, year: int) -> list[Indicator]:
    states = await repository.projects(work, region, year)
    funded = sum(row.projects for row in states)
    goals = await targets.year_counts(work, region, year)
    plans = await repository.issued_plans(work, region, year)
    public = len(await watching.system_announced(work, plans)) if plans else 0
    raised: list[Any] = await alerts.counts(work, ALERTS, region, work.today)
    closed, open_ = sum(row.done for row in raised), sum(row.undone for row in raised)
    return [
        _of(
            "manage.library",
            "资金安排的项目在库",
            sum(row.coded for row in states),
            funded,
            "有项目库编号的项目",
        ),
        _of("manage.targets", "绩效目标已批复", goals.approved, funded, "有已批复绩效目标的项目安排"),
        _of("manage.targets_public", "绩效目标按期公开", goals.in_time, goals.approved, "公开日期不晚于期限"),
        _of("manage.evaluated", "已开展绩效自评", goals.evaluated, goals.approved, "已自评或已复核"),
        _of("manage.announced", "分配方案已公告公示", public, len(plans), "已下达方案中有有效公示的"),
        _of("manage.alerts", "发现问题整改", closed, closed + open_, "预警已销号 / 全部预警"),
    ]


async def _use(work: Work, region: str, year: int) -> list[Indicator]:
    states = await repository.projects(work, region, year)
    funded = sum(row.projects for row in states)
    held = await ledger.position(work, {"region": span(region), "year": year})
    uses = await repository.uses(work, region, year)
    tasks = [
        _of(f"use.task.{row.task}", f"分任务支出: {Task(row.task).label}", row.paid, row.allocated,
            "已支付 / 已下达", money=True)
        for row in await repository.tasks(work, region, year)
    ]  # fmt: skip
    return [
        _of("use.started", "项目开工", _in(states, STARTED), funded, "项目库状态为开工及以后"),
        _of("use.completed", "项目完工", _in(states, DONE), funded, "项目库状态为竣工及以后"),
        _of("use.executed", "预算执行率", held.paid, held.received, "已支付 / 到位", money=True),
        *tasks,
        _of(
            "use.industry",
            "中央和省级资金用于产业的比例",
            uses.industry,
            uses.upper,
            "按项目认定",
            money=True,
        ),
        _of("use.pooled", "统筹整合", uses.pooled, uses.received, "统筹整合资金 / 到位", money=True),
    ]


def _in(states: list[Any], wanted: frozenset[str]) -> int:
    return sum(row.projects for row in states if row.state in wanted)
