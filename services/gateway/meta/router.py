"""`/meta`."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from services.gateway.fan_out import FanOut
from services.gateway.meta import service
from services.gateway.meta.schemas import Meta
from shared.errors import NotFound
from shared.http import Route, requires_sign_in
from shared.records.forms import KindForms

router = APIRouter(prefix="/meta", tags=["说明"], route_class=Route)


@router.get("", response_model=Meta, **requires_sign_in())
async def read_meta(request: Request) -> Meta:
    """系统有什么: 本人能看的记录种类、列、筛选条件、代码集、生命周期、今天有效的限制和开关."""
    return await service.get_meta(FanOut.from_request(request))


@router.get("/forms/{kind}", response_model=KindForms, **requires_sign_in(refuses=(NotFound,)))
async def read_forms(
    request: Request, kind: Annotated[str, Path(max_length=60, pattern="^[a-z_]+$")]
) -> KindForms:
    """一种记录的表单: 新建、修改、办理, JSON Schema 2020-12."""
    return await service.get_forms(FanOut.from_request(request), kind)
