"""Request and response bodies of accounts and machine clients."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from shared.auth import ROLES, May, Role
from shared.china import RegionCode
from shared.http import PatchBody
from shared.request_body import RequestBody

Region = Annotated[RegionCode, Field(description="12位区划代码")]
AccountId = Annotated[str, Field(pattern="^[a-z][a-z0-9_.-]{1,63}$", description="以后不能更改")]
Name = Annotated[str, Field(min_length=2, max_length=50)]
MAX_PASSWORD_LENGTH = 200
Password = Annotated[
    str, StringConstraints(strip_whitespace=False), Field(min_length=8, max_length=MAX_PASSWORD_LENGTH)
]


class GrantWrite(RequestBody):
    """授权: a role in a region, from a day to a day."""

    model_config = ConfigDict(from_attributes=True)

    role: Role
    region: Region
    valid_from: date | None = Field(None, description="空为今天")
    valid_to: date | None = None

    @model_validator(mode="after")
    def _check_grant(self) -> "GrantWrite":
        if self.role is Role.SERVICE:
            raise ValueError("内部服务不是可以授予的角色")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError("授权结束日期早于开始日期")
        return self


class HeldGrant(GrantWrite):
    """授权, 与其是否等待第二人确认."""

    waiting: bool = Field(False, description="true: 等待第二人确认, 尚未生效")
    granted_by: str = Field("", description="授权人")


class AccountCreate(RequestBody):
    """新账号."""

    id: AccountId
    name: Name
    organisation_id: UUID | None = None
    region: Region
    password: Password | None = Field(None, description="首次登录须修改; 空: 只能经外部统一身份认证登录")
    grants: list[GrantWrite] = Field(min_length=1, max_length=50)


class AccountChange(PatchBody):
    """修改账号. Absent fields stay unchanged."""

    name: Name | None = None
    organisation_id: UUID | None = None
    disabled: bool | None = None
    grants: list[GrantWrite] | None = Field(
        None, min_length=1, max_length=50, description="取代您辖区内的全部授权"
    )
    password: Password | None = Field(None, description="重置口令, 首次登录须修改")


class PersonChange(RequestBody):
    """账号背后的人: an account is one person with another, or a person of its own."""

    same_as: AccountId | None = Field(None, description="同一人的另一账号; 空: 与其他账号分开, 自成一人")
    name: Name | None = Field(None, description="这个人的姓名; 空: 用账号的姓名")


class AccountRead(BaseModel):
    """账号."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    kind: str
    name: str
    organisation_id: UUID | None
    organisation: str = ""
    region: str
    disabled: bool
    must_change: bool
    locked_until: datetime | None = Field(None, description="最近一处来源的锁定到期时间; 其他来源不受影响")
    version: int
    grants: list[HeldGrant] = []
    person_id: str = Field("", description="账号背后的人: 同一人的账号相同")
    person_name: str = Field("", description="这个人的姓名")


class AccountName(BaseModel):
    """一个用户名和它的姓名."""

    id: str
    name: str


class AccountPage(BaseModel):
    """一页账号."""

    items: list[AccountRead]
    next_cursor: str | None = None


class PasswordChange(RequestBody):
    """修改本人口令."""

    old: str = Field(max_length=MAX_PASSWORD_LENGTH)
    new: Password


class GrantRead(BaseModel):
    """一项授权, with the label of its role and its permissions."""

    role: str
    label: str
    region: str
    permissions: dict[str, Any]


class Me(BaseModel):
    """我是谁, 能做什么."""

    id: str
    name: str
    kind: str
    organisation: str
    must_change: bool
    grants: list[GrantRead]


def _check_machine_scopes(scopes: list[May]) -> list[May]:
    if forbidden := [may.label for may in scopes if may not in ROLES[Role.MACHINE]]:
        raise ValueError(f"外部系统不能有这些权限: {'、'.join(forbidden)}")
    return scopes


Scopes = Annotated[
    list[May],
    Field(min_length=1, max_length=50, description="令牌带的权限"),
    AfterValidator(_check_machine_scopes),
]


class ClientCreate(RequestBody):
    """新机器客户端."""

    id: AccountId
    name: Name
    region: Region
    scopes: Scopes


class ClientChange(PatchBody):
    """修改机器客户端. Absent fields stay unchanged."""

    name: Name | None = None
    scopes: Scopes | None = None
    disabled: bool | None = None


class ClientRead(AccountRead):
    """机器客户端."""

    scopes: list[str] = Field(default_factory=list)

    @field_validator("scopes", mode="before")
    @classmethod
    def _split_scopes(cls, value: object) -> object:
        return value.split() if isinstance(value, str) else value


class ClientPage(BaseModel):
    """一页机器客户端."""

    items: list[ClientRead]
    next_cursor: str | None = None


class ClientSecret(ClientRead):
    """机器客户端 with its secret, which is answered only once."""

    secret: str
