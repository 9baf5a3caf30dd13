"""Request and response bodies of requests about personal data."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import Phone, RegionCode
from shared.china.national_ids import PersonNumber
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.person_requests.lifecycle import ErasureBasis, PersonRequestKind, PersonRequestState
from shared.request_body import RequestBody


class PersonRequestBody(RequestBody):
    """What every request about personal data says. 身份核验后由经办人登记; 姓名加密保存, 办结时删除."""

    id: UUID | None = None
    kind: PersonRequestKind
    name: str = Field(min_length=1, max_length=50, description="姓名")
    basis: ErasureBasis | None = Field(None, description="删除的情形(个人信息保护法第四十七条), 其他请求不填")
    document: str = Field(min_length=2, max_length=200, description="申请书或保全文书的编号")
    received_on: date | None = Field(None, description="收到请求的日期, 空为今天")


class PersonRequestCreate(PersonRequestBody):
    """登记个人信息请求. 身份核验后由经办人登记; 姓名、电话加密保存, 办结时删除."""

    region: RegionCode = Field(description="在哪个区划内查找; 没有证件号码和电话的, 须为所在村")
    id_no: PersonNumber | None = Field(None, description="证件号码; 只保存盲索引")
    phone: Phone | None = None


class PersonRequestRead(BaseModel):
    """个人信息请求; 姓名隐去, 办结后不再有."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    kind: PersonRequestKind
    name_masked: str
    basis: ErasureBasis | None
    document: str
    received_on: date
    due_on: date | None = Field(description="答复的最后一天; 保全没有")
    state: PersonRequestState
    state_since: datetime
    held_by: str = Field(description="决定保全的人")
    decided_by: str = Field(description="办结的人")
    outcome: list[dict[str, Any]] = Field(description="删除的结果: 种类、删除条数、保留条数和依据")
    created_by: str
    created_at: datetime


class PersonRequestDetail(PersonRequestRead):
    """个人信息请求和可办事项."""

    available_actions: list[AvailableAction]


class PersonRequestMove(TransitionRequest):
    """办理个人信息请求."""


class PersonReading(RequestBody):
    """查阅: 写明为什么."""

    purpose: str = Field(min_length=2, max_length=200, description="查阅事由")


class PersonRowRead(BaseModel):
    """一条关于此人的记录; 别人的姓名不在其中."""

    label: str
    id: str
    values: dict[str, Any] = Field(description="字段和内容")
    withheld: list[str] = Field(description="有内容、可能提到他人而没有给出的字段")
    files: list[str] = Field(description="所附文件的编号")
    kept: str = Field(description="现在删除不了的原因, 空为可以删除")


class PersonData(BaseModel):
    """本服务保存的某人的个人信息; 每次查阅都有记录."""

    service: str
    rows: list[PersonRowRead]
