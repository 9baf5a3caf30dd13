"""Request and response bodies of monitored households."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.households.households.lifecycle import HouseholdState, RemovalWay
from shared.china import BankAccount, LabelledEnum, Money, Phone, RegionCode, SignedMoney
from shared.china.national_ids import PersonNumber
from shared.http import PatchBody
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class HouseholdType(LabelledEnum):
    """户类型."""

    LIFTED = "lifted", "脱贫户"
    GENERAL = "general", "一般农户"


class MonitorClass(LabelledEnum):
    """监测对象类别; 各年可用的类别由规则 households.classes 规定."""

    UNSTABLE = "unstable", "脱贫不稳定户"
    MARGINAL = "marginal", "边缘易致贫户"
    SUDDEN = "sudden", "突发严重困难户"
    AT_RISK = "at_risk", "防止返贫致贫对象"


class RiskCause(LabelledEnum):
    """致贫返贫风险."""

    ILLNESS = "illness", "因病"
    SCHOOLING = "schooling", "因学"
    DISABILITY = "disability", "因残"
    DISASTER = "disaster", "因灾"
    ACCIDENT = "accident", "因意外事故"
    INDUSTRY_FAILURE = "industry_failure", "因产业项目失败"
    UNSTABLE_JOB = "unstable_job", "因务工就业不稳"
    NO_LABOUR = "no_labour", "缺劳动力"
    EPIDEMIC = "epidemic", "因疫情"
    OTHER = "other", "其他"


class Relation(LabelledEnum):
    """与户主关系."""

    HEAD = "head", "户主"
    SPOUSE = "spouse", "配偶"
    SON = "son", "之子"
    DAUGHTER = "daughter", "之女"
    SON_IN_LAW = "son_in_law", "之女婿"
    DAUGHTER_IN_LAW = "daughter_in_law", "之儿媳"
    GRANDCHILD = "grandchild", "之孙辈"
    PARENT = "parent", "之父母"
    GRANDPARENT = "grandparent", "之祖辈"
    SIBLING = "sibling", "之兄弟姐妹"
    OTHER = "other", "其他"


class HouseholdIncome(RequestBody):
    """一年的家庭收入和支出. 纯收入 = 工资 + 生产经营收入 − 生产经营支出 + 财产 + 转移 + 理赔 − 合规自付支出."""

    wages: Money = Field(0, description="工资性收入")
    business: Money = Field(0, description="生产经营性收入")
    business_cost: Money = Field(0, description="生产经营性支出")
    property_income: Money = Field(0, description="财产性收入")
    transfer: Money = Field(0, description="转移性收入")
    compensation: Money = Field(0, description="理赔收入")
    self_paid: Money = Field(0, description="合规自付支出")

    @property
    def net(self) -> int:
        """家庭纯收入, 分."""
        earned = self.wages + self.business + self.property_income + self.transfer + self.compensation
        return earned - self.business_cost - self.self_paid


class Safeguards(RequestBody):
    """三保障和饮水; 空为没有登记."""

    education: bool | None = Field(None, description="义务教育有保障")
    medical: bool | None = Field(None, description="基本医疗有保障")
    housing: bool | None = Field(None, description="住房安全有保障")
    water: bool | None = Field(None, description="饮水安全有保障")

    @property
    def complete(self) -> bool:
        """Whether all four are there."""
        return bool(self.education and self.medical and self.housing and self.water)


class FamilyMember(RequestBody):
    """家庭成员, 按实际共同生活的人登记. 姓名和证件号加密保存."""

    name: str = Field(min_length=1, max_length=50)
    id_no: PersonNumber
    relation: Relation


class Circumstances(RequestBody):
    """入户核查的情况."""

    risks: list[RiskCause] = Field([], max_length=10, description="风险, 主要的在前")
    income: HouseholdIncome = HouseholdIncome()
    safeguards: Safeguards = Safeguards()
    no_labour: bool = Field(False, description="家中没有劳动能力")
    income_unstable: bool = Field(False, description="收入不稳定")


class HouseholdCreate(Circumstances):
    """登记入户核查的监测户 (采集表)."""

    id: UUID | None = Field(None, description="UUIDv7, 空为由系统编号")
    region: RegionCode = Field(description="所在村的区划代码")
    clue_id: UUID | None = Field(None, description="由哪条线索而来")
    number: str = Field("", max_length=40, description="国家系统户编号")
    household_type: HouseholdType
    monitor_class: MonitorClass
    members: Annotated[list[FamilyMember], Field(min_length=1, max_length=30)]
    phone: Phone | None = None
    account: BankAccount | None = Field(None, description="一卡通账号")
    verified_on: date = Field(description="入户核查日期")
    cadre: str = Field(min_length=1, max_length=64, description="帮扶责任人的账号")
    cadre_name: str = Field("", max_length=50)
    file_ids: list[UUID] = Field([], max_length=20, description="农户签字的申请及承诺授权查询书")


class HouseholdChange(PatchBody):
    """重新核查: 修改收入、保障、风险, 补附件; 未给出的不改."""

    number: str | None = Field(None, max_length=40)
    household_type: HouseholdType | None = None
    monitor_class: MonitorClass | None = None
    risks: list[RiskCause] | None = Field(None, max_length=10)
    income: HouseholdIncome | None = None
    safeguards: Safeguards | None = None
    no_labour: bool | None = None
    income_unstable: bool | None = None
    file_ids: list[UUID] | None = Field(None, max_length=20)


class CadreAssign(RequestBody):
    """指定帮扶责任人."""

    cadre: str = Field(min_length=1, max_length=64, description="帮扶责任人的账号")
    cadre_name: str = Field("", max_length=50)


class HouseholdRead(BaseModel):
    """监测户; 户主姓名隐去, 成员、收入、风险只在档案里."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    head_masked: str
    size: int = Field(description="人数")
    household_type: HouseholdType
    monitor_class: MonitorClass
    cadre: str
    cadre_name: str
    verified_on: date
    identified_on: date | None
    removed_on: date | None
    removal_way: RemovalWay | None
    due_on: date | None = Field(description="县级审定的最后一天")
    faults: list[str] = Field(description="没有通过的数据校验")
    state: HouseholdState
    state_since: datetime
    created_at: datetime


class HouseholdDetail(HouseholdRead):
    """监测户和可办事项."""

    clue_id: UUID | None
    compared_on: date | None
    met_on: date | None
    attended: int | None
    agreed: int | None
    available_actions: list[AvailableAction]


class FamilyMemberRead(BaseModel):
    """家庭成员, 未隐去."""

    name: str
    id_no: str
    relation: Relation


class HouseholdFile(BaseModel):
    """监测户档案, 未隐去; 每次查阅都有记录."""

    household_id: UUID
    number: str
    members: list[FamilyMemberRead]
    phone: str
    account: str
    risks: list[RiskCause]
    income: HouseholdIncome
    net: SignedMoney = Field(description="家庭纯收入")
    per_head: SignedMoney = Field(description="家庭人均纯收入")
    line: Money = Field(description="今天的监测范围, 元/人·年")
    safeguards: Safeguards
    no_labour: bool
    income_unstable: bool
    comparison: str
    file_ids: list[str]
    income_after: HouseholdIncome | None = Field(description="风险消除后的收入")
    safeguards_after: Safeguards | None = Field(description="风险消除后的保障")


class HouseholdTransitionRequest(TransitionRequest):
    """办理监测户."""

    comparison: str = Field("", max_length=2000, description="比对部门和结果")
    clean: bool | None = Field(None, description="比对没有疑点")
    met_on: date | None = Field(None, description="评议日期")
    attended: int | None = Field(None, ge=0, le=10_000, description="到会人数")
    agreed: int | None = Field(None, ge=0, le=10_000, description="同意人数")
    way: RemovalWay | None = Field(None, description="风险消除方式")


class PersonsAsked(RequestBody):
    """哪些人是监测户成员: 证件号的盲索引."""

    marks: list[Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]] = Field(min_length=1, max_length=1000)


class PersonsKnown(BaseModel):
    """其中的监测户成员; 不说明类别和原因."""

    marks: list[str]


class ClassCount(BaseModel):
    """一类监测对象."""

    monitor_class: MonitorClass
    label: str
    households: int
    people: int


class HouseholdSummary(BaseModel):
    """防返贫监测合计, 没有任何户的信息."""

    region: str
    year: int | None
    households: int = Field(description="已识别的监测户")
    people: int = Field(description="已识别的人数")
    under_way: int = Field(description="正在识别")
    monitored: int = Field(description="监测帮扶中")
    removed: int = Field(description="风险已消除")
    removed_percent: str = Field(description="风险消除比例, %")
    removed_percent_of_towns: str | None = Field(description="各乡镇风险消除比例的平均值, %; 县级才有")
    late: int = Field(description="逾期未审定")
    without_measure: int = Field(description="监测帮扶中而没有措施")
    faulty: int = Field(description="数据校验不通过")
    by_state: dict[HouseholdState, int]
    by_class: list[ClassCount]
