"""What assets does when others speak."""

from services.assets.register import births
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


HANDLERS: dict[str, Handler] = {
    ProjectMoved.topic: on_project_moved,
    ProjectAccepted.topic: on_project_accepted,
}
