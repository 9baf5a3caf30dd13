"""`/threads/{kind}/{id}`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from services.gateway.fan_out import FanOut
from services.gateway.threads import exporter, service
from services.gateway.threads.schemas import Thread
from shared.auth import May
from shared.errors import Invalid, NotFound
from shared.http import Route, never_stored, requires

router = APIRouter(prefix="/threads", tags=["资金全链条"], route_class=Route)


@router.get(
    "/{kind}/{record_id}", response_model=Thread, **requires(May.THREAD_READ, refuses=(NotFound, Invalid))
)
async def read_thread(
    request: Request, kind: Annotated[str, Path(max_length=40, pattern="^[a-z_]+$")], record_id: UUID
) -> Thread:
    """资金全链条, 从 project、source、plan、payment 或 asset 查起: 指标文、方案、下达、项目、公示、合同、进度、支付、资产、巡查、走访."""
    return await service.get_thread(FanOut.from_request(request), kind, record_id)


@router.get(
    "/{kind}/{record_id}/bundle",
    response_class=Response,
    response_model=None,
    **never_stored(requires(May.LOG_VERIFY, refuses=(NotFound, Invalid))),
)
async def download_bundle(
    request: Request, kind: Annotated[str, Path(max_length=40, pattern="^[a-z_]+$")], record_id: UUID
) -> Response:
    """证据包(zip): 全链条的记录、分录、文件、日志和证明, 带离线核对程序 verify.py 和中文索引."""
    fan_out = FanOut.from_request(request)
    thread = await service.get_thread(fan_out, kind, record_id)
    content = await exporter.build_bundle(fan_out, thread)
    disposition = f'attachment; filename="bundle-{kind}-{record_id}.zip"'
    return Response(content, media_type="application/zip", headers={"Content-Disposition": disposition})
