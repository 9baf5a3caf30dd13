"""Handlers of events from funds and assets."""

from services.projects.alerts.models import ALERTS
from services.projects.commitments import repository as commitments
from services.projects.imports.models import ImportJob
from services.projects.projects import repository as projects
from services.projects.projects.models import Project
from services.projects.projects.transitions import plan_funded_project
from services.projects.schedules.calculation import set_due_days
from shared.alerts.service import handle_handover
from shared.clients.assets import AssetHandedOver
from shared.clients.funds import AllocationIssued, AllocationRecalled, PaymentPaid, PaymentRefunded
from shared.clients.projects import ProjectFunded
from shared.events import Envelope
from shared.events.inbox import EventHandler
from shared.person_requests.accounts import AccountCopies, alert_duty, handle_account_erased, import_rows
from shared.records import save_record, touch_record
from shared.unit_of_work import UnitOfWork


async def _publish_funded(work: UnitOfWork, envelope: Envelope, project: Project) -> None:
    set_due_days(project)
    event = ProjectFunded(project_id=project.id, allocated=project.allocated, paid=project.paid)
    await save_record(work, project, event, happened_at=envelope.recorded_at)


async def handle_allocation_issued(work: UnitOfWork, envelope: Envelope, event: AllocationIssued) -> None:
    """Add an issued allocation to the project and move a project in reserve into the year's plan."""
    project = await projects.system_get_project(work, event.project_id)
    project.allocated += event.amount
    project.allocated_on = project.allocated_on or event.issued_on
    await commitments.system_mark_issued(work, project.id, event.plan_id, event.document_no, work.at)
    await _publish_funded(work, envelope, project)
    await plan_funded_project(work, project, event.issued_on)


async def handle_allocation_recalled(work: UnitOfWork, envelope: Envelope, event: AllocationRecalled) -> None:
    """Subtract an allocation that was recalled before it was paid."""
    project = await projects.system_get_project(work, event.project_id)
    project.allocated -= event.amount
    if project.allocated <= 0:
        project.allocated_on = None
    await _publish_funded(work, envelope, project)


async def handle_payment_paid(work: UnitOfWork, envelope: Envelope, event: PaymentPaid) -> None:
    """Add a payment to the amount paid on the project."""
    project = await projects.system_get_project(work, event.project_id)
    project.paid += event.amount
    project.paid_on = max(project.paid_on or event.paid_on, event.paid_on)
    await _publish_funded(work, envelope, project)


async def handle_payment_refunded(work: UnitOfWork, envelope: Envelope, event: PaymentRefunded) -> None:
    """Subtract a refunded payment from the amount paid on the project."""
    project = await projects.system_get_project(work, event.project_id)
    project.paid -= event.amount
    await _publish_funded(work, envelope, project)


async def handle_asset_handed_over(work: UnitOfWork, _envelope: Envelope, event: AssetHandedOver) -> None:
    """Add the original value of a registered asset to the value handed over; assets without a project are ignored."""
    if event.project_id is None:
        return
    project = await projects.system_get_project(work, event.project_id)
    project.handed_over_value += event.original_value
    touch_record(work, project)
    await work.session.flush()


ACCOUNT_COPIES = AccountCopies(duties=(alert_duty(ALERTS),), rows=(import_rows(ImportJob),))
"""What is kept of people with accounts: alerts they have to answer, their names in imports."""
HANDLERS: dict[str, EventHandler] = {
    "account.erased": handle_account_erased(ACCOUNT_COPIES),
    "account.handed_over": handle_handover(ALERTS),
    "allocation.issued": handle_allocation_issued,
    "allocation.recalled": handle_allocation_recalled,
    "payment.paid": handle_payment_paid,
    "payment.refunded": handle_payment_refunded,
    "asset.handed_over": handle_asset_handed_over,
}
