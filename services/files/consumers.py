"""Event consumers: a file that a record alone held goes when the person's data in it are erased."""

from services.files.uploads import repository
from shared.events import Envelope
from shared.events.inbox import EventHandler
from shared.files.uploads import delete_contents
from shared.retention.erasure import PersonalDataErased
from shared.unit_of_work import UnitOfWork


async def handle_erasure(work: UnitOfWork, _envelope: Envelope, event: PersonalDataErased) -> None:
    """Delete the uploads that the event names, and their contents unless another file has the same."""
    if event.file_ids:
        await delete_contents(work.context, await repository.system_erase_files(work, event.file_ids))


HANDLERS: dict[str, EventHandler] = {PersonalDataErased.topic: handle_erasure}
