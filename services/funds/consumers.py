"""What funds does when others speak: it keeps what the project library says of each project."""

from services.funds.commitments import service as commitments
from services.funds.commitments.project import LibraryProject
from shared.contracts.projects import ProjectMoved, ProjectProgressed
from shared.events import Envelope
from shared.inbox import Handler
from shared.work import Work


async def project_moved(work: Work, envelope: Envelope, event: ProjectMoved) -> None:
    """The project as it is now, so that money can be judged while the library is away."""
    said = LibraryProject(
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
    await commitments.remember(work, [said])


async def project_progressed(work: Work, envelope: Envelope, event: ProjectProgressed) -> None:
    """How far the works are: what is paid is held against it."""
    await commitments.progressed(work, event.project_id, event.physical_percent, envelope.subject_version)
    await commitments.seen_on_site(work, event.project_id, event.reported_on)


HANDLERS: dict[str, Handler] = {
    "project.moved": project_moved,
    "project.progressed": project_progressed,
}
