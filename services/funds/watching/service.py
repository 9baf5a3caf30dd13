"""The sweep over the books."""

from services.funds.alerts.models import ALERTS
from services.funds.watching.rules import PREFIX, WATCHES
from shared.alerts import sweep as alerts
from shared.alerts.schemas import Swept
from shared.work import Context


async def sweep(context: Context) -> Swept:
    """Let every supervision rule look at the books now."""
    return await alerts.sweep(context, ALERTS, PREFIX, WATCHES)
