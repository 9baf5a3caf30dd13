"""Event consumers: keep the cached projects up to date."""

from services.funds.alerts.models import ALERTS
from services.funds.commitments import repository as commitments
from services.funds.contracts.service import mark_acceptance
from services.funds.imports.models import TableImport
from shared.alerts.service import handle_handover
from shared.china import to_local_date
from shared.clients.projects import ProjectMoved, ProjectProgressed, get_snapshot_columns
from shared.events import Envelope
from shared.events.inbox import EventHandler
from shared.person_requests.accounts import AccountCopies, alert_duty, handle_account_erased, import_rows
from shared.unit_of_work import UnitOfWork


async def handle_project_moved(work: UnitOfWork, envelope: Envelope, event: ProjectMoved) -> None:
    """Cache the project, so that rules work while the projects service is down."""
    columns = get_snapshot_columns(event) | {"region": envelope.region, "version": envelope.subject_version}
    await commitments.system_upsert_projects(work, [{"id": event.project_id, **columns}])
    if event.now == "accepted":
        await mark_acceptance(work, event.project_id, to_local_date(envelope.recorded_at))


async def handle_project_progressed(work: UnitOfWork, envelope: Envelope, event: ProjectProgressed) -> None:
    """Update the physical progress (%) and the last site visit of a cached project; reports may arrive in any order."""
    columns = get_snapshot_columns(event) | {"version": envelope.subject_version}
    await commitments.system_update_project(work, event.project_id, columns)
    await commitments.system_record_site_visit(work, event.project_id, event.reported_on)


ACCOUNT_COPIES = AccountCopies(duties=(alert_duty(ALERTS),), rows=(import_rows(TableImport),))
"""What is kept of people with accounts: alerts they have to answer, their names in imports."""
HANDLERS: dict[str, EventHandler] = {
    "account.erased": handle_account_erased(ACCOUNT_COPIES),
    "account.handed_over": handle_handover(ALERTS),
    "project.moved": handle_project_moved,
    "project.progressed": handle_project_progressed,
}
