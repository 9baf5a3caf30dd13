"""Event consumers: keep the cached project snapshots up to date."""

from services.funds.commitments import service as commitments
from services.funds.commitments.projects_client import ProjectFacts
from shared.clients.projects import ProjectMoved, ProjectProgressed
from shared.events import Envelope
from shared.events.inbox import EventHandler
from shared.unit_of_work import UnitOfWork


async def handle_project_moved(work: UnitOfWork, envelope: Envelope, event: ProjectMoved) -> None:
    """Update the project snapshot from `project.moved`, so that rules work while the projects service is down."""
    project = ProjectFacts(
        id=event.project_id,
        region=envelope.region,
        name=event.name,
        state=event.now,
        category=event.category,
        code=event.code,
        industry=event.industry,
        blocked=event.blocked,
        physical_percent=event.physical_percent,
        version=envelope.subject_version,
    )
    await commitments.cache_projects(work, [project])


async def handle_project_progressed(work: UnitOfWork, envelope: Envelope, event: ProjectProgressed) -> None:
    """Update the physical progress (%) and the last site visit of the project snapshot."""
    await commitments.record_progress(
        work, event.project_id, event.physical_percent, envelope.subject_version
    )
    await commitments.record_site_visit(work, event.project_id, event.reported_on)


HANDLERS: dict[str, EventHandler] = {
    "project.moved": handle_project_moved,
    "project.progressed": handle_project_progressed,
}
