"""Code sets and schemas of notices and objections."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.china import LabelledEnum
from shared.notices.layout import NoticePage
from shared.request_body import RequestBody


class NoticeLevel(LabelledEnum):
    """公示层级."""

    VILLAGE = "village", "村级公示"
    TOWN = "town", "镇级公示"
    DISTRICT = "district", "县级公示"
    COMPLETION = "completion", "竣工公示"
    ALLOCATION = "allocation", "资金分配公示"
    OWNERSHIP = "rights", "确权公示"
    DISTRIBUTION = "distribution", "收益分配公示"
    DISPOSAL = "disposal", "处置公示"
    CHANGE = "change", "变更公示"
    MONITORING = "monitoring", "监测对象公示"
    REMOVAL = "removal", "风险消除公示"


class NoticeProgress(LabelledEnum):
    """公示进展."""

    NONE = "none", "未公示"
    RUNNING = "running", "公示中"
    OBJECTED = "objected", "有未处理异议"
    UPHELD = "upheld", "异议成立"
    OVER = "over", "公示期满"


class ObjectionChannel(LabelledEnum):
    """异议渠道."""

    VISIT = "visit", "来访"
    PHONE = "phone", "电话"
    LETTER = "letter", "书面"
    ONLINE = "online", "线上"


class NoticePost(RequestBody):
    """发布公示. A past notice is entered with its real first day and a photo as evidence."""

    id: UUID | None = Field(None, description="UUIDv7 made by the phone; the server makes one when absent")
    level: NoticeLevel
    title: str = Field("", max_length=300, description="空则按记录名称生成")
    places: list[str] = Field(min_length=1, max_length=50, description="公示地点: 公示栏、网站")
    starts_on: date
    ends_on: date | None = Field(None, description="空则按规定的最短天数")
    hotline: str = Field(
        "", max_length=100, description="监督电话", json_schema_extra={"x-declared-number": True}
    )
    photo: str = Field("", max_length=64, description="公示栏照片或公示文件的文件编号; 补录的公示必填")
    remark: str = Field("", max_length=2000, description="公示正文的补充说明; 不得含身份证号、电话、银行卡号")


class NoticeWithdraw(RequestBody):
    """撤回公示."""

    reason: str = Field(min_length=2, max_length=2000)


class ObjectionPost(RequestBody):
    """登记异议."""

    id: UUID | None = None
    text: str = Field(min_length=2, max_length=4000, description="异议内容")
    channel: ObjectionChannel = ObjectionChannel.ONLINE
    raised_at: AwareDatetime | None = Field(None, description="空为现在; 补录时填写")


class PublicObjectionPost(RequestBody):
    """公众提出异议, 不需要登录; 不收姓名和电话."""

    id: UUID | None = Field(None, description="UUIDv7, 重复提交时认出是同一件; 空则由系统编号")
    text: str = Field(min_length=4, max_length=500, description="您的意见: 是什么事, 在哪里")


class ObjectionReceipt(BaseModel):
    """异议回执: what its writer may know, found by the number."""

    number: str = Field(description="回执编号, 凭此查询答复")
    service: str
    notice_id: UUID
    notice_title: str
    text: str
    raised_at: datetime
    answered_at: datetime | None
    answer: str
    upheld: bool | None = Field(description="异议是否成立; 未答复时为空")


class ObjectionAnswer(RequestBody):
    """答复异议: `upheld` means the objection is justified and the notice is void."""

    answer: str = Field(min_length=2, max_length=4000)
    upheld: bool = Field(description="异议成立的, 这份公示作废")


class ObjectionRead(BaseModel):
    """一条异议及其答复."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    text: str
    channel: ObjectionChannel
    raised_at: datetime
    answer: str
    upheld: bool | None
    answered_at: datetime | None


class NoticeRead(BaseModel):
    """一次公示."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    subject_kind: str
    subject: str
    region: str
    level: NoticeLevel
    level_label: str
    title: str
    content: dict[str, Any]
    places: list[str]
    hotline: str
    starts_on: date
    ends_on: date
    photo: str
    standing: NoticeProgress
    posted_at: datetime
    entered_afterwards: bool = Field(description="补录: 首日之后才录入")
    withdrawn_at: datetime | None
    withdrawn_reason: str
    rule_version: str
    version: int
    objections: list[ObjectionRead] = []


class PublicNotice(BaseModel):
    """公示 for the public: without names of officers and texts of objections."""

    id: UUID
    service: str
    subject_kind: str
    subject: str
    region: str
    level: NoticeLevel
    level_label: str
    title: str
    content: dict[str, Any]
    places: list[str]
    hotline: str
    starts_on: date
    ends_on: date
    standing: NoticeProgress
    entered_afterwards: bool = Field(description="补录: 首日之后才录入")


class PublicNoticeDetail(PublicNotice):
    """公示全文: with its layout."""

    page: NoticePage


def count_days(starts_on: date, ends_on: date) -> int:
    """Number of days of a notice, first and last included."""
    return (ends_on - starts_on) // timedelta(days=1) + 1
