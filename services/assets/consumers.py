"""Event handlers of the assets service, by topic."""

from services.assets.alerts.models import ALERTS
from services.assets.book import repository as book
from services.assets.imports.models import TableImport
from services.assets.register import consumers
from shared.alerts.service import handle_handover
from shared.clients.funds import AllocationIssued, AllocationRecalled, PaymentPaid, PaymentRefunded
from shared.clients.projects import ProjectAccepted, ProjectMoved
from shared.events import Envelope
from shared.events.inbox import EventHandler
from shared.person_requests.accounts import AccountCopies, alert_duty, handle_account_erased, import_rows
from shared.unit_of_work import UnitOfWork


async def on_project_moved(work: UnitOfWork, envelope: Envelope, event: ProjectMoved) -> None:
    """Update the cached project: name, code, category, state."""
    await consumers.update_cached_project(work, envelope, event)


async def on_project_accepted(work: UnitOfWork, envelope: Envelope, event: ProjectAccepted) -> None:
    """Create one draft asset per built item of the acceptance report."""
    await consumers.create_drafts(work, envelope, event)


async def on_allocation_issued(work: UnitOfWork, _envelope: Envelope, event: AllocationIssued) -> None:
    """Invalidate the funding of the project's assets, because its allocations grew."""
    await book.system_invalidate_funding(work, event.project_id)


async def on_allocation_recalled(work: UnitOfWork, _envelope: Envelope, event: AllocationRecalled) -> None:
    """Invalidate the funding of the project's assets, because an allocation was recalled."""
    await book.system_invalidate_funding(work, event.project_id)


async def on_payment_paid(work: UnitOfWork, _envelope: Envelope, event: PaymentPaid) -> None:
    """Invalidate the funding of the project's assets: the payment may repeat a refunded one."""
    await book.system_invalidate_funding(work, event.project_id)


async def on_payment_refunded(work: UnitOfWork, _envelope: Envelope, event: PaymentRefunded) -> None:
    """Invalidate the funding of the project's assets, because a payment was refunded."""
    await book.system_invalidate_funding(work, event.project_id)


ACCOUNT_COPIES = AccountCopies(duties=(alert_duty(ALERTS),), rows=(import_rows(TableImport),))
"""What is kept of people with accounts: alerts they have to answer, their names in imports."""
HANDLERS: dict[str, EventHandler] = {
    "account.erased": handle_account_erased(ACCOUNT_COPIES),
    "account.handed_over": handle_handover(ALERTS),
    ProjectMoved.topic: on_project_moved,
    ProjectAccepted.topic: on_project_accepted,
    AllocationIssued.topic: on_allocation_issued,
    AllocationRecalled.topic: on_allocation_recalled,
    PaymentPaid.topic: on_payment_paid,
    PaymentRefunded.topic: on_payment_refunded,
}
