"""Requests and answers of second factors."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from services.identity.passkeys.schemas import Assertion, PasskeyRead
from shared.request_body import RequestBody

OneTimeCode = Annotated[
    str, Field(min_length=6, max_length=24, pattern="^[0-9A-Za-z-]+$", description="6 位动态口令或恢复码")
]


class SecondFactorRead(BaseModel):
    """本人的双因素状态."""

    active: bool = Field(description="登录时须输入动态口令或使用通行密钥")
    required: bool = Field(description="按规定必须启用")
    recovery_codes_left: int
    one_time_codes: bool = Field(description="已启用动态口令")
    passkeys: list[PasskeyRead] = Field(description="登记的通行密钥")
    passkey_origin: str = Field(description="可以使用通行密钥的地址; 不能用时为空")
    passkey_obstacle: str = Field(description="不能用通行密钥的原因; 能用时为空")


class SecondFactorSecret(BaseModel):
    """新的动态口令密钥, 只显示这一次; 用验证器应用扫描后以一个动态口令确认."""

    secret: str
    uri: str = Field(description="otpauth 地址, 供生成二维码")


class CodeConfirm(RequestBody):
    """以动态口令确认."""

    code: OneTimeCode


class FactorProof(RequestBody):
    """以动态口令、恢复码或通行密钥(本会话申请的质询)证明是本人, 二者取一."""

    code: OneTimeCode | None = None
    passkey: Assertion | None = None

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if (self.code is None) == (self.passkey is None):
            raise ValueError("code 和 passkey 须填且只填一个")
        return self


class RecoveryCodes(BaseModel):
    """恢复码, 只显示这一次; 每个只能用一次, 请打印保存."""

    codes: list[str]
