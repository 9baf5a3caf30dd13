"""Load the rule inputs of a plan and evaluate the rules of a day."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from services.funds.commitments import service as commitments
from services.funds.commitments.projects_client import ProjectFacts
from services.funds.findings import Finding
from services.funds.ledger import service as ledger
from services.funds.plans import repository
from services.funds.plans.calculation import LineFacts, RuleInputs, SourceFacts, evaluate_rules
from services.funds.plans.models import Plan, PlanLine
from services.funds.sources import repository as sources
from services.funds.sources.models import Source
from shared.rules import list_rules_in_force
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


async def list_findings(
    work: UnitOfWork,
    plan: Plan,
    lines: Sequence[PlanLine],
    views: Mapping[UUID, ProjectFacts] | None,
    on: date | None = None,
) -> list[Finding]:
    """Every rule's finding on a day (now); without `views` (the library is silent) by what it last said."""
    day = on or _get_rule_date(work, plan)
    in_year = min(day, date(plan.year, 12, 31))
    rules = {
        rule.key: rule for rule in await list_rules_in_force(work.session, in_year, plan.region, "plan.")
    }
    known = await sources.get_sources_by_id(work, [line.source_id for line in lines])
    cards = await commitments.get_cached_projects(work, [line.project_id for line in lines])
    draft = RuleInputs(
        on=day,
        lines=[
            _build_line_facts(line, known[line.source_id], views, cards.get(line.project_id))
            for line in lines
        ],
        sources=await _get_source_facts(work, known),
        announced_total=plan.announced_total,
        year=await repository.get_year_totals(work, plan),
        recallable=await _get_recallable(work, lines),
        funded_before=await _get_earlier_funding(work, lines),
        library_unavailable=views is None,
    )
    return evaluate_rules(draft, rules)


def _get_rule_date(work: UnitOfWork, plan: Plan) -> date:
    """Today; for history that is recorded late, the day the plan then stood at."""
    late = plan.state_since < plan.created_at
    return plan.state_since.astimezone(CHINA_TIME_ZONE).date() if late else work.today


async def _get_recallable(work: UnitOfWork, lines: Sequence[PlanLine]) -> dict[UUID, int]:
    ids = [line.allocation_id for line in lines if line.allocation_id is not None]
    if not ids:
        return {}
    rows = await ledger.list_figures(work, ("allocation_id",), {"allocation_id": ids})
    return {group["allocation_id"]: held.unpaid - held.applied for group, held in rows}


async def _get_source_facts(work: UnitOfWork, known: Mapping[UUID, Source]) -> dict[UUID, SourceFacts]:
    rows = await ledger.list_figures(work, ("source_id",), {"source_id": list(known)})
    left = {group["source_id"]: held.available - held.planned for group, held in rows}
    return {
        source.id: SourceFacts(
            source.id,
            source.document_no,
            source.level,
            source.amount,
            left.get(source.id, 0),
            source.received_on,
        )
        for source in known.values()
    }


async def _get_earlier_funding(work: UnitOfWork, lines: Sequence[PlanLine]) -> dict[UUID, int]:
    projects = list({line.project_id for line in lines})
    rows = await ledger.list_figures(work, ("project_id",), {"project_id": projects})
    return {group["project_id"]: held.allocated for group, held in rows}


def _build_line_facts(
    line: PlanLine, source: Source, views: Mapping[UUID, ProjectFacts] | None, card: ProjectFacts | None
) -> LineFacts:
    view = (views or {}).get(line.project_id)
    said = view or card
    return LineFacts(
        id=line.id,
        name=line.name,
        amount=line.amount,
        source_id=line.source_id,
        project_id=line.project_id,
        level=source.level,
        task=source.task,
        category=said.category if said else "",
        industry=line.industry,
        management_fee=line.management_fee,
        project_state=view.state if view else None,
        blocked=bool(view and view.blocked),
        state_label=view.state_label if view else "",
        readiness=view.readiness if view else (),
        region=line.project_region,
        industry_basis=line.industry_basis,
        allocation_id=line.allocation_id,
    )
