"""Shapes of device keys, and of what services/sync is told about a person."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.request_body import RequestBody

COORDINATE_PATTERN = "^[A-Za-z0-9_-]{43}$"


class PublicKey(BaseModel):
    """WebCrypto 导出的 P-256 公钥 (JWK); other members of the export are ignored, a private part is refused."""

    model_config = ConfigDict(extra="ignore")

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str = Field(pattern=COORDINATE_PATTERN)
    y: str = Field(pattern=COORDINATE_PATTERN)

    @model_validator(mode="before")
    @classmethod
    def _refuse_private_part(cls, given: Any) -> Any:  # noqa: ANN401 - whatever came
        if isinstance(given, dict) and "d" in given:
            raise ValueError("这是私钥, 只能上传公钥")
        return given


class DeviceKeyCreate(RequestBody):
    """登记本机的公钥."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=60, description="手机的称呼")
    public_key: PublicKey


class DeviceKeyRead(BaseModel):
    """一部手机的密钥."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    thumbprint: str = Field(description="签名头里的 kid")
    registered_at: datetime
    revoked_at: datetime | None


class DeviceKeyList(BaseModel):
    """本人登记的手机."""

    items: list[DeviceKeyRead]


class EndedGrant(BaseModel):
    """一项已经结束的授权: held from a time to a time."""

    role: str
    region: str
    since: datetime
    until: datetime


class EndedGrantList(BaseModel):
    """一个人曾有而今没有的授权."""

    items: list[EndedGrant]


class ActorRead(BaseModel):
    """一个人此刻的授权和有效的设备密钥."""

    claims: dict[str, Any] = Field(description="as in an access token")
    keys: dict[str, dict[str, Any]] = Field(description="thumbprint → public JWK")
