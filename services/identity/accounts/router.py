"""`/users` and `/clients`: accounts of people and of machines."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.identity.accounts import repository, service
from services.identity.accounts.schemas import (
    AccountChange,
    AccountCreate,
    AccountPage,
    AccountRead,
    ClientCreate,
    ClientSecret,
)
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Stale, VersionRequired
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.permissions import May
from shared.work import Work

router = APIRouter(tags=["账号"], route_class=Route)
Q = Annotated[str, Query(max_length=50, description="姓名或用户名")]
Cursor = Annotated[str, Query(max_length=64)]
Limit = Annotated[int, Query(ge=1, le=200)]


async def _page(work: Work, kind: str, q: str, cursor: str, limit: int) -> AccountPage:
    rows = await repository.search(work, kind=kind, q=q, after=cursor, limit=limit + 1)
    items = await service.shown(work, rows[:limit])
    return AccountPage(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


@router.get("/users", response_model=AccountPage, **allows(May.ACCOUNT_READ))
async def list_users(work: Reading, q: Q = "", cursor: Cursor = "", limit: Limit = 50) -> AccountPage:
    """账号列表."""
    return await _page(work, "user", q, cursor, limit)


@router.post(
    "/users",
    status_code=201,
    response_model=AccountRead,
    **allows(May.ACCOUNT_MANAGE, refuses=(Conflict, Invalid, NotFound)),
)
async def add_user(work: Writing, body: AccountCreate) -> AccountRead:
    """新建账号."""
    return (await service.shown(work, [await service.add(work, body)]))[0]


@router.get(
    "/users/{account_id}", response_model=AccountRead, **allows(May.ACCOUNT_READ, refuses=(NotFound,))
)
async def read_user(work: Reading, account_id: str) -> AccountRead:
    """一个账号."""
    return (await service.shown(work, [await repository.get(work, account_id)]))[0]


@router.patch(
    "/users/{account_id}",
    response_model=AccountRead,
    **allows(May.ACCOUNT_MANAGE, refuses=(NotFound, Invalid, Stale, VersionRequired, Forbidden)),
)
async def change_user(work: Writing, account_id: str, body: AccountChange, match: IfMatch) -> AccountRead:
    """修改账号、授权、停用、重置口令."""
    return (await service.shown(work, [await service.change(work, account_id, body, match)]))[0]


@router.get("/clients", response_model=AccountPage, **allows(May.ACCOUNT_MANAGE))
async def list_clients(work: Reading, q: Q = "", cursor: Cursor = "", limit: Limit = 50) -> AccountPage:
    """机器客户端列表."""
    return await _page(work, "machine", q, cursor, limit)


@router.post(
    "/clients",
    status_code=201,
    response_model=ClientSecret,
    **allows(May.ACCOUNT_MANAGE, refuses=(Conflict, Invalid, NotFound)),
)
async def add_client(work: Writing, body: ClientCreate) -> ClientSecret:
    """新建机器客户端; 密钥只显示这一次."""
    return await service.add_client(work, body)
