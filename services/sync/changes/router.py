"""`/sync/changes`: what changed for the caller since a cursor."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from services.sync.changes import service
from services.sync.changes.schemas import MAX_CURSOR_LENGTH, ChangePage
from shared.errors import Forbidden, Gone
from shared.http import CurrentActor, Route, get_service_context, requires_sign_in

router = APIRouter(prefix="/sync/changes", tags=["同步"], route_class=Route)


@router.get("", response_model=ChangePage, **requires_sign_in(refuses=(Forbidden, Gone)))
async def read_changes(
    request: Request,
    actor: CurrentActor,
    cursor: Annotated[
        str, Query(max_length=MAX_CURSOR_LENGTH, description="`cursor` of the answer before; empty: all")
    ] = "",
    kinds: Annotated[
        str, Query(max_length=1000, description="种类, 以逗号分隔; 空为手机保存的全部种类")
    ] = "",
    anew: Annotated[str, Query(max_length=1000, description="要从头重新发送的种类, 以逗号分隔")] = "",
) -> ChangePage:
    """本人范围内的变化. 410 时答复里有各种类的校验值和续读的 cursor."""
    return await service.list_changes(
        get_service_context(request), actor, cursor, _split(kinds), _split(anew)
    )


def _split(text: str) -> list[str]:
    return [one for one in text.split(",") if one]
