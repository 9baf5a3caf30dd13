"""A plan's lines joined with what the library and the ledger say of them: the facts behind every check."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from services.funds.checking.finding import Finding
from services.funds.commitments import service as commitments
from services.funds.commitments.project import LibraryProject
from services.funds.ledger import service as ledger
from services.funds.plans import repository
from services.funds.plans.draft import Draft, LineFacts, SourceFacts
from services.funds.plans.findings import examine
from services.funds.plans.models import Plan, PlanLine
from services.funds.sources import repository as sources
from services.funds.sources.models import Source
from shared.rules import in_force
from shared.work import CHINA, Work


async def findings(
    work: Work,
    plan: Plan,
    lines: Sequence[PlanLine],
    views: Mapping[UUID, LibraryProject] | None,
    on: date | None = None,
) -> list[Finding]:
    """Every rule's finding on a day (now); without `views` (the library is silent) by what it last said."""
    day = on or _day(work, plan)
    in_year = min(day, date(plan.year, 12, 31))
    rules = {rule.key: rule for rule in await in_force(work.session, in_year, plan.region, "plan.")}
    known = await sources.many(work, [line.source_id for line in lines])
    cards = await commitments.cards(work, [line.project_id for line in lines])
    draft = Draft(
        on=day,
        lines=[_line(line, known[line.source_id], views, cards.get(line.project_id)) for line in lines],
        sources=await _sources(work, known),
        announced_total=plan.announced_total,
        year=await repository.year_given(work, plan),
        recallable=await _recallable(work, lines),
        funded_before=await _before(work, lines),
        library_silent=views is None,
    )
    return examine(draft, rules)


def _day(work: Work, plan: Plan) -> date:
    """Today; for history that is recorded late, the day the plan then stood at."""
    late = plan.state_since < plan.created_at
    return plan.state_since.astimezone(CHINA).date() if late else work.today


async def _recallable(work: Work, lines: Sequence[PlanLine]) -> dict[UUID, int]:
    ids = [line.allocation_id for line in lines if line.allocation_id is not None]
    if not ids:
        return {}
    rows = await ledger.positions(work, ("allocation_id",), {"allocation_id": ids})
    return {group["allocation_id"]: held.unpaid - held.applied for group, held in rows}


async def _sources(work: Work, known: Mapping[UUID, Source]) -> dict[UUID, SourceFacts]:
    rows = await ledger.positions(work, ("source_id",), {"source_id": list(known)})
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


async def _before(work: Work, lines: Sequence[PlanLine]) -> dict[UUID, int]:
    projects = list({line.project_id for line in lines})
    rows = await ledger.positions(work, ("project_id",), {"project_id": projects})
    return {group["project_id"]: held.allocated for group, held in rows}


def _line(
    line: PlanLine, source: Source, views: Mapping[UUID, LibraryProject] | None, card: LibraryProject | None
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
