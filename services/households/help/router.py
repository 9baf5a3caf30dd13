"""Routes `/households/{household_id}/help` and `/households/help-summary`."""

from uuid import UUID

from fastapi import APIRouter

from services.households.help import service
from services.households.help.schemas import HelpSummary, HouseholdHelp
from shared.auth import May
from shared.china import RegionCode
from shared.errors import NotFound
from shared.http import ReadWork, Route, requires

summary_router = APIRouter(prefix="/households", tags=["监测合计"], route_class=Route)
router = APIRouter(prefix="/households", tags=["监测户"], route_class=Route)


@summary_router.get("/help-summary", response_model=HelpSummary, **requires(May.HOUSEHOLD_SUMMARY_READ))
async def read_help_summary(work: ReadWork, region: RegionCode) -> HelpSummary:
    """小额信贷和帮扶岗位合计."""
    return await service.get_summary(work, region)


@router.get(
    "/{household_id}/help",
    response_model=HouseholdHelp,
    **requires(May.HOUSEHOLD_READ, refuses=(NotFound,)),
)
async def read_help(work: ReadWork, household_id: UUID) -> HouseholdHelp:
    """一户得到的全部帮扶: 措施、贷款、岗位, 以及走访和到户资产."""
    return await service.get_help(work, household_id)
