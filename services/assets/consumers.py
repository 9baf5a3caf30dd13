"""What assets does when others speak."""

from services.assets.book import repository as funding
from services.assets.register import consumers
from shared.clients.funds import AllocationIssued, AllocationRecalled, PaymentPaid, PaymentRefunded
from shared.clients.projects import ProjectAccepted, ProjectMoved
from shared.events import Envelope
from shared.events.inbox import EventHandler
from shared.unit_of_work import UnitOfWork


async def on_project_moved(work: UnitOfWork, envelope: Envelope, event: ProjectMoved) -> None:
    """Remember what the project is called and how it stands."""
    await consumers.update_project_snapshot(work, envelope, event)


async def on_project_accepted(work: UnitOfWork, envelope: Envelope, event: ProjectAccepted) -> None:
    """Open a draft for each thing that was built."""
    await consumers.create_drafts(work, envelope, event)


async def on_allocation_issued(work: UnitOfWork, _envelope: Envelope, event: AllocationIssued) -> None:
    """More money stands behind a project: its assets' sources are asked of the ledger again."""
    await funding.system_invalidate_funding(work, event.project_id)


async def on_allocation_recalled(work: UnitOfWork, _envelope: Envelope, event: AllocationRecalled) -> None:
    """Money was taken back: the same."""
    await funding.system_invalidate_funding(work, event.project_id)


async def on_payment_paid(work: UnitOfWork, _envelope: Envelope, event: PaymentPaid) -> None:
    """What was refunded may have been paid again: the same."""
    await funding.system_invalidate_funding(work, event.project_id)


async def on_payment_refunded(work: UnitOfWork, _envelope: Envelope, event: PaymentRefunded) -> None:
    """Paid money came back: the same."""
    await funding.system_invalidate_funding(work, event.project_id)


HANDLERS: dict[str, EventHandler] = {
    ProjectMoved.topic: on_project_moved,
    ProjectAccepted.topic: on_project_accepted,
    AllocationIssued.topic: on_allocation_issued,
    AllocationRecalled.topic: on_allocation_recalled,
    PaymentPaid.topic: on_payment_paid,
    PaymentRefunded.topic: on_payment_refunded,
}
