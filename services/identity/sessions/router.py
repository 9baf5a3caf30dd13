"""`/auth`: token endpoint, own profile, sign-out, change of own password."""

import base64
import binascii
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import JSONResponse

from services.identity.accounts import service as accounts
from services.identity.accounts.schemas import Me, PasswordChange
from services.identity.rate_windows import service as rate_windows
from services.identity.sessions import repository, service
from services.identity.sessions.schemas import TokenAnswer, TokenFailure
from services.identity.sessions.service import OAuthError
from shared.errors import Invalid
from shared.http import ReadWork, Route, WriteWork, allows_anonymous, get_service_context, requires_sign_in

router = APIRouter(prefix="/auth", tags=["登录"], route_class=Route)
MAX_FORM_BYTES = 32 * 1024
_token_route_options = allows_anonymous(body=MAX_FORM_BYTES, counted=False)
_token_route_options["responses"] = {
    **_token_route_options["responses"],
    400: {"model": TokenFailure, "description": "OAuth2 error"},
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
    subject_token: Annotated[str, Form(max_length=16_000, description="外部统一身份认证的 ID 令牌")] = "",
) -> TokenAnswer | Response:
    """登录: password、refresh_token、client_credentials, 或以外部统一身份认证的令牌交换(RFC 8693)."""
    context = get_service_context(request)
    client = _parse_basic_credentials(request) or (client_id, client_secret)
    account = {"password": username, "client_credentials": client[0]}.get(grant_type, "")
    await rate_windows.count_sign_in(context, account, request.client.host if request.client else "")
    try:
        match grant_type:
            case "password":
                return await service.password_grant(context, username, password, "user")
            case "refresh_token":
                return await service.refresh_grant(context, refresh_token)
            case "client_credentials":
                return await service.password_grant(context, *client, "machine", scope)
            case service.TOKEN_EXCHANGE_GRANT_TYPE:
                return await service.token_exchange_grant(context, subject_token)
            case _:
                raise OAuthError("unsupported_grant_type", "不支持这种登录方式")
    except OAuthError as error:
        content = TokenFailure(error=error.error, error_description=error.text).model_dump()
        headers = {"Cache-Control": "no-store"}
        if error.status == 401:  # noqa: PLR2004 - RFC 6749, 5.2
            headers["WWW-Authenticate"] = 'Basic realm="xianjie"'
        return JSONResponse(content, error.status, headers=headers)


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
    """退出登录: refresh tokens end at once, access tokens within ten minutes."""
    await repository.system_revoke_account(work, work.actor.id)


@router.post("/password", status_code=204, response_model=None, **requires_sign_in(refuses=(Invalid,)))
async def change_password(work: WriteWork, body: PasswordChange) -> None:
    """修改本人口令."""
    await accounts.change_password(work, body)
