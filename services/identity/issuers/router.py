"""`/users/{account_id}/issuers`: which outside identities sign in as an account."""

from typing import Annotated

from fastapi import APIRouter, Path

from services.identity.issuers import service
from services.identity.issuers.schemas import BindingCreate, BindingRead, Bindings
from shared.auth import May
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.http import ReadWork, Route, WriteWork, requires

router = APIRouter(prefix="/users/{account_id}/issuers", tags=["账号"], route_class=Route)
AccountPath = Annotated[str, Path(min_length=1, max_length=64, description="用户名")]


@router.get("", response_model=Bindings, **requires(May.ACCOUNT_READ, refuses=(NotFound,)))
async def list_issuer_bindings(work: ReadWork, account_id: AccountPath) -> Bindings:
    """账号绑定的外部身份."""
    rows = await service.list_bindings(work, account_id)
    return Bindings(items=[BindingRead.model_validate(one) for one in rows])


@router.post(
    "",
    status_code=201,
    response_model=BindingRead,
    **requires(May.ACCOUNT_MANAGE, refuses=(NotFound, Conflict, Forbidden, Invalid)),
)
async def add_issuer_binding(work: WriteWork, account_id: AccountPath, body: BindingCreate) -> BindingRead:
    """绑定外部身份."""
    return BindingRead.model_validate(await service.bind(work, account_id, body))


@router.post(
    "/remove",
    status_code=204,
    response_model=None,
    **requires(May.ACCOUNT_MANAGE, refuses=(NotFound, Forbidden)),
)
async def remove_issuer_binding(work: WriteWork, account_id: AccountPath, body: BindingCreate) -> None:
    """解除绑定."""
    await service.unbind(work, account_id, body)
