"""What the library does when funds and assets speak."""

from services.projects.commitments import repository as commitments
from services.projects.library import repository
from services.projects.library.models import Project
from services.projects.library.moving import plan_for_money
from shared.contracts.assets import AssetHandedOver
from shared.contracts.funds import AllocationIssued, AllocationRecalled, PaymentPaid, PaymentRefunded
from shared.contracts.projects import ProjectFunded
from shared.events import Envelope
from shared.inbox import Handler
from shared.work import Work


async def _funded(work: Work, envelope: Envelope, project: Project) -> None:
    project.version += 1
    project.updated_at = work.at
    work.session.add(project)
    event = ProjectFunded(project_id=project.id, allocated=project.allocated, paid=project.paid)
    await work.tell(event, project, happened_at=envelope.recorded_at)


async def allocation_issued(work: Work, envelope: Envelope, event: AllocationIssued) -> None:
    """Money came: count it, and take a project in reserve into the year's plan."""
    project = await repository.system_get(work, event.project_id)
    project.allocated += event.amount
    project.allocated_on = project.allocated_on or event.issued_on
    await commitments.system_issued(work, project.id, event.plan_id, event.document_no, work.at)
    await _funded(work, envelope, project)
    await plan_for_money(work, project, event.issued_on)


async def allocation_recalled(work: Work, envelope: Envelope, event: AllocationRecalled) -> None:
    """Money was taken back before it was paid."""
    project = await repository.system_get(work, event.project_id)
    project.allocated -= event.amount
    if project.allocated <= 0:
        project.allocated_on = None
    await _funded(work, envelope, project)


async def payment_paid(work: Work, envelope: Envelope, event: PaymentPaid) -> None:
    """A payment went out."""
    project = await repository.system_get(work, event.project_id)
    project.paid += event.amount
    project.paid_on = max(project.paid_on or event.paid_on, event.paid_on)
    await _funded(work, envelope, project)


async def payment_refunded(work: Work, envelope: Envelope, event: PaymentRefunded) -> None:
    """Paid money came back."""
    project = await repository.system_get(work, event.project_id)
    project.paid -= event.amount
    await _funded(work, envelope, project)


async def asset_handed_over(work: Work, _envelope: Envelope, event: AssetHandedOver) -> None:
    """A thing the project built has an owner now."""
    if event.project_id is None:
        return
    project = await repository.system_get(work, event.project_id)
    project.handed_over_value += event.original_value
    project.version += 1
    project.updated_at = work.at
    work.session.add(project)
    await work.session.flush()


HANDLERS: dict[str, Handler] = {
    "allocation.issued": allocation_issued,
    "allocation.recalled": allocation_recalled,
    "payment.paid": payment_paid,
    "payment.refunded": payment_refunded,
    "asset.handed_over": asset_handed_over,
}
