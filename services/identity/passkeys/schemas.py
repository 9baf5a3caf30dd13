"""Shapes of passkeys, in the JSON form that browsers give credentials (WebAuthn Level 3, 5.1.8 and 5.1.9)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.http import PatchBody
from shared.request_body import RequestBody

BASE64URL = "^[A-Za-z0-9_-]+$"
CredentialId = Annotated[str, Field(max_length=1364, pattern=BASE64URL)]
Bytes = Annotated[str, Field(max_length=4096, pattern=BASE64URL, description="base64url")]
PasskeyName = Annotated[str, Field(min_length=1, max_length=60, description="通行密钥的称呼, 如“办公室电脑”")]
Transport = Literal["usb", "nfc", "ble", "smart-card", "hybrid", "internal"]


class _Browser(BaseModel):
    """What a browser made; members that are not used here are ignored."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class ClientData(BaseModel):
    """What a browser says of a ceremony (CollectedClientData); every value is a text, whatever else the JSON holds."""

    model_config = ConfigDict(extra="ignore", strict=True)

    challenge: str = Field(max_length=100, pattern=BASE64URL)
    origin: str = Field(max_length=300)
    cross_origin: bool = Field(False, alias="crossOrigin")


class AssertionResponse(_Browser):
    """浏览器对质询的签名."""

    client_data: Bytes = Field(alias="clientDataJSON")
    authenticator_data: Bytes = Field(alias="authenticatorData")
    signature: Bytes
    user_handle: Annotated[str, Field(max_length=86, pattern="^[A-Za-z0-9_-]*$")] | None = Field(
        None, alias="userHandle"
    )


class Assertion(_Browser):
    """navigator.credentials.get 的结果 (AuthenticationResponseJSON)."""

    id: CredentialId
    type: Literal["public-key"]
    response: AssertionResponse


class AttestationResponse(_Browser):
    """浏览器新建的凭据."""

    client_data: Bytes = Field(alias="clientDataJSON")
    attestation_object: Annotated[str, Field(max_length=16_384, pattern=BASE64URL)] = Field(
        alias="attestationObject", description="base64url"
    )
    transports: list[Transport] = Field([], max_length=6)


class Attestation(_Browser):
    """navigator.credentials.create 的结果 (RegistrationResponseJSON)."""

    id: CredentialId
    type: Literal["public-key"]
    response: AttestationResponse


class PasskeyCreate(RequestBody):
    """登记一个通行密钥."""

    name: PasskeyName
    credential: Attestation


class PasskeyChange(PatchBody):
    """改通行密钥的称呼."""

    name: PasskeyName | None = None


class PasskeyRead(BaseModel):
    """本人的一个通行密钥."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    created_at: datetime
    used_at: datetime | None


class PasskeyCreated(BaseModel):
    """登记了的通行密钥; 第一次启用双因素时附恢复码, 只显示这一次."""

    passkey: PasskeyRead
    codes: list[str] = Field(description="恢复码; 已有恢复码时为空")


class CeremonyOptions(BaseModel):
    """交给浏览器的参数; 五分钟内有效, 只能用一次."""

    public_key: dict[str, Any] = Field(
        description="PublicKeyCredentialCreationOptionsJSON 或 PublicKeyCredentialRequestOptionsJSON"
    )
