"""`/bootstrap`: one call to begin the day."""

from fastapi import APIRouter, Request

from services.sync.bootstrap import service
from services.sync.bootstrap.schemas import Bootstrap
from shared.http import CurrentActor, Route, get_service_context, requires_sign_in

router = APIRouter(prefix="/bootstrap", tags=["同步"], route_class=Route)


@router.get("", response_model=Bootstrap, **requires_sign_in())
async def read_bootstrap(request: Request, actor: CurrentActor) -> Bootstrap:
    """开工: 一次取回离线所需的全部."""
    return await service.get_bootstrap(get_service_context(request), actor)
