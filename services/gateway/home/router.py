"""`/home`."""

from fastapi import APIRouter, Request

from services.gateway.fan_out import FanOut
from services.gateway.home import service
from services.gateway.home.schemas import Home, OwnDataOfAll
from shared.http import CurrentActor, Route, never_stored, requires_sign_in

router = APIRouter(prefix="/home", tags=["首页"], route_class=Route)


@router.get("", response_model=Home, **requires_sign_in())
async def read_home(request: Request, actor: CurrentActor) -> Home:
    """首页: 我是谁, 有什么待办, 能办什么; 哪个服务联系不上会写明."""
    return await service.get_home(FanOut.from_request(request), actor)


@router.get("/own-data", response_model=OwnDataOfAll, **never_stored(requires_sign_in()))
async def read_own_data(request: Request, actor: CurrentActor) -> OwnDataOfAll:
    """本人信息副本: 各服务保存的关于本人的记录、文件, 账号、会话和设备(个人信息保护法第四十五条)."""
    return await service.get_own_data(FanOut.from_request(request), actor)
