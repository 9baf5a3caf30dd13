"""`/public/notices`: public notices of all services, without sign-in."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from services.gateway.fan_out import FanOut
from services.gateway.notices import service
from services.gateway.notices.schemas import PublicNoticeList
from shared.auth import NATION_CODE
from shared.china import RegionCode
from shared.errors import NotFound, Unavailable
from shared.http import API_PREFIX, Route, allows_anonymous, get_service_context
from shared.notices.schemas import NoticeLevel, PublicNoticeDetail

router = APIRouter(prefix="/public/notices", tags=["公示"], route_class=Route)


@router.get("", response_model=PublicNoticeList, **allows_anonymous())
async def list_notices(
    request: Request,
    region: RegionCode = NATION_CODE,
    kind: Annotated[str, Query(max_length=40)] = "",
    on: Annotated[date | None, Query(description="only what hangs on this day")] = None,
    level: NoticeLevel | None = None,
    year: Annotated[int | None, Query(ge=2000, le=2100, description="年度, 按公示首日")] = None,
    q: Annotated[str, Query(max_length=60, description="标题中的文字")] = "",
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> PublicNoticeList:
    """公示栏(免登录): 项目、资金、资产的公示, 按日期倒序."""
    filters = {
        "region": region,
        "kind": kind,
        "on": on.isoformat() if on else "",
        "level": level or "",
        "year": year,
        "q": q,
        "cursor": cursor,
    }
    return await service.list_public_notices(FanOut.from_request(request, anonymous=True), filters, limit)


@router.get(
    "/{board}/{notice_id}",
    response_model=PublicNoticeDetail,
    **allows_anonymous(refuses=(NotFound, Unavailable)),
)
async def read_notice(request: Request, board: str, notice_id: UUID) -> Any:  # noqa: ANN401 - shaped by response_model
    """一条公示(免登录)."""
    await service.check_board(FanOut.from_request(request, anonymous=True), board)
    return await get_service_context(request).clients.request(
        board, "GET", f"{API_PREFIX}/{board}/public-notices/{notice_id}"
    )
