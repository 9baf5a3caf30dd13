"""`/auth`: token endpoint, own profile, sign-out, change of own password."""

import base64
import binascii
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from pydantic import ValidationError
from starlette.responses import JSONResponse

from services.identity.accounts import service as accounts
from services.identity.accounts.schemas import Me, PasswordChange
from services.identity.passkeys.schemas import Assertion
from services.identity.rate_windows import service as rate_windows
from services.identity.sessions import service
from services.identity.sessions.schemas import (
    ClientSignIn,
    ClientSignInRead,
    Revocations,
    SessionList,
    TokenAnswer,
    TokenFailure,
)
from services.identity.sessions.service import OAuthError
from shared.auth import May
from shared.errors import Forbidden, Invalid, NotFound, RateLimited, Unauthenticated
from shared.http import (
    ReadWork,
    Route,
    WriteWork,
    allows_anonymous,
    client_address,
    find_subscriber,
    get_service_context,
    never_stored,
    requires,
    requires_sign_in,
)

router = APIRouter(prefix="/auth", tags=["登录"], route_class=Route)
MAX_FORM_BYTES = 32 * 1024
AccountPath = Annotated[str, Path(min_length=1, max_length=64, description="用户名")]
SessionPath = Annotated[str, Path(min_length=1, max_length=64, description="会话编号")]
_token_route_options = never_stored(allows_anonymous(body=MAX_FORM_BYTES, counted=False))
_token_route_options["responses"] = {
    **_token_route_options["responses"],
    400: {
        **_token_route_options["responses"][400],
        "model": TokenFailure,
        "description": "OAuth2 error, or a problem of the request itself",
    },
    401: {"model": TokenFailure, "description": "OAuth2 client error"},
}


@router.post("/token", response_model=TokenAnswer, **_token_route_options)
async def issue_token(
    request: Request,
    grant_type: Annotated[str, Form(max_length=100)],
    username: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
    refresh_token: Annotated[str, Form(max_length=200)] = "",
    client_id: Annotated[str, Form(max_length=64)] = "",
    client_secret: Annotated[str, Form(max_length=200)] = "",
    scope: Annotated[str, Form(max_length=2000, description="机器客户端: 只要其中几项权限, 空格分隔")] = "",
    otp: Annotated[str, Form(max_length=40, description="动态口令或恢复码, 账号启用双因素时必填")] = "",
    passkey: Annotated[
        str, Form(max_length=16_000, description="通行密钥的签名: AuthenticationResponseJSON, 代替动态口令")
    ] = "",
    subject_token: Annotated[str, Form(max_length=16_000, description="外部统一身份认证的 ID 令牌")] = "",
) -> TokenAnswer | Response:
    """登录: password、refresh_token、client_credentials, 或以外部统一身份认证的令牌交换(RFC 8693)."""
    context = get_service_context(request)
    name, secret = _parse_basic_credentials(request) or (client_id, client_secret)
    client = service.Client(client_address(request), request.headers.get("user-agent", ""))
    account = {"password": username, "client_credentials": name}.get(grant_type, "")
    await rate_windows.count_sign_in(context, account, find_subscriber(client.source))
    try:
        match grant_type:
            case "password":
                return await service.password_grant(
                    context,
                    service.Credentials(username, password, otp, _parse_passkey(passkey)),
                    "user",
                    client,
                )
            case "refresh_token":
                return await service.refresh_grant(context, refresh_token, client)
            case "client_credentials":
                return await service.password_grant(
                    context, service.Credentials(name, secret), "machine", client, scope
                )
            case service.TOKEN_EXCHANGE_GRANT_TYPE:
                return await service.token_exchange_grant(context, subject_token, client)
            case _:
                raise OAuthError("unsupported_grant_type", "不支持这种登录方式")
    except OAuthError as error:
        failure = TokenFailure(error=error.error, error_description=error.text, passkey=error.passkey)
        content = failure.model_dump(exclude_none=True)
        is_unknown_client = error.status == 401  # noqa: PLR2004 - RFC 6749, 5.2
        headers = {"WWW-Authenticate": 'Basic realm="xianjie"'} if is_unknown_client else None
        return JSONResponse(content, error.status, headers=headers)


def _parse_passkey(text: str) -> Assertion | None:
    """What a passkey signed, from a field of the form; OAuthError for what is no such JSON."""
    try:
        return Assertion.model_validate_json(text) if text else None
    except ValidationError as error:
        raise OAuthError("invalid_request", "通行密钥的签名读不出 (passkey)") from error


def _parse_basic_credentials(request: Request) -> tuple[str, str] | None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, secret


@router.get("/me", response_model=Me, **requires_sign_in())
async def read_me(work: ReadWork) -> Me:
    """我是谁, 能做什么."""
    return await accounts.get_profile(work)


@router.post("/logout", status_code=204, response_model=None, **requires_sign_in())
async def sign_out(work: WriteWork) -> None:
    """退出登录: every session ends; access tokens are refused within ten seconds."""
    await service.end_own_sessions(work)


@router.get("/sessions", response_model=SessionList, **requires_sign_in())
async def list_own_sessions(work: ReadWork) -> SessionList:
    """本人的登录会话."""
    return SessionList.from_rows(await service.list_own_sessions(work))


@router.delete(
    "/sessions/{session_id}", status_code=204, response_model=None, **requires_sign_in(refuses=(NotFound,))
)
async def end_own_session(work: WriteWork, session_id: SessionPath) -> None:
    """结束本人的一个会话."""
    await service.end_own_sessions(work, session_id)


@router.post("/password", status_code=204, response_model=None, **requires_sign_in(refuses=(Invalid,)))
async def change_password(request: Request, work: WriteWork, body: PasswordChange) -> None:
    """修改本人口令."""
    await accounts.change_password(work, body, client_address(request))


sessions_router = APIRouter(prefix="/users/{account_id}/sessions", tags=["账号"], route_class=Route)


@sessions_router.get("", response_model=SessionList, **requires(May.ACCOUNT_MANAGE, refuses=(NotFound,)))
async def list_user_sessions(work: ReadWork, account_id: AccountPath) -> SessionList:
    """一个账号的登录会话."""
    return SessionList.from_rows(await service.list_sessions(work, account_id))


@sessions_router.delete(
    "",
    status_code=204,
    response_model=None,
    **requires(May.ACCOUNT_MANAGE, refuses=(NotFound, Forbidden)),
)
async def end_user_sessions(work: WriteWork, account_id: AccountPath) -> None:
    """结束一个账号的全部会话, 十秒内生效."""
    await service.end_sessions(work, account_id)


internal_router = APIRouter(prefix="/internal/revocations", tags=["登录"], route_class=Route)


@internal_router.get("", response_model=Revocations, **requires(May.EVENT_DELIVER))
async def read_revocations(
    request: Request,
    known: Annotated[str, Query(max_length=64, description="上次答复的 tag; 没有变化时等待")] = "",
    wait: Annotated[int, Query(ge=0, le=60, description="最多等待的秒数")] = 0,
) -> Revocations:
    """近期结束或变更授权的会话: 与 known 不同时立即答复, 相同时等到有变化."""
    return await service.wait_for_revocations(get_service_context(request), known, wait)


sign_ins_router = APIRouter(prefix="/internal/client-sign-ins", tags=["登录"], route_class=Route)


@sign_ins_router.post(
    "", response_model=ClientSignInRead, **requires(May.EVENT_DELIVER, refuses=(RateLimited,))
)
async def sign_client_in(request: Request, body: ClientSignIn) -> ClientSignInRead:
    """机器客户端经其他服务登录: 核对编号和密钥, 计数与锁定同令牌接口."""
    context = get_service_context(request)
    await rate_windows.count_sign_in(context, body.client_id, find_subscriber(body.source))
    credentials = service.Credentials(body.client_id, body.client_secret)
    try:
        answer = await service.password_grant(context, credentials, "machine", service.Client(body.source))
    except OAuthError as error:
        raise Unauthenticated(error.text, error.error) from error
    return ClientSignInRead(account=body.client_id, scope=answer.scope)
