"""Event handlers of the attendance service, by topic."""

from services.attendance.duties import service as duties
from services.attendance.groups import service as groups
from services.attendance.leaves import service as leaves
from services.attendance.personal import ACCOUNT_COPIES
from services.attendance.teams import service as teams
from shared.clients.identity import AccountErased, AccountHandedOver
from shared.events import Envelope
from shared.events.inbox import EventHandler
from shared.person_requests.accounts import handle_account_erased
from shared.unit_of_work import UnitOfWork


async def on_account_handed_over(work: UnitOfWork, _envelope: Envelope, event: AccountHandedOver) -> None:
    """Give posts, team terms, attendance groups, duties and approval delegations to the successor from the day on."""
    await teams.hand_over_work(work, event)
    await groups.hand_over_memberships(work, event)
    await duties.hand_over_duties(work, event)
    await leaves.hand_over_delegations(work, event)


HANDLERS: dict[str, EventHandler] = {
    AccountHandedOver.topic: on_account_handed_over,
    AccountErased.topic: handle_account_erased(ACCOUNT_COPIES),
}
