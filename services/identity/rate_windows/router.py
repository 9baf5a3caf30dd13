"""`/internal/rate-windows`: services have writes without login counted."""

from fastapi import APIRouter, Request

from services.identity.rate_windows import service
from services.identity.rate_windows.schemas import AttemptCreate
from shared.auth import May
from shared.http import Route, get_service_context, requires

router = APIRouter(prefix="/internal/rate-windows", tags=["限次"], route_class=Route)


@router.post("", status_code=204, response_model=None, **requires(May.EVENT_DELIVER))
async def count(request: Request, body: AttemptCreate) -> None:
    """计一次; 429 when the window is full."""
    await service.count_attempt(get_service_context(request), body.rate, body.name)
