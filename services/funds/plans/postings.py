"""Ledger entries of approving, cancelling and issuing a plan: one per source or line, each with its own key."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.allocations import service as allocation_service
from services.funds.allocations.models import Allocation
from services.funds.ledger import service as ledger
from services.funds.ledger.accounts import AccountKey, AccountKind, EntryKind, Posting, credit, debit
from services.funds.plans.models import Plan, PlanLine
from services.funds.sources.models import Source
from services.funds.sources.service import build_source_account
from shared.clients.funds import AllocationRecalled
from shared.records import save_record
from shared.unit_of_work import UnitOfWork


def _sum_allotted_and_recalled(lines: Sequence[PlanLine]) -> tuple[int, int]:
    """Total of the positive lines and of the negative lines, both as positive 分."""
    return sum(line.amount for line in lines if line.amount > 0), -sum(
        line.amount for line in lines if line.amount < 0
    )


def group_by_source(lines: Sequence[PlanLine]) -> dict[UUID, list[PlanLine]]:
    """Group lines by source in the order of the source ids, so that two plans lock in the same order."""
    return {
        source_id: [line for line in lines if line.source_id == source_id]
        for source_id in sorted({line.source_id for line in lines})
    }


async def post_reservation(
    work: UnitOfWork,
    plan: Plan,
    lines: Sequence[PlanLine],
    sources_by_id: Mapping[UUID, Source],
    on: date,
    *,
    undo: bool = False,
) -> None:
    """方案审定: reserve the plan's amounts of its sources and of the allocations it recalls from; `undo` reverses it."""
    for source_id, source_lines in group_by_source(lines).items():
        source = sources_by_id[source_id]
        allotted, recalled = _sum_allotted_and_recalled(source_lines)
        postings = [debit(build_source_account(source, AccountKind.PLANNED), max(allotted, recalled))]
        for line in source_lines:
            if line.amount < 0:
                postings.append(credit(await _get_unpaid_account(work, line), -line.amount))
        postings.append(
            credit(build_source_account(source, AccountKind.AVAILABLE), max(0, allotted - recalled))
        )
        if undo:
            postings = [Posting(posting.account, -posting.amount) for posting in postings]
        await ledger.post_entry(
            work,
            f"{'release' if undo else 'reserve'}:{plan.id}:{source_id}",
            EntryKind.RELEASE if undo else EntryKind.RESERVATION,
            postings,
            subject=plan.id,
            region=plan.region,
            happened_on=on,
            document_no=plan.decision_no,
        )


async def _get_unpaid_account(work: UnitOfWork, line: PlanLine) -> AccountKey:
    if line.allocation_id is None:
        raise ValueError(f"line {line.id} recalls from no allocation")
    return allocation_service.build_allocation_account(
        await allocations.get_allocation(work, line.allocation_id), AccountKind.UNPAID
    )


async def issue_allocations(
    work: UnitOfWork, plan: Plan, lines: Sequence[PlanLine], sources_by_id: Mapping[UUID, Source], on: date
) -> list[Allocation]:
    """下达: create an allocation per positive line; net recalls return to their source. Return the new allocations."""
    issued = []
    for source_id, source_lines in group_by_source(lines).items():
        source = sources_by_id[source_id]
        allotted, recalled = _sum_allotted_and_recalled(source_lines)
        for line in source_lines:
            if line.amount > 0:
                issued.append(await _issue_line(work, plan, line, source, on))
            else:
                await _publish_recall(work, plan, line)
        if recalled > allotted:
            await ledger.post_entry(
                work,
                f"return:{plan.id}:{source_id}",
                EntryKind.TAKE_BACK,
                [
                    debit(build_source_account(source, AccountKind.AVAILABLE), recalled - allotted),
                    credit(build_source_account(source, AccountKind.PLANNED), recalled - allotted),
                ],
                subject=plan.id,
                region=plan.region,
                happened_on=on,
                document_no=plan.decision_no,
            )
    return issued


async def _issue_line(work: UnitOfWork, plan: Plan, line: PlanLine, source: Source, on: date) -> Allocation:
    allocation = await allocation_service.create_allocation(
        work,
        {
            "id": line.id,
            "region": line.project_region or plan.region,
            "plan_id": plan.id,
            "source_id": source.id,
            "project_id": line.project_id,
            "project_name": line.name,
            "document_no": source.document_no,
            "year": source.fiscal_year,
            "amount": line.amount,
            "issued_on": on,
            "management_fee": line.management_fee,
            "industry": line.industry,
        },
    )
    await ledger.post_entry(
        work,
        f"issue:{line.id}",
        EntryKind.ISSUE,
        [
            debit(allocation_service.build_allocation_account(allocation, AccountKind.UNPAID), line.amount),
            credit(build_source_account(source, AccountKind.PLANNED), line.amount),
        ],
        subject=allocation.id,
        region=allocation.region,
        happened_on=on,
        document_no=source.document_no,
    )
    return allocation


async def _publish_recall(work: UnitOfWork, plan: Plan, line: PlanLine) -> None:
    if line.allocation_id is None:
        raise ValueError(f"line {line.id} recalls from no allocation")
    allocation = await allocations.get_allocation(work, line.allocation_id, lock=True)
    await save_record(
        work,
        allocation,
        AllocationRecalled(
            allocation_id=allocation.id,
            plan_id=plan.id,
            project_id=allocation.project_id,
            amount=-line.amount,
        ),
    )
