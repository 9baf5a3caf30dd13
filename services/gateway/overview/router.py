"""`/overview`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from services.gateway.overview import service
from services.gateway.overview.schemas import Overview
from services.gateway.pieces import Pieces
from shared.errors import NotFound
from shared.http import CurrentActor, Route, allows
from shared.permissions import May
from shared.work import CHINA

router = APIRouter(prefix="/overview", tags=["总览"], route_class=Route)


@router.get("", response_model=Overview, **allows(May.OVERVIEW_READ, refuses=(NotFound,)))
async def read_overview(
    request: Request,
    actor: CurrentActor,
    region: Annotated[str, Query(pattern="^([0-9]{12})?$", description="空为本人辖区")] = "",
    year: Annotated[int | None, Query(ge=2000, le=2100, description="空为今年")] = None,
) -> Overview:
    """总览: 一个地区一年的资金、项目、资产、驻村, 一页看完."""
    pieces = Pieces.of(request)
    where = region or next(low for _, low, _ in actor.reaches(May.OVERVIEW_READ))
    actor.require(May.OVERVIEW_READ, where)
    return await service.overview(pieces, where, year or pieces.context.clock().astimezone(CHINA).year)
