"""`/clients`: accounts of outside systems."""

from fastapi import APIRouter, Response

from services.identity.accounts import repository
from services.identity.accounts.router import CHANGES, AccountPath, Cursor, Limit, Q
from services.identity.clients import service
from services.identity.clients.schemas import ClientChange, ClientCreate, ClientPage, ClientRead, ClientSecret
from shared.errors import Conflict, NotFound
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.permissions import May

UNSTORED = "no-store"
"""An answer with a secret in it is kept nowhere, not even for a repeated request."""
router = APIRouter(prefix="/clients", tags=["账号"], route_class=Route)


@router.get("", response_model=ClientPage, **allows(May.ACCOUNT_MANAGE))
async def list_clients(work: Reading, q: Q = "", cursor: Cursor = "", limit: Limit = 50) -> ClientPage:
    """机器客户端列表."""
    rows = await repository.search(work, kind=service.MACHINE, q=q, after=cursor, limit=limit + 1)
    items = await service.shown(work, rows[:limit])
    return ClientPage(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


@router.post(
    "",
    status_code=201,
    response_model=ClientSecret,
    **allows(May.ACCOUNT_MANAGE, refuses=(Conflict, NotFound)),
)
async def add_client(work: Writing, body: ClientCreate, response: Response) -> ClientSecret:
    """新建机器客户端; 密钥只显示这一次."""
    response.headers["Cache-Control"] = UNSTORED
    return await service.add(work, body)


@router.get("/{account_id}", response_model=ClientRead, **allows(May.ACCOUNT_MANAGE, refuses=(NotFound,)))
async def read_client(work: Reading, account_id: AccountPath) -> ClientRead:
    """一个机器客户端."""
    return (await service.shown(work, [await repository.get(work, account_id, service.MACHINE)]))[0]


@router.patch("/{account_id}", response_model=ClientRead, **allows(May.ACCOUNT_MANAGE, refuses=CHANGES))
async def change_client(
    work: Writing, account_id: AccountPath, body: ClientChange, match: IfMatch
) -> ClientRead:
    """修改权限范围, 停用."""
    return (await service.shown(work, [await service.change(work, account_id, body, match)]))[0]


@router.post(
    "/{account_id}/secret", response_model=ClientSecret, **allows(May.ACCOUNT_MANAGE, refuses=CHANGES)
)
async def renew_client_secret(
    work: Writing, account_id: AccountPath, match: IfMatch, response: Response
) -> ClientSecret:
    """更换密钥; 原密钥立即失效."""
    response.headers["Cache-Control"] = UNSTORED
    return await service.renew(work, account_id, match)
