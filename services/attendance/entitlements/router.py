"""Routes `/attendance/leave-entitlements` and `/attendance/leave-balances`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.attendance import repository as records
from services.attendance.entitlements import service
from services.attendance.entitlements.models import LeaveEntitlement
from services.attendance.entitlements.schemas import (
    EntitlementChange,
    EntitlementCreate,
    EntitlementRead,
    LeaveBalances,
)
from services.attendance.fields import PersonQuery, RegionQuery, YearQuery
from shared.auth import May
from shared.errors import Conflict, NotFound, PreconditionFailed, VersionRequired
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import RecordKind

router = APIRouter(prefix="/attendance/leave-entitlements", tags=["请假"], route_class=Route)
balances_router = APIRouter(prefix="/attendance/leave-balances", tags=["请假"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=EntitlementRead,
    **requires(May.TEAM_MANAGE, refuses=(NotFound, Conflict)),
)
async def register_entitlement(work: WriteWork, body: EntitlementCreate) -> LeaveEntitlement:
    """登记一人一年的假期天数, 如年休假."""
    return await service.create_entitlement(work, body)


@router.get("", response_model=Page[EntitlementRead], **requires(May.PRESENCE_READ))
async def list_entitlements(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
) -> PageAnswer:
    """假期天数列表."""
    equal = {"person": person, "year": year}
    return await records.list_records(
        work,
        page_params,
        LeaveEntitlement,
        order="-created_at",
        region=region,
        equal=equal,
        read=EntitlementRead,
    )


@router.get(
    "/{entitlement_id}",
    response_model=EntitlementRead,
    **requires(May.PRESENCE_READ, refuses=(NotFound,)),
)
async def read_entitlement(work: ReadWork, entitlement_id: UUID) -> LeaveEntitlement:
    """一人一年的假期天数."""
    return await records.get_record(work, LeaveEntitlement, entitlement_id, "这条假期天数")


@router.patch(
    "/{entitlement_id}",
    response_model=EntitlementRead,
    **requires(May.TEAM_MANAGE, refuses=(NotFound, PreconditionFailed, VersionRequired)),
)
async def change_entitlement(
    work: WriteWork, entitlement_id: UUID, body: EntitlementChange, match: IfMatch
) -> LeaveEntitlement:
    """更正假期天数."""
    return await service.update_entitlement(work, entitlement_id, body, match)


@balances_router.get("", response_model=LeaveBalances, **requires(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_balances(work: ReadWork, year: YearQuery, person: PersonQuery = "") -> LeaveBalances:
    """各种假的余额; 不写账号即本人."""
    return await service.get_balances(work, person or work.actor.id, year)


ENTITLEMENT_KIND = RecordKind(
    name="leave_entitlement",
    label="年度假期天数",
    path="/attendance/leave-entitlements",
    model=LeaveEntitlement,
    read=EntitlementRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="person_name",
    columns=("person_name", "year", "kind", "days", "basis", "region"),
    filters=("region", "person", "year"),
    search=("person_name",),
    topics=("leave_entitlement.changed",),
    phone=True,
)
