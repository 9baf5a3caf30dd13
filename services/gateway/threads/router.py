"""`/threads/{kind}/{id}`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request

from services.gateway.fan_out import FanOut
from services.gateway.threads import service
from services.gateway.threads.schemas import Thread
from shared.auth import May
from shared.errors import Invalid, NotFound
from shared.http import Route, requires

router = APIRouter(prefix="/threads", tags=["资金全链条"], route_class=Route)


@router.get(
    "/{kind}/{record_id}", response_model=Thread, **requires(May.THREAD_READ, refuses=(NotFound, Invalid))
)
async def read_thread(
    request: Request, kind: Annotated[str, Path(max_length=40, pattern="^[a-z_]+$")], record_id: UUID
) -> Thread:
    """资金全链条, 从 project、source、plan、payment 或 asset 查起: 指标文、方案、下达、项目、公示、合同、进度、支付、资产、巡查、走访."""
    return await service.get_thread(FanOut.from_request(request), kind, record_id)
