"""`/auth/devices`: the caller's device keys; `/internal/actors`: what services/sync asks about a person."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from services.identity.device_keys import repository, service
from services.identity.device_keys.models import DeviceKey
from services.identity.device_keys.schemas import (
    ActorRead,
    DeviceKeyCreate,
    DeviceKeyList,
    DeviceKeyRead,
    EndedGrantList,
)
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound
from shared.http import ReadWork, Route, WriteWork, requires, requires_sign_in

router = APIRouter(prefix="/auth/devices", tags=["登录"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=DeviceKeyRead,
    **requires_sign_in(refuses=(Conflict, Invalid, NotFound)),
)
async def register_device_key(work: WriteWork, body: DeviceKeyCreate) -> DeviceKey:
    """登记本机公钥: items recorded on this phone can then be sent by a colleague's."""
    return await service.register_key(work, body)


@router.get("", response_model=DeviceKeyList, **requires_sign_in())
async def list_device_keys(work: ReadWork) -> DeviceKeyList:
    """本人登记的手机."""
    keys = await repository.list_own_keys(work)
    return DeviceKeyList(items=[DeviceKeyRead.model_validate(one) for one in keys])


@router.delete("/{key_id}", status_code=204, response_model=None, **requires_sign_in(refuses=(NotFound,)))
async def revoke_device_key(work: WriteWork, key_id: UUID) -> None:
    """注销一部手机的密钥."""
    await service.revoke_key(work, key_id)


internal_router = APIRouter(prefix="/internal/actors", tags=["登录"], route_class=Route)


@internal_router.get(
    "/{account_id}", response_model=ActorRead, **requires(May.EVENT_DELIVER, refuses=(NotFound,))
)
async def read_actor(
    work: ReadWork, account_id: Annotated[str, Path(min_length=1, max_length=64)]
) -> ActorRead:
    """一个人此刻的授权和设备密钥."""
    return await service.get_actor(work, account_id)


@internal_router.get(
    "/{account_id}/ended-grants", response_model=EndedGrantList, **requires(May.EVENT_DELIVER)
)
async def list_ended_grants(
    work: ReadWork, account_id: Annotated[str, Path(min_length=1, max_length=64)]
) -> EndedGrantList:
    """一个人曾有而今没有的授权."""
    return EndedGrantList(items=await service.list_ended_grants(work, account_id))
