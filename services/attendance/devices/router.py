"""`/attendance/devices`."""

from uuid import UUID

from fastapi import APIRouter

from services.attendance import repository as records
from services.attendance.devices import service
from services.attendance.devices.lifecycle import DEVICE, DeviceAction, DeviceState
from services.attendance.devices.models import Device
from services.attendance.devices.schemas import DeviceRead
from services.attendance.fields import PersonQuery, RegionQuery
from shared.errors import Conflict, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Act, Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/attendance/devices", tags=["常用手机"], route_class=Route)


@router.get("", response_model=Page[DeviceRead], **allows(May.PRESENCE_READ))
async def list_devices(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    person: PersonQuery = "",
    state: DeviceState | None = None,
) -> Page[Device]:
    """常用手机列表."""
    equal = {"person": person, "state": state}
    return await records.listed(work, asked, Device, order="-created_at", region=region, equal=equal)


@router.post(
    "/{device_id}/{action}",
    response_model=DeviceRead | Preview,
    description=f"```mermaid\n{DEVICE.mermaid()}\n```",
    **allows(*DEVICE.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
)
async def act_on_device(
    work: Writing,
    device_id: UUID,
    action: DeviceAction,
    body: Act,
    match: IfMatch,
    dry_run: bool = False,
) -> Device | Preview:
    """办理常用手机: 批准, 不批准, 解绑."""
    return await service.act(work, device_id, action, body, match=match, dry_run=dry_run)
