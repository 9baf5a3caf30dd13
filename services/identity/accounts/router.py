"""`/users`: accounts of people; `/clients`: machine clients."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query

from services.identity.accounts import repository, service
from services.identity.accounts.models import Account
from services.identity.accounts.schemas import (
    AccountChange,
    AccountCreate,
    AccountName,
    AccountPage,
    AccountRead,
    ClientChange,
    ClientCreate,
    ClientPage,
    ClientRead,
    ClientSecret,
    PersonChange,
)
from shared.auth import May
from shared.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed, VersionRequired
from shared.http import IfMatch, ReadWork, Route, WriteWork, never_stored, requires, requires_sign_in
from shared.records import Act, RecordKind, Shortcut

router = APIRouter(prefix="/users", tags=["账号"], route_class=Route)
SearchText = Annotated[str, Query(max_length=50, description="姓名或用户名")]
Cursor = Annotated[str, Query(max_length=64, description="上一页的 next_cursor")]
Limit = Annotated[int, Query(ge=1, le=200)]
AccountPath = Annotated[str, Path(min_length=1, max_length=64, description="用户名")]
CHANGE_ERRORS = (NotFound, Conflict, PreconditionFailed, VersionRequired, Forbidden)


@router.get("", response_model=AccountPage, **requires(May.ACCOUNT_READ))
async def list_users(
    work: ReadWork,
    q: SearchText = "",
    cursor: Cursor = "",
    limit: Limit = 50,
    *,
    waiting: Annotated[bool, Query(description="只看有授权待本人确认的")] = False,
) -> AccountPage:
    """账号列表; 非管理员只见本人."""
    rows = await repository.list_accounts(
        work, kind=service.USER_KIND, q=q, after=cursor, limit=limit + 1, waiting=waiting
    )
    items = await service.to_read_models(work, rows[:limit])
    return AccountPage(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


@router.post(
    "",
    status_code=201,
    response_model=AccountRead,
    **requires(May.ACCOUNT_MANAGE, refuses=(Conflict, NotFound)),
)
async def add_user(work: WriteWork, body: AccountCreate) -> AccountRead:
    """新建账号."""
    return (await service.to_read_models(work, [await service.create_user(work, body)]))[0]


AccountIds = Annotated[Sequence[str], Query(max_length=100, description="用户名")]
WholeName = Annotated[str, Query(max_length=50, description="完整的姓名: 找本县叫这个名字的人, 不列名单")]


@router.get("/names", response_model=list[AccountName], **requires_sign_in())
async def list_account_names(
    work: ReadWork, account_id: AccountIds = (), name: WholeName = ""
) -> list[AccountName]:
    """记录里写的用户名是谁, 或知道姓名的人用户名是什么: for whoever is signed in; unknown ones are left out."""
    names = await repository.system_list_account_names(work, account_id) if account_id else {}
    if name:
        names |= await repository.system_list_people_named(work, name, service.USER_KIND)
    return [AccountName(id=one, name=name) for one, name in names.items()]


@router.get("/{account_id}", response_model=AccountRead, **requires(May.ACCOUNT_READ, refuses=(NotFound,)))
async def read_user(work: ReadWork, account_id: AccountPath) -> AccountRead:
    """一个账号."""
    return (
        await service.to_read_models(
            work, [await repository.get_account(work, account_id, service.USER_KIND)]
        )
    )[0]


@router.patch(
    "/{account_id}", response_model=AccountRead, **requires(May.ACCOUNT_MANAGE, refuses=CHANGE_ERRORS)
)
async def change_user(
    work: WriteWork, account_id: AccountPath, body: AccountChange, match: IfMatch
) -> AccountRead:
    """修改账号、授权、停用、重置口令."""
    return (await service.to_read_models(work, [await service.update_user(work, account_id, body, match)]))[0]


@router.post(
    "/{account_id}/confirm-grants",
    response_model=AccountRead,
    **requires(May.ACCOUNT_MANAGE, May.SECURITY_MANAGE, refuses=CHANGE_ERRORS),
)
async def confirm_grants(work: WriteWork, account_id: AccountPath, match: IfMatch) -> AccountRead:
    """第二名管理员确认授权, 确认后生效 (角色见规则 `auth.confirmed_roles`)."""
    return (await service.to_read_models(work, [await service.confirm_grants(work, account_id, match)]))[0]


@router.put(
    "/{account_id}/person",
    response_model=AccountRead,
    **requires(May.ACCOUNT_MANAGE, refuses=(*CHANGE_ERRORS, Invalid)),
)
async def change_person(
    work: WriteWork, account_id: AccountPath, body: PersonChange, match: IfMatch
) -> AccountRead:
    """登记账号背后的人: 两个账号属同一人时, 一方经办的事项另一方不能审."""
    return (await service.to_read_models(work, [await service.set_person(work, account_id, body, match)]))[0]


clients_router = APIRouter(prefix="/clients", tags=["账号"], route_class=Route)


@clients_router.get("", response_model=ClientPage, **requires(May.ACCOUNT_MANAGE))
async def list_clients(
    work: ReadWork, q: SearchText = "", cursor: Cursor = "", limit: Limit = 50
) -> ClientPage:
    """机器客户端列表."""
    rows = await repository.list_accounts(work, kind=service.MACHINE_KIND, q=q, after=cursor, limit=limit + 1)
    items = await service.to_client_read_models(work, rows[:limit])
    return ClientPage(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


@clients_router.post(
    "",
    status_code=201,
    response_model=ClientSecret,
    **never_stored(requires(May.ACCOUNT_MANAGE, refuses=(Conflict, NotFound))),
)
async def add_client(work: WriteWork, body: ClientCreate) -> ClientSecret:
    """新建机器客户端; 密钥只显示这一次."""
    return await service.create_client(work, body)


@clients_router.get(
    "/{account_id}", response_model=ClientRead, **requires(May.ACCOUNT_MANAGE, refuses=(NotFound,))
)
async def read_client(work: ReadWork, account_id: AccountPath) -> ClientRead:
    """一个机器客户端."""
    return (
        await service.to_client_read_models(
            work, [await repository.get_account(work, account_id, service.MACHINE_KIND)]
        )
    )[0]


@clients_router.patch(
    "/{account_id}", response_model=ClientRead, **requires(May.ACCOUNT_MANAGE, refuses=CHANGE_ERRORS)
)
async def change_client(
    work: WriteWork, account_id: AccountPath, body: ClientChange, match: IfMatch
) -> ClientRead:
    """修改权限范围, 停用."""
    return (
        await service.to_client_read_models(
            work, [await service.update_client(work, account_id, body, match)]
        )
    )[0]


@clients_router.post(
    "/{account_id}/secret",
    response_model=ClientSecret,
    **never_stored(requires(May.ACCOUNT_MANAGE, refuses=CHANGE_ERRORS)),
)
async def renew_client_secret(work: WriteWork, account_id: AccountPath, match: IfMatch) -> ClientSecret:
    """更换密钥; 原密钥立即失效."""
    return await service.rotate_secret(work, account_id, match)


ACCOUNT_KIND = RecordKind(
    name="account",
    label="账号",
    path="/users",
    model=Account,
    read=AccountRead,
    may=May.ACCOUNT_READ,
    owner="id",
    title="name",
    columns=("id", "name", "organisation", "region", "disabled", "locked_until"),
    filters=("q", "waiting"),
    search=("name", "id"),
    parents={"organisation_id": "organisation"},
    only=lambda: repository.build_kind_condition(service.USER_KIND),
    topics=("account.changed", "account.locked", "account.signed_in"),
    acts=(
        Act("确认授权", "/users/{id}/confirm-grants"),
        Act("登记本人", "/users/{id}/person", method="PUT"),
        Act("结束全部登录", "/users/{id}/sessions", method="DELETE"),
        Act("重置第二因素", "/users/{id}/second-factor", method="DELETE"),
    ),
    shortcuts=(
        Shortcut(May.ACCOUNT_MANAGE, "管理账号", "/users", "GET"),
        Shortcut(May.ACCOUNT_MANAGE, "待确认的授权", "/users?waiting=true", "GET"),
        Shortcut(May.SECURITY_MANAGE, "待确认的授权", "/users?waiting=true", "GET"),
    ),
)
CLIENT_KIND = RecordKind(
    name="client",
    label="机器客户端",
    path="/clients",
    model=Account,
    read=ClientRead,
    may=May.ACCOUNT_MANAGE,
    title="name",
    columns=("id", "name", "region", "scopes", "disabled"),
    filters=("q",),
    search=("name", "id"),
    only=lambda: repository.build_kind_condition(service.MACHINE_KIND),
    acts=(Act("更换密钥", "/clients/{id}/secret"),),
    topics=("account.changed",),
)
