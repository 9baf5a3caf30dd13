"""`/attendance/channels`."""

from uuid import UUID

from fastapi import APIRouter

from services.attendance import repository as records
from services.attendance.channels import service
from services.attendance.channels.models import PullChannel
from services.attendance.channels.schemas import ChannelChange, ChannelCreate, ChannelRead, PullNow
from services.attendance.fields import RegionQuery
from shared.errors import Conflict, Invalid, NotFound, Stale, VersionRequired
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/attendance/channels", tags=["考勤接口"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=ChannelRead,
    **allows(May.PRESENCE_IMPORT, refuses=(NotFound, Conflict, Invalid)),
)
async def add_channel(work: Writing, body: ChannelCreate) -> PullChannel:
    """登记考勤接口, 每天定时导入; 密钥加密保存."""
    return await service.add(work, body)


@router.get("", response_model=Page[ChannelRead], **allows(May.PRESENCE_IMPORT))
async def list_channels(work: Reading, asked: Paging, region: RegionQuery = "") -> Page[PullChannel]:
    """考勤接口, 进度与最近的错误."""
    return await records.listed(
        work, asked, PullChannel, order="-created_at", region=region, may=May.PRESENCE_IMPORT
    )


@router.get("/{channel_id}", response_model=ChannelRead, **allows(May.PRESENCE_IMPORT, refuses=(NotFound,)))
async def read_channel(work: Reading, channel_id: UUID) -> PullChannel:
    """一个考勤接口, 进度与最近的错误."""
    return await service.get(work, channel_id)


@router.patch(
    "/{channel_id}",
    response_model=ChannelRead,
    **allows(May.PRESENCE_IMPORT, refuses=(NotFound, Invalid, Stale, VersionRequired)),
)
async def change_channel(work: Writing, channel_id: UUID, body: ChannelChange, match: IfMatch) -> PullChannel:
    """修改考勤接口, 更换密钥, 停用."""
    return await service.change(work, channel_id, body, match)


@router.post(
    "/{channel_id}/pull",
    status_code=202,
    response_model=ChannelRead,
    **allows(May.PRESENCE_IMPORT, refuses=(NotFound, Conflict, Invalid, Stale)),
)
async def pull_now(work: Writing, channel_id: UUID, body: PullNow, match: IfMatch) -> PullChannel:
    """现在导入, 在后台进行; 进度见接口本身."""
    return await service.pull_now(work, channel_id, body, match)
