"""Load the rule inputs of a plan and evaluate the rules of a day."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.commitments import service as commitments
from services.funds.findings import Effect, RuleFinding
from services.funds.ledger import service as ledger
from services.funds.plans import repository
from services.funds.plans.calculation import CHECKS, LineFacts, RuleInputs, SourceFacts, evaluate_rules
from services.funds.plans.models import Plan, PlanLine
from services.funds.plans.schemas import PlanChecks, PlanLineWrite
from services.funds.sources import repository as sources
from services.funds.sources.models import Source
from shared.clients.projects import ProjectSnapshot
from shared.errors import FieldError
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


async def list_findings(
    work: UnitOfWork,
    plan: Plan,
    lines: Sequence[PlanLine],
    projects: Mapping[UUID, ProjectSnapshot] | None,
    on: date | None = None,
) -> list[RuleFinding]:
    """Findings of every rule on a day (default: today). Without `projects` (projects service down) the cached projects are used."""
    day = on or _get_rule_date(work, plan)
    rule_day = min(day, date(plan.year, 12, 31))
    rules = await work.get_rules([one.rule for one in CHECKS], on=rule_day, region=plan.region)
    sources_by_id = await sources.get_sources_by_id(work, [line.source_id for line in lines])
    snapshots = await commitments.get_cached_projects(work, [line.project_id for line in lines])
    inputs = RuleInputs(
        on=day,
        lines=[
            replace(
                _build_line_facts(
                    line, sources_by_id[line.source_id], projects, snapshots.get(line.project_id)
                ),
                region=work.context.mergers.find_current(line.project_region),
            )
            for line in lines
        ],
        sources=await _get_source_facts(work, sources_by_id),
        announced_total=plan.announced_total,
        year=await repository.get_year_totals(work, plan),
        recallable=await _get_recallable(work, lines),
        funded_before=await _get_earlier_funding(work, lines),
        library_unavailable=projects is None,
    )
    return evaluate_rules(inputs, rules)


async def check_recalls(work: UnitOfWork, lines: Sequence[PlanLineWrite]) -> list[FieldError]:
    """What is wrong with lines that take money back: the allocation they name is of another project or source."""
    errors = []
    for index, line in enumerate(lines):
        if line.amount < 0 and line.allocation_id is not None:
            allocation = await allocations.get_allocation(work, line.allocation_id)
            if (allocation.project_id, allocation.source_id) != (line.project_id, line.source_id):
                errors.append(
                    FieldError(
                        "other_allocation",
                        "项目或来源与该笔资金安排不符",
                        "does not match the allocation",
                        f"/lines/{index}/allocation_id",
                    )
                )
    return errors


async def build_checks(
    work: UnitOfWork,
    plan: Plan,
    lines: Sequence[PlanLine],
    projects: Mapping[UUID, ProjectSnapshot] | None,
) -> PlanChecks:
    """What every rule says now of lines, saved or not; `missing` names the projects service if it is down."""
    findings = await list_findings(work, plan, lines, projects)
    return PlanChecks(
        plan_id=plan.id,
        total=sum(line.amount for line in lines),
        stops=_count_failed(findings, Effect.STOP),
        warnings=_count_failed(findings, Effect.WARN),
        findings=findings,
        missing=[] if projects is not None else ["projects"],
    )


def _count_failed(findings: Sequence[RuleFinding], effect: Effect) -> int:
    return sum(finding.effect is effect and not finding.passed for finding in findings)


def _get_rule_date(work: UnitOfWork, plan: Plan) -> date:
    """Day whose rules apply: today, or for history recorded late the day of the plan's state."""
    late = plan.state_since < plan.created_at
    return plan.state_since.astimezone(CHINA_TIME_ZONE).date() if late else work.today


async def _get_recallable(work: UnitOfWork, lines: Sequence[PlanLine]) -> dict[UUID, int]:
    ids = [line.allocation_id for line in lines if line.allocation_id is not None]
    if not ids:
        return {}
    rows = await ledger.list_figures(work, ("allocation_id",), {"allocation_id": ids})
    return {group["allocation_id"]: figures.unpaid - figures.applied for group, figures in rows}


async def _get_source_facts(
    work: UnitOfWork, sources_by_id: Mapping[UUID, Source]
) -> dict[UUID, SourceFacts]:
    rows = await ledger.list_figures(work, ("source_id",), {"source_id": list(sources_by_id)})
    available = {group["source_id"]: figures.available - figures.planned for group, figures in rows}
    return {
        source.id: SourceFacts(
            source.id,
            source.document_no,
            source.level,
            source.amount,
            available.get(source.id, 0),
            source.received_on,
        )
        for source in sources_by_id.values()
    }


async def _get_earlier_funding(work: UnitOfWork, lines: Sequence[PlanLine]) -> dict[UUID, int]:
    projects = list({line.project_id for line in lines})
    rows = await ledger.list_figures(work, ("project_id",), {"project_id": projects})
    return {group["project_id"]: figures.allocated for group, figures in rows}


def _build_line_facts(
    line: PlanLine,
    source: Source,
    projects: Mapping[UUID, ProjectSnapshot] | None,
    snapshot: ProjectSnapshot | None,
) -> LineFacts:
    project = (projects or {}).get(line.project_id)
    described = project or snapshot
    return LineFacts(
        id=line.id,
        name=line.name,
        amount=line.amount,
        source_id=line.source_id,
        project_id=line.project_id,
        level=source.level,
        task=source.task,
        category=described.category if described else "",
        industry=line.industry,
        management_fee=line.management_fee,
        project_state=project.state if project else None,
        blocked=bool(project and project.blocked),
        state_label=project.state_label if project else "",
        readiness=project.readiness if project else (),
        region=line.project_region,
        industry_basis=line.industry_basis,
        allocation_id=line.allocation_id,
    )
