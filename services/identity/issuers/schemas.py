"""Requests and answers of issuer bindings."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from shared.request_body import RequestBody


class BindingCreate(RequestBody):
    """把外部身份绑定到账号."""

    issuer: str = Field(min_length=1, max_length=200, description="统一身份认证的 iss")
    subject: str = Field(min_length=1, max_length=200, description="该认证中此人的 sub, 不是用户名")


class BindingRead(BindingCreate):
    """一项绑定."""

    model_config = ConfigDict(from_attributes=True)

    account_id: str
    created_at: datetime
    created_by: str


class Bindings(BaseModel):
    """一个账号的绑定."""

    items: list[BindingRead]
