"""`/sync/watermelon`: the backend that WatermelonDB's `synchronize()` expects."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator

from services.sync.watermelon import service
from services.sync.watermelon.schemas import (
    LARGEST_NUMBER,
    MAX_PUSH_BYTES,
    WatermelonPull,
    WatermelonPush,
    WatermelonPushResult,
    WatermelonSchema,
)
from shared.errors import Conflict, Forbidden, Invalid
from shared.http import CurrentActor, Route, get_service_context, requires_sign_in

router = APIRouter(prefix="/sync/watermelon", tags=["同步"], route_class=Route)


def _read_number(value: object) -> object:
    """`null` in an address is the first pull."""
    return 0 if value in {"", "null", "undefined"} else value


PulledAt = Annotated[
    int,
    BeforeValidator(_read_number),
    Query(ge=0, le=LARGEST_NUMBER, description="pullChanges 的 lastPulledAt; 第一次为 0 或 null"),
]


@router.get("", response_model=WatermelonPull, **requires_sign_in(refuses=(Forbidden, Conflict, Invalid)))
async def pull_watermelon(
    request: Request,
    actor: CurrentActor,
    last_pulled_at: PulledAt = 0,
    tables: Annotated[
        str, Query(max_length=1000, description="应用里的表, 以逗号分隔; 空为手机保存的全部种类")
    ] = "",
    migration: Annotated[str, Query(max_length=4000, description="pullChanges 的 migration, 写成 JSON")] = "",
) -> WatermelonPull:
    """WatermelonDB 的 pullChanges: 本人范围内自上次以来的变化."""
    names = [one for one in tables.split(",") if one]
    return await service.pull(get_service_context(request), actor, last_pulled_at, names, migration)


@router.post(
    "",
    response_model=WatermelonPushResult,
    **requires_sign_in(refuses=(Conflict, Invalid), body=MAX_PUSH_BYTES),
)
async def push_watermelon(
    request: Request, actor: CurrentActor, body: WatermelonPush
) -> WatermelonPushResult:
    """WatermelonDB 的 pushChanges: 手机上新建和修改的记录, 逐条给出结果."""
    return await service.push(
        get_service_context(request),
        actor,
        body,
        looks_for_invisible=getattr(request.state, "may_hold_invisible", False),
    )


@router.get("/schema", response_model=WatermelonSchema, **requires_sign_in())
async def read_watermelon_schema(request: Request, _actor: CurrentActor) -> WatermelonSchema:
    """可同步的表和列, 供 appSchema 使用."""
    return await service.get_schema(get_service_context(request))
