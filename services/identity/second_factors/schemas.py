"""Requests and answers of second factors."""

from typing import Annotated

from pydantic import BaseModel, Field

from shared.request_body import RequestBody

OneTimeCode = Annotated[
    str, Field(min_length=6, max_length=24, pattern="^[0-9A-Za-z-]+$", description="6 位动态口令或恢复码")
]


class SecondFactorRead(BaseModel):
    """本人的双因素状态."""

    active: bool = Field(description="登录时须输入动态口令")
    required: bool = Field(description="按规定必须启用")
    recovery_codes_left: int


class SecondFactorSecret(BaseModel):
    """新的动态口令密钥, 只显示这一次; 用验证器应用扫描后以一个动态口令确认."""

    secret: str
    uri: str = Field(description="otpauth 地址, 供生成二维码")


class CodeConfirm(RequestBody):
    """以动态口令确认."""

    code: OneTimeCode


class RecoveryCodes(BaseModel):
    """恢复码, 只显示这一次; 每个只能用一次, 请打印保存."""

    codes: list[str]
