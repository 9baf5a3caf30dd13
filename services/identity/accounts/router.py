"""`/users`: accounts of people."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from services.identity.accounts import repository, service
from services.identity.accounts.schemas import AccountChange, AccountCreate, AccountPage, AccountRead
from shared.errors import Conflict, Forbidden, NotFound, Stale, VersionRequired
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.permissions import May

router = APIRouter(prefix="/users", tags=["账号"], route_class=Route)
Q = Annotated[str, Query(max_length=50, description="姓名或用户名")]
Cursor = Annotated[str, Query(max_length=64, description="上一页的 next_cursor")]
Limit = Annotated[int, Query(ge=1, le=200)]
AccountPath = Annotated[str, Path(min_length=1, max_length=64, description="用户名")]
CHANGES = (NotFound, Conflict, Stale, VersionRequired, Forbidden)


@router.get("", response_model=AccountPage, **allows(May.ACCOUNT_READ))
async def list_users(work: Reading, q: Q = "", cursor: Cursor = "", limit: Limit = 50) -> AccountPage:
    """账号列表; 非管理员只见本人."""
    rows = await repository.search(work, kind=service.PERSON, q=q, after=cursor, limit=limit + 1)
    items = await service.shown(work, rows[:limit])
    return AccountPage(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


@router.post(
    "",
    status_code=201,
    response_model=AccountRead,
    **allows(May.ACCOUNT_MANAGE, refuses=(Conflict, NotFound)),
)
async def add_user(work: Writing, body: AccountCreate) -> AccountRead:
    """新建账号."""
    return (await service.shown(work, [await service.add_person(work, body)]))[0]


@router.get("/{account_id}", response_model=AccountRead, **allows(May.ACCOUNT_READ, refuses=(NotFound,)))
async def read_user(work: Reading, account_id: AccountPath) -> AccountRead:
    """一个账号."""
    return (await service.shown(work, [await repository.get(work, account_id, service.PERSON)]))[0]


@router.patch("/{account_id}", response_model=AccountRead, **allows(May.ACCOUNT_MANAGE, refuses=CHANGES))
async def change_user(
    work: Writing, account_id: AccountPath, body: AccountChange, match: IfMatch
) -> AccountRead:
    """修改账号、授权、停用、重置口令."""
    return (await service.shown(work, [await service.change(work, account_id, body, match)]))[0]
