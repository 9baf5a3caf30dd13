"""Check-in requests, results and code sets."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Discriminator, Field, Tag

from shared.china import FencePosition, Fix, LabelledEnum, VisibleText
from shared.errors import FieldErrorRead
from shared.request_body import RequestBody

MAX_BATCH_ITEMS = 500
MAX_BATCH_BYTES = 1024 * 1024
"""Body limit in bytes of a batch."""


class Kind(LabelledEnum):
    """打卡类型. The names are DingTalk's checkType, so that its software reads ours."""

    ON_DUTY = "OnDuty", "到岗"
    OFF_DUTY = "OffDuty", "离岗"


class CheckInSource(LabelledEnum):
    """记录来源. The names are DingTalk's sourceType."""

    USER = "USER", "本人打卡"
    BOSS = "BOSS", "管理员更正"
    SYSTEM = "SYSTEM", "系统导入"


class Result(LabelledEnum):
    """处理结果."""

    APPLIED = "applied", "已记录"
    DUPLICATE = "duplicate", "重复提交"
    HELD = "held", "已记录, 待复核"
    REFUSED = "refused", "未接受"


class Flag(LabelledEnum):
    """疑点: for a person to look at; nobody is punished by a machine."""

    MOCK = "mock", "手机报告为模拟定位"
    CLOCK = "clock", "手机时间与服务器相差较大"
    OLD_FIX = "old_fix", "定位时间早于打卡时间较多"
    LATE = "late", "补传时间较晚"
    NO_POST = "no_post", "当日没有派驻点"
    NO_FIX = "no_fix", "没有定位"
    PRECISE = "precise", "定位精度不合常理"


class CheckInPost(RequestBody):
    """打卡: made on the phone, perhaps without signal, and sent when there is some."""

    id: UUID = Field(description="UUIDv7, 手机生成; 重复提交同一条不会重复记录")
    kind: Kind = Kind.ON_DUTY
    taken_at: AwareDatetime = Field(description="手机上的打卡时间")
    fix: Fix | None = Field(None, description="定位; 没有信号时可不带")
    sent_at: AwareDatetime | None = Field(None, description="发送时手机上的时间, 用来发现手机时钟不准")
    mock: bool | None = Field(None, description="手机是否报告模拟定位; 空为不知道")
    device: VisibleText = Field("", max_length=64, description="手机标识")
    photo: VisibleText = Field("", max_length=64, description="照片的文件编号, 可不带")
    remark: VisibleText = Field("", max_length=500, description="说明")


class CheckInBatch(RequestBody):
    """一批打卡: each item is judged by itself; a bad one does not hold up the others."""

    items: list[Any] = Field(min_length=1, max_length=MAX_BATCH_ITEMS, description="每项同单条打卡")


def _get_body_tag(sent: Any) -> str:  # noqa: ANN401 - whatever came
    return (
        "Batch" if isinstance(sent, CheckInBatch) or (isinstance(sent, dict) and "items" in sent) else "One"
    )


CheckInBody = Annotated[
    Annotated[CheckInBatch, Tag("Batch")] | Annotated[CheckInPost, Tag("One")], Discriminator(_get_body_tag)
]
"""A single check-in or a batch, told apart by `items`, so that errors name the fields of the form that was sent."""


class CheckInResult(BaseModel):
    """一条打卡的结果."""

    id: str
    result: Result
    result_label: str
    words: str = Field(description="用一句话说明结果")
    work_date: date | None = Field(None, description="记在哪一天")
    verdict: FencePosition | None = None
    post_id: UUID | None = None
    post_name: str = ""
    distance_m: float | None = Field(None, description="到围栏的距离, 米; 围栏内为 0")
    margin_m: float | None = Field(None, description="定位误差圈离围栏边界的余量, 米; 负值为压线")
    flags: list[Flag] = []
    errors: list[FieldErrorRead] = []


class CheckInAnswer(BaseModel):
    """打卡结果, in the order sent."""

    items: list[CheckInResult]


class CheckInPlace(BaseModel):
    """打卡的位置: as stored, and as the phone sent it."""

    lon: float
    lat: float
    datum: str = Field("wgs84", description="lon、lat 的坐标系")
    coarse: bool = Field(description="已按保存期限模糊到约 1 公里")
    fix: dict[str, Any] = Field(description="手机发来的定位; 模糊后为空")


class CheckInRead(BaseModel):
    """一条打卡记录."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person: str
    sent_by: str
    region: str
    kind: Kind
    source: CheckInSource
    work_date: date
    taken_at: datetime = Field(description="打卡时间; 手机时钟不准的已按服务器校正")
    phone_taken_at: datetime | None = Field(None, description="校正前手机上的时间")
    received_at: datetime
    post_id: UUID | None
    verdict: FencePosition | None
    distance_m: float | None
    margin_m: float | None
    accuracy_m: float | None
    flags: list[Flag]
    result: Result
    remark: str
    photo: str
    version: int


class CheckInDetail(CheckInRead):
    """一条打卡记录与位置. The place is for the person and those who review; others read none."""

    place: CheckInPlace | None = Field(description="位置; 只对本人与复核人员")
