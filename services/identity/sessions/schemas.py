"""Answers of the OAuth2 token endpoint (RFC 6749)."""

from pydantic import BaseModel, Field


class TokenAnswer(BaseModel):
    """令牌."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the kind of token
    expires_in: int
    refresh_token: str | None = None
    must_change: bool = False
    scope: str = Field("", description="机器客户端的令牌开放的权限")


class TokenFailure(BaseModel):
    """登录失败: OAuth2 error code and description."""

    error: str
    error_description: str
