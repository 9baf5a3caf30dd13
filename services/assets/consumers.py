"""What assets does when others speak."""

from services.assets.funding import repository as funding
from services.assets.register import births
from shared.contracts.funds import AllocationIssued, AllocationRecalled, PaymentPaid, PaymentRefunded
from shared.contracts.projects import ProjectAccepted, ProjectMoved
from shared.events import Envelope
from shared.inbox import Handler
from shared.work import Work


async def on_project_moved(work: Work, envelope: Envelope, event: ProjectMoved) -> None:
    """Remember what the project is called and how it stands."""
    await births.remember(work, envelope, event)


async def on_project_accepted(work: Work, envelope: Envelope, event: ProjectAccepted) -> None:
    """Open a draft for each thing that was built."""
    await births.open_drafts(work, envelope, event)


async def on_allocation_issued(work: Work, _envelope: Envelope, event: AllocationIssued) -> None:
    """More money stands behind a project: its assets' sources are asked of the ledger again."""
    await funding.system_outdate(work, event.project_id)


async def on_allocation_recalled(work: Work, _envelope: Envelope, event: AllocationRecalled) -> None:
    """Money was taken back: the same."""
    await funding.system_outdate(work, event.project_id)


async def on_payment_paid(work: Work, _envelope: Envelope, event: PaymentPaid) -> None:
    """What was refunded may have been paid again: the same."""
    await funding.system_outdate(work, event.project_id)


async def on_payment_refunded(work: Work, _envelope: Envelope, event: PaymentRefunded) -> None:
    """Paid money came back: the same."""
    await funding.system_outdate(work, event.project_id)


HANDLERS: dict[str, Handler] = {
    ProjectMoved.topic: on_project_moved,
    ProjectAccepted.topic: on_project_accepted,
    AllocationIssued.topic: on_allocation_issued,
    AllocationRecalled.topic: on_allocation_recalled,
    PaymentPaid.topic: on_payment_paid,
    PaymentRefunded.topic: on_payment_refunded,
}
