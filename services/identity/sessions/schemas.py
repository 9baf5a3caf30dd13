"""Answers of the OAuth2 token endpoint (RFC 6749) and of the lists of sessions."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.request_body import RequestBody


class TokenAnswer(BaseModel):
    """令牌."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the kind of token
    expires_in: int
    refresh_token: str | None = None
    must_change: bool = Field(False, description="须先修改口令, 此前没有任何权限")
    must_enrol: bool = Field(False, description="须先启用动态口令, 此前没有任何权限")
    scope: str = Field("", description="机器客户端的令牌开放的权限")


class ClientSignIn(RequestBody):
    """机器客户端的编号和密钥, 及其来源地址."""

    client_id: str = Field(max_length=64)
    client_secret: str = Field(max_length=200)
    source: str = Field(max_length=45)


class ClientSignInRead(BaseModel):
    """登录的机器客户端及其权限."""

    account: str
    scope: str


class TokenFailure(BaseModel):
    """登录失败: OAuth2 error code and description."""

    error: str
    error_description: str
    passkey: dict[str, Any] | None = Field(
        None,
        description="mfa_required, 且账号有通行密钥时: 交给 navigator.credentials.get 的 PublicKeyCredentialRequestOptionsJSON",
    )


class SessionRead(BaseModel):
    """一个登录会话."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    method: str = Field(description="登录方式")
    source: str = Field(description="最近一次登录或刷新的来源地址")
    agent: str = Field(description="客户端自称")
    started_at: datetime
    used_at: datetime
    expires_at: datetime


class SessionList(BaseModel):
    """登录会话, 最近使用的在前."""

    items: list[SessionRead]

    @classmethod
    def from_rows(cls, rows: Iterable[Any]) -> "SessionList":
        """The rows as they are shown."""
        return cls(items=[SessionRead.model_validate(one) for one in rows])


class Revocations(BaseModel):
    """近期变更的会话: session id → the least generation whose access tokens are still good."""

    sessions: dict[str, int]
    mergers: dict[str, str] = Field(description="former region → the region that it is a part of today")
    tag: str = Field(
        description="changes with the content; given as `known`, the next answer waits for another"
    )
