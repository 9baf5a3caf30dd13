"""The fund chain around any record, and a region's year on one page."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.allocations.models import Allocation
from services.funds.allocations.schemas import AllocationRead
from services.funds.chain import repository
from services.funds.chain.schemas import LevelFigures, Share, Summary, Thread, ThreadLine
from services.funds.checking.finding import percent
from services.funds.contracts import repository as contracts
from services.funds.contracts.schemas import ContractRead
from services.funds.ledger import service as ledger
from services.funds.ledger.figures import Figures, figures
from services.funds.payments import repository as payments
from services.funds.payments.models import Payment
from services.funds.payments.schemas import PaymentRead, RefundRead
from services.funds.plans import repository as plans
from services.funds.plans.schemas import PlanRead
from services.funds.sources import repository as sources
from services.funds.sources.kinds import Level
from services.funds.sources.schemas import AdjustmentRead, SourceRead
from shared.access import span
from shared.errors import NotFound
from shared.permissions import May
from shared.work import Work


async def of_project(work: Work, project_id: UUID) -> Thread:
    """Everything that was given to a project; empty when it has no money in the caller's regions."""
    return await _thread(work, await allocations.around(work, projects=[project_id]), [], [project_id])


async def of_source(work: Work, source_id: UUID) -> Thread:
    """Where every yuan of a document went. NotFound out of the caller's regions."""
    source = await sources.get(work, source_id)
    given = await allocations.around(work, sources=[source.id])
    drafted = [plan.id for plan in await plans.of_sources(work, [source.id])]
    return await _thread(work, given, drafted, [], [source.id], whole=True)


async def of_document(work: Work, document_no: str) -> Thread:
    """Where every yuan under a document number went: all of it for who may see the document, else one's own part.

    NotFound when neither a document nor an allocation of this number is in the caller's regions.
    """
    registered = await repository.system_numbered(work, document_no)
    seen = [one.id for one in registered if work.actor.sees(May.FUND_READ, one.region)]
    given = await allocations.around(work, sources=[one.id for one in registered]) if registered else []
    if not seen and not given:
        raise NotFound(f"没有文号为 {document_no} 的资金来源", f"No source {document_no}")
    drafted = [plan.id for plan in await plans.of_sources(work, seen)] if seen else []
    return await _thread(work, given, drafted, [], seen, whole=bool(seen))


async def of_plan(work: Work, plan_id: UUID) -> Thread:
    """What a plan distributed. NotFound out of the caller's regions."""
    plan = await plans.get(work, plan_id)
    used = await repository.sources_of_plan(work, plan.id)
    given = await allocations.around(work, plans=[plan.id])
    return await _thread(work, given, [plan.id], [], used, every_line=True)


async def of_payment(work: Work, payment_id: UUID) -> Thread:
    """The document, plan and allocation behind a payment. NotFound out of the caller's regions."""
    payment = await payments.get(work, payment_id)
    given = await allocations.get(work, payment.allocation_id)
    return await _thread(work, [given], [], [], only=[payment])


async def _thread(
    work: Work,
    given: Sequence[Allocation],
    plan_ids: Sequence[UUID],
    project_ids: Sequence[UUID],
    source_ids: Sequence[UUID] = (),
    only: Sequence[Payment] | None = None,
    *,
    whole: bool = False,
    every_line: bool = False,
) -> Thread:
    projects = sorted({*project_ids, *(one.project_id for one in given)})
    wanted = sorted({*source_ids, *(one.source_id for one in given)})
    chosen = sorted({*plan_ids, *(one.plan_id for one in given)})
    paid = await payments.around(work, allocations=[one.id for one in given]) if only is None else only
    about = None if whole or every_line else projects
    lines = await repository.lines(work, chosen, wanted, about)
    back = await repository.refunds(work, [one.id for one in paid])
    signed = await contracts.of_projects(work, projects) if projects else []
    return Thread.model_construct(
        sources=[SourceRead.model_validate(one) for one in await repository.sources(work, wanted)],
        adjustments=[
            AdjustmentRead.model_validate(one) for one in await repository.adjustments(work, wanted)
        ],
        plans=[PlanRead.model_validate(one) for one in await plans.many(work, chosen)],
        lines=[ThreadLine.model_validate(one) for one in lines],
        allocations=[AllocationRead.model_validate(one) for one in given],
        contracts=[ContractRead.model_validate(one) for one in signed],
        payments=[PaymentRead.model_validate(one) for one in paid],
        refunds=[RefundRead.model_validate(one) for one in back],
        projects=projects,
        figures=await _figures(work, given, source_ids if whole else ()),
    )


async def _figures(work: Work, given: Sequence[Allocation], whole: Sequence[UUID]) -> Figures:
    """Of whole documents, or of the allocations alone."""
    if whole:
        return await ledger.position(work, {"source_id": list(whole)})
    return await ledger.position(work, {"allocation_id": [one.id for one in given]}) if given else Figures()


async def summary(work: Work, region: str, year: int) -> Summary:
    """A region's year from the running balances: the same cost whatever the number of entries."""
    in_all = await ledger.position(work, {"region": span(region), "year": year})
    levels = {row.level: figures(row._asdict()) for row in await repository.by_level(work, region, year)}
    shares = await repository.shares(work, region, year)
    counts: dict[str, Any] = await repository.counts(work, region, year)
    return Summary.model_construct(
        region=region,
        year=year,
        figures=in_all,
        by_level=[
            LevelFigures.model_construct(level=level, label=level.label, figures=levels[level])
            for level in Level
            if level in levels
        ],
        paid_percent=percent(in_all.paid, in_all.received),
        allocated_percent=percent(in_all.allocated, in_all.received),
        industry=_share(shares.industry, shares.whole),
        management_fee=_share(shares.fee, shares.whole),
        projects=int(shares.projects),
        **counts,
    )


def _share(part: int, whole: int) -> Share:
    return Share.model_construct(part=int(part), whole=int(whole), percent=percent(int(part), int(whole)))
