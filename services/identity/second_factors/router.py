"""`/auth/second-factor`: the caller's own second factors, and their reset for another person."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from services.identity.second_factors import service
from services.identity.second_factors.schemas import (
    CodeConfirm,
    FactorProof,
    RecoveryCodes,
    SecondFactorRead,
    SecondFactorSecret,
)
from shared.auth import May
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.http import ReadWork, Route, WriteWork, client_address, never_stored, requires, requires_sign_in

router = APIRouter(prefix="/auth/second-factor", tags=["登录"], route_class=Route)


@router.get("", response_model=SecondFactorRead, **requires_sign_in(refuses=(NotFound,)))
async def read_second_factor(work: ReadWork) -> SecondFactorRead:
    """本人的双因素状态."""
    return await service.get_status(work)


@router.post(
    "",
    status_code=201,
    response_model=SecondFactorSecret,
    **never_stored(requires_sign_in(refuses=(NotFound, Conflict, Invalid))),
)
async def create_second_factor(
    request: Request, work: WriteWork, body: FactorProof | None = None
) -> SecondFactorSecret:
    """申请动态口令密钥; 密钥只显示这一次. 已启用双因素的须证明是本人, 原动态口令用到新的确认为止."""
    return await service.create_secret(work, body, client_address(request))


@router.post(
    "/confirm",
    response_model=RecoveryCodes,
    **never_stored(requires_sign_in(refuses=(NotFound, Conflict, Invalid))),
)
async def confirm_second_factor(work: WriteWork, body: CodeConfirm) -> RecoveryCodes:
    """以第一个动态口令确认启用; 恢复码只显示这一次."""
    return await service.confirm_secret(work, body.code)


@router.post(
    "/recovery-codes",
    response_model=RecoveryCodes,
    **never_stored(requires_sign_in(refuses=(NotFound, Invalid))),
)
async def renew_recovery_codes(request: Request, work: WriteWork, body: FactorProof) -> RecoveryCodes:
    """更换恢复码; 原恢复码作废."""
    return await service.renew_codes(work, body, client_address(request))


@router.post(
    "/remove",
    status_code=204,
    response_model=None,
    **requires_sign_in(refuses=(NotFound, Conflict, Invalid)),
)
async def remove_second_factor(request: Request, work: WriteWork, body: FactorProof) -> None:
    """停用本人的动态口令; 角色要求双因素的须另有通行密钥."""
    await service.remove_own(work, body, client_address(request))


users_router = APIRouter(prefix="/users/{account_id}/second-factor", tags=["账号"], route_class=Route)


@users_router.delete(
    "", status_code=204, response_model=None, **requires(May.ACCOUNT_MANAGE, refuses=(NotFound, Forbidden))
)
async def reset_second_factor(
    work: WriteWork, account_id: Annotated[str, Path(min_length=1, max_length=64, description="用户名")]
) -> None:
    """为丢失手机和恢复码的人重置双因素(动态口令、通行密钥、恢复码); 其会话全部结束."""
    await service.remove_factor(work, account_id)
