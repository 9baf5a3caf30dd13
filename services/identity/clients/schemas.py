"""What machine clients look like, in and out."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, field_validator

from services.identity.accounts.schemas import AccountId, AccountRead, Name, Region
from shared.permissions import ROLES, May, Role


def _open_to_machines(scopes: list[May]) -> list[May]:
    if closed := [may.label for may in scopes if may not in ROLES[Role.MACHINE]]:
        raise ValueError(f"外部系统不能有这些权限: {'、'.join(closed)}")
    return scopes


Scopes = Annotated[
    list[May],
    Field(min_length=1, max_length=50, description="令牌带的权限"),
    AfterValidator(_open_to_machines),
]


class ClientCreate(BaseModel):
    """新机器客户端."""

    id: AccountId
    name: Name
    region: Region
    scopes: Scopes


class ClientChange(BaseModel):
    """修改机器客户端; absent fields stay."""

    name: Name | None = None
    scopes: Scopes | None = None
    disabled: bool | None = None


class ClientRead(AccountRead):
    """机器客户端."""

    scopes: list[str] = Field(default_factory=list)

    @field_validator("scopes", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return given.split() if isinstance(given, str) else given


class ClientPage(BaseModel):
    """一页机器客户端."""

    items: list[ClientRead]
    next_cursor: str | None = None


class ClientSecret(ClientRead):
    """机器客户端 with its secret, shown this once."""

    secret: str
