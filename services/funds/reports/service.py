"""Build the funding trail of a record, the yearly summary, the supervision ledger and the evaluation indicators."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.funds.alerts import repository as alert_queries
from services.funds.alerts.models import ALERTS
from services.funds.allocations import repository as allocations
from services.funds.allocations.models import Allocation
from services.funds.allocations.schemas import AllocationRead
from services.funds.contracts import repository as contracts
from services.funds.contracts.schemas import ProjectContractRead
from services.funds.ledger import service as ledger
from services.funds.ledger.accounts import AccountKind
from services.funds.ledger.repository import ALL_DAYS, LedgerPeriod
from services.funds.ledger.schemas import LedgerFigures, build_figures
from services.funds.payments import repository as payments
from services.funds.payments.models import Payment
from services.funds.payments.schemas import PaymentRead, RefundRead
from services.funds.percentages import format_percent
from services.funds.plans import repository as plans
from services.funds.plans.schemas import PlanRead
from services.funds.policy import PLAN_BREAK_DOWN_DAYS
from services.funds.reports import repository
from services.funds.reports.schemas import (
    EvaluationIndicator,
    FundsSummary,
    FundsThread,
    LevelFigures,
    PerformanceEvaluation,
    Rank,
    RankRow,
    Share,
    Supervision,
    SupervisionRow,
    ThreadLine,
)
from services.funds.sources import repository as sources
from services.funds.sources.schemas import Fund, FundLevel, SourceAdjustmentRead, SourceRead, Task
from services.funds.targets import repository as targets
from shared.alerts import repository as alerts
from shared.auth import May
from shared.china import format_yuan
from shared.errors import NotFound
from shared.records.town_rates import average_rate
from shared.unit_of_work import UnitOfWork


async def get_thread_of_project(work: UnitOfWork, project_id: UUID) -> FundsThread:
    """Funding trail of a project; empty if it has no money in the caller's regions."""
    return await _build_thread(
        work, await allocations.list_related_allocations(work, projects=[project_id]), [], [project_id]
    )


async def get_thread_of_source(work: UnitOfWork, source_id: UUID) -> FundsThread:
    """Funding trail of a document. NotFound outside the caller's regions."""
    source = await sources.get_source(work, source_id)
    funded = await allocations.list_related_allocations(work, sources=[source.id])
    plan_ids = [plan.id for plan in await plans.list_plans_by_sources(work, [source.id])]
    return await _build_thread(work, funded, plan_ids, [], [source.id], has_whole_sources=True)


async def get_thread_of_document(work: UnitOfWork, document_no: str) -> FundsThread:
    """Funding trail of a document number: complete with access to the document, else the caller's own allocations.

    NotFound if neither a document nor an allocation of this number is in the caller's regions.
    """
    registered = await repository.system_list_sources_by_number(work, document_no)
    visible_ids = [source.id for source in registered if work.actor.has_access(May.FUND_READ, source.region)]
    funded = (
        await allocations.list_related_allocations(work, sources=[source.id for source in registered])
        if registered
        else []
    )
    if not visible_ids and not funded:
        raise NotFound(f"没有文号为 {document_no} 的资金来源", f"No source {document_no}")
    plan_ids = (
        [plan.id for plan in await plans.list_plans_by_sources(work, visible_ids)] if visible_ids else []
    )
    return await _build_thread(work, funded, plan_ids, [], visible_ids, has_whole_sources=bool(visible_ids))


async def get_thread_of_plan(work: UnitOfWork, plan_id: UUID) -> FundsThread:
    """Funding trail of a plan. NotFound outside the caller's regions."""
    plan = await plans.get_plan(work, plan_id)
    source_ids = await repository.list_plan_source_ids(work, plan.id)
    funded = await allocations.list_related_allocations(work, plans=[plan.id])
    return await _build_thread(work, funded, [plan.id], [], source_ids, every_line=True)


async def get_thread_of_payment(work: UnitOfWork, payment_id: UUID) -> FundsThread:
    """Document, plan and allocation of a payment. NotFound outside the caller's regions."""
    payment = await payments.get_payment(work, payment_id)
    allocation = await allocations.get_allocation(work, payment.allocation_id)
    return await _build_thread(work, [allocation], [], [], payment_rows=[payment])


async def _build_thread(
    work: UnitOfWork,
    funded: Sequence[Allocation],
    plan_ids: Sequence[UUID],
    project_ids: Sequence[UUID],
    source_ids: Sequence[UUID] = (),
    payment_rows: Sequence[Payment] | None = None,
    *,
    has_whole_sources: bool = False,
    every_line: bool = False,
) -> FundsThread:
    project_ids = sorted({*project_ids, *(allocation.project_id for allocation in funded)})
    plan_ids = sorted({*plan_ids, *(allocation.plan_id for allocation in funded)})
    all_source_ids = sorted({*source_ids, *(allocation.source_id for allocation in funded)})
    allocation_ids = [allocation.id for allocation in funded]
    if payment_rows is None:
        payment_rows = await payments.list_related_payments(work, allocations=allocation_ids)
    line_projects = None if has_whole_sources or every_line else project_ids
    lines = await repository.list_plan_lines(work, plan_ids, all_source_ids, line_projects)
    refunds = await repository.list_refunds(work, [payment.id for payment in payment_rows])
    signed = await contracts.list_contracts_by_projects(work, project_ids) if project_ids else []
    documents = await repository.list_sources(work, all_source_ids)
    adjustments = await repository.list_adjustments(work, all_source_ids)
    return FundsThread.model_construct(
        sources=[SourceRead.model_validate(row) for row in documents],
        adjustments=[SourceAdjustmentRead.model_validate(row) for row in adjustments],
        plans=[PlanRead.model_validate(row) for row in await plans.list_plans_by_ids(work, plan_ids)],
        lines=[ThreadLine.model_validate(row) for row in lines],
        allocations=[AllocationRead.model_validate(row) for row in funded],
        contracts=[ProjectContractRead.model_validate(row) for row in signed],
        payments=[PaymentRead.model_validate(row) for row in payment_rows],
        refunds=[RefundRead.model_validate(row) for row in refunds],
        projects=project_ids,
        figures=await _get_thread_figures(work, allocation_ids, source_ids if has_whole_sources else ()),
    )


async def _get_thread_figures(
    work: UnitOfWork, allocation_ids: Sequence[UUID], source_ids: Sequence[UUID]
) -> LedgerFigures:
    """Figures of the documents if given, else of the allocations."""
    if source_ids:
        return await ledger.get_figures(work, {"source_id": list(source_ids)})
    if not allocation_ids:
        return LedgerFigures()
    return await ledger.get_figures(work, {"allocation_id": list(allocation_ids)})


async def get_summary(
    work: UnitOfWork, region: str, year: int, period: LedgerPeriod = ALL_DAYS
) -> FundsSummary:
    """FundsSummary of a region's year from the running balances; its cost does not depend on the number of entries.

    With a period also what moved on its days, out of the documents of every year.
    """
    figures = await ledger.get_figures(work, {"region": region, "year": year})
    stages = [row._asdict() for row in await repository.sum_stages_by_level(work, region, year)]
    levels, towns = _add_stages(stages, "level"), _add_stages(stages, "head")
    shares = await repository.sum_allocated_shares(work, region, year)
    counts: dict[str, Any] = await repository.count_year_records(work, region, year)
    return FundsSummary.model_construct(
        region=region,
        year=year,
        figures=figures,
        flow=None if period == ALL_DAYS else await ledger.get_figures(work, {"region": region}, period),
        by_level=[
            LevelFigures.model_construct(level=level, label=level.label, figures=levels[level])
            for level in FundLevel
            if level in levels
        ],
        paid_percent=format_percent(figures.paid, figures.received),
        allocated_percent=format_percent(figures.allocated, figures.received),
        paid_percent_of_towns=average_rate(
            region, ((head, town.paid, town.received) for head, town in towns.items())
        ),
        industry=_add_shares(region, shares, "industry"),
        management_fee=_add_shares(region, shares, "fee"),
        projects=int(shares[0].projects) if shares else 0,
        **counts,
    )


def _add_stages(rows: Sequence[Mapping[str, Any]], by: str) -> dict[str, LedgerFigures]:
    """Figures per level or town out of rows per level and town."""
    sums: dict[str, dict[str, int]] = {}
    for row in rows:
        stages = sums.setdefault(row[by], dict.fromkeys(AccountKind, 0))
        for kind in AccountKind:
            stages[kind] += int(row[kind])
    return {key: build_figures(stages) for key, stages in sums.items()}


def _add_shares(region: str, rows: Sequence[Any], name: str) -> Share:
    """A share of the money allocated, out of rows per town."""
    parts = [(row.head, int(getattr(row, name)), int(row.whole)) for row in rows]
    part, whole = sum(one[1] for one in parts), sum(one[2] for one in parts)
    return Share.model_construct(
        part=part,
        whole=whole,
        percent=format_percent(part, whole),
        percent_of_towns=average_rate(region, parts),
    )


FlowRows = Sequence[Any]


async def get_supervision(work: UnitOfWork, region: str, year: int, by: str) -> Supervision:
    """Supervision ledger: one row per fund or town, and the total."""
    flows = await repository.sum_flows(work, region, year, by)
    keys = sorted({str(row.key) for row in flows})
    rows = [
        _build_supervision_row(key, _get_row_label(key, by), [flow for flow in flows if flow.key == key])
        for key in keys
    ]
    return Supervision.model_construct(
        region=region, year=year, rows=rows, total=_build_supervision_row("", "合计", flows)
    )


def _get_row_label(key: str, by: str) -> str:
    return Fund(key).label if by == "fund" else key.ljust(12, "0")


def _build_supervision_row(key: str, label: str, flows: FlowRows) -> SupervisionRow:
    ranks = [build_rank_row(rank, flows) for rank in Rank]
    province = ranks[0]
    paid = _sum_flows(flows, "paid")
    # A town has no fund document of its own: its received amount is the amount allocated to it.
    received = _sum_flows(flows, "received") or _sum_flows(flows, "allocated")
    return SupervisionRow.model_construct(
        key=key,
        label=label,
        amountZyxd=_sum_flows(flows, "central"),
        amountSnjbjfp=province.own,
        amountSnjxjfp=province.below,
        amountSnjpay=province.paid,
        received=received,
        paid=paid,
        spending=format_percent(paid, received),
        ranks=[rank_row for rank_row in ranks if rank_row.given or rank_row.paid],
    )


def build_rank_row(rank: Rank, flows: FlowRows) -> RankRow:
    """Amounts a rank received, retained, passed on and spent; 分配进度 is 0 if it received nothing."""
    own_flows = [flow for flow in flows if flow.rank == rank]
    own = _sum_flows((flow for flow in own_flows if flow.source_rank == rank), "allocated")
    from_above = _sum_flows((flow for flow in own_flows if flow.source_rank != rank), "allocated")
    below = _sum_flows((flow for flow in flows if flow.source_rank == rank != flow.rank), "allocated")
    received = _sum_flows(own_flows, "received") + from_above
    retained = own + from_above
    return RankRow.model_construct(
        rank=rank,
        label=rank.label,
        given=received,
        own=retained,
        below=below,
        unallocated=received - retained - below,
        paid=_sum_flows(own_flows, "paid"),
        progress=format_percent(retained + below, received),
    )


def _sum_flows(flows: Iterable[Any], name: str) -> int:
    return sum(int(getattr(flow, name)) for flow in flows)


EVALUATION_BASIS = (
    "财政部等6部门《衔接推进乡村振兴补助资金绩效评价及考核办法》(财农〔2021〕122号, 文号待核对)"
)
INDICATOR_GROUPS = {"down": "资金分解下达", "manage": "项目管理", "use": "使用成效"}
STARTED_STATES = frozenset(
    {"started", "under_construction", "completed", "accepted", "handed_over", "closed"}
)
COMPLETED_STATES = frozenset({"completed", "accepted", "handed_over", "closed"})
MANUAL_INDICATORS = ["机制创新(加分)", "数据作假(减分)", "违规违纪(减分)"]


async def get_evaluation(work: UnitOfWork, region: str, year: int) -> PerformanceEvaluation:
    """Evaluation indicators that can be computed from the books."""
    indicators = [
        *await _list_distribution_indicators(work, region, year),
        *await _list_management_indicators(work, region, year),
        *await _list_usage_indicators(work, region, year),
    ]
    return PerformanceEvaluation(
        region=region, year=year, basis=EVALUATION_BASIS, indicators=indicators, by_hand=MANUAL_INDICATORS
    )


def _build_indicator(
    code: str, title: str, part: int, whole: int, how: str, *, money: bool = False
) -> EvaluationIndicator:
    format_value = format_yuan if money else str
    return EvaluationIndicator(
        code=code,
        group=INDICATOR_GROUPS[code.partition(".")[0]],
        title=title,
        part=format_value(part),
        whole=format_value(whole),
        percent=format_percent(part, whole),
        how=how,
    )


async def _list_distribution_indicators(
    work: UnitOfWork, region: str, year: int
) -> list[EvaluationIndicator]:
    rule = await work.get_rule(PLAN_BREAK_DOWN_DAYS, region=region)
    limit_days = rule.value.days
    documents = {row.id: row for row in await repository.list_upper_documents(work, region, year)}
    issues = [row for row in await repository.sum_issues(work, region, year) if row.source_id in documents]
    limit = timedelta(days=limit_days)
    issued_in_time = sum(
        row.amount for row in issues if row.issued_on <= documents[row.source_id].received_on + limit
    )
    total = sum(row.received for row in documents.values())
    issued = sum(row.amount for row in issues)
    weighted_days = sum(
        row.amount * (row.issued_on - documents[row.source_id].received_on).days for row in issues
    )
    return [
        _build_indicator(
            "down.in_time",
            f"中央和省级资金 {limit_days} 日内分解下达",
            issued_in_time,
            total,
            "下达日期减收文日期, 按金额",
            money=True,
        ),
        _build_indicator(
            "down.issued", "中央和省级资金已分解下达", issued, total, "资金安排合计 / 指标到位", money=True
        ),
        EvaluationIndicator(
            code="down.days",
            group=INDICATOR_GROUPS["down"],
            title="平均下达天数",
            part=str(weighted_days // issued if issued else 0),
            whole=str(limit_days),
            percent="",
            how="按金额加权, 取整",
        ),
    ]


async def _list_management_indicators(work: UnitOfWork, region: str, year: int) -> list[EvaluationIndicator]:
    states = await repository.count_projects_by_state(work, region, year)
    funded = sum(row.projects for row in states)
    target_counts = await targets.count_year_targets(work, region, year)
    plan_ids = await repository.list_issued_plan_ids(work, region, year)
    announced = len(await alert_queries.system_get_notice_dates(work, plan_ids)) if plan_ids else 0
    alert_counts: list[Any] = await alerts.count_alerts(work, ALERTS, region, work.today)
    closed_alerts, open_alerts = (
        sum(row.done for row in alert_counts),
        sum(row.undone for row in alert_counts),
    )
    return [
        _build_indicator(
            "manage.library",
            "资金安排的项目在库",
            sum(row.coded for row in states),
            funded,
            "有项目库编号的项目",
        ),
        _build_indicator(
            "manage.targets", "绩效目标已批复", target_counts.approved, funded, "有已批复绩效目标的项目安排"
        ),
        _build_indicator(
            "manage.targets_public",
            "绩效目标按期公开",
            target_counts.in_time,
            target_counts.approved,
            "公开日期不晚于期限",
        ),
        _build_indicator(
            "manage.evaluated",
            "已开展绩效自评",
            target_counts.evaluated,
            target_counts.approved,
            "已自评或已复核",
        ),
        _build_indicator(
            "manage.announced", "分配方案已公告公示", announced, len(plan_ids), "已下达方案中有有效公示的"
        ),
        _build_indicator(
            "manage.alerts",
            "发现问题整改",
            closed_alerts,
            closed_alerts + open_alerts,
            "预警已销号 / 全部预警",
        ),
    ]


async def _list_usage_indicators(work: UnitOfWork, region: str, year: int) -> list[EvaluationIndicator]:
    states = await repository.count_projects_by_state(work, region, year)
    funded = sum(row.projects for row in states)
    figures = await ledger.get_figures(work, {"region": region, "year": year})
    uses = await repository.sum_uses(work, region, year)
    tasks = [
        _build_indicator(f"use.task.{row.task}", f"分任务支出: {Task(row.task).label}", row.paid, row.allocated,
            "已支付 / 已下达", money=True)
        for row in await repository.sum_by_task(work, region, year)
    ]  # fmt: skip
    return [
        _build_indicator(
            "use.started",
            "项目开工",
            _count_in_states(states, STARTED_STATES),
            funded,
            "项目库状态为开工及以后",
        ),
        _build_indicator(
            "use.completed",
            "项目完工",
            _count_in_states(states, COMPLETED_STATES),
            funded,
            "项目库状态为竣工及以后",
        ),
        _build_indicator(
            "use.executed", "预算执行率", figures.paid, figures.received, "已支付 / 到位", money=True
        ),
        *tasks,
        _build_indicator(
            "use.industry",
            "中央和省级资金用于产业的比例",
            uses.industry,
            uses.upper,
            "按项目认定",
            money=True,
        ),
        _build_indicator(
            "use.pooled", "统筹整合", uses.pooled, uses.received, "统筹整合资金 / 到位", money=True
        ),
    ]


def _count_in_states(states: list[Any], selected: frozenset[str]) -> int:
    return sum(row.projects for row in states if row.state in selected)
