"""Models of this service's dated rules, which a district may set, and the functions that load them."""

from datetime import time
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StrictBool, model_validator

from services.attendance.fields import Day
from shared.auth import Grant, Role
from shared.china import CalendarChanges, LabelledEnum
from shared.person_requests.rules import PERSON_REQUEST_DAYS
from shared.records.table_imports import declare_heads
from shared.rules import Label, RuleKey, RuleValue
from shared.unit_of_work import UnitOfWork


class Approver(LabelledEnum):
    """审批环节."""

    VILLAGE = "village", "村党支部"
    TOWN = "town", "乡镇党委"
    COUNTY = "county", "县委组织部"


STEP_BY_ROLE = {
    Role.VILLAGE_CLERK: Approver.VILLAGE,
    Role.TOWN_OFFICER: Approver.TOWN,
    Role.BUREAU: Approver.COUNTY,
}
"""Approval step of a leave by role; that of a leader depends on the grant's region."""
TOWN_PART = slice(6, 9)
"""Digits of a region code that name the township."""


def get_approval_step(grant: Grant) -> Approver | None:
    """Returns the step that a grant takes: a leader of a town takes the town's step, one of the county the county's."""
    if grant.role is Role.LEADER:
        return Approver.TOWN if grant.region[TOWN_PART].strip("0") else Approver.COUNTY
    return STEP_BY_ROLE.get(grant.role)


class ErrandKind(LabelledEnum):
    """公出类别."""

    MEETING = "meeting", "参加会议"
    TRAINING = "training", "参加培训"
    COORDINATION = "coordination", "协调项目、争取资金"
    DOCUMENTS = "documents", "代办手续"
    OTHER = "other", "其他公务"


class LeaveKind(LabelledEnum):
    """假别."""

    PERSONAL = "personal", "事假"
    SICK = "sick", "病假"
    ANNUAL = "annual", "年休假"
    MARRIAGE = "marriage", "婚假"
    MATERNITY = "maternity", "产假、护理假"
    BEREAVEMENT = "bereavement", "丧假"
    HOME = "home", "探亲假"
    OTHER = "other", "其他"


class CheckInSwitches(RuleValue):
    """打卡功能开关 (attendance.md E.6): each function by itself. All evidence off means reports and spot checks only."""

    own_check_in: bool = Field(title="本系统打卡")
    imports: bool = Field(True, title="导入钉钉、企业微信考勤")
    spot_checks: bool = Field(True, title="抽查")
    photo: Literal["off", "optional"] = Field(title="打卡照片")
    coarse_after_days: int = Field(180, ge=1, le=3650, title="多少天后模糊定位")
    record_keeping_no: str = Field("", max_length=100, title="备案号")

    @property
    def report_only(self) -> bool:
        """True if presence follows from reports, duty and spot checks alone, without check-ins or imports."""
        return not (self.own_check_in or self.imports)

    @property
    def switched_off_message(self) -> str:
        """Message for a person who checks in where own check-in is switched off."""
        if self.imports:
            return "本地未开通本系统打卡, 请在钉钉或企业微信打卡, 考勤由系统导入"
        return "本地不打卡, 离村请报备, 在岗以值班与抽查为准"


class CheckInLimits(RuleValue):
    """打卡证据的判定界限: minutes, hours, days, metres."""

    clock_minutes: int = Field(ge=1, le=1440, title="手机时钟误差(分钟)")
    fix_minutes: int = Field(ge=1, le=1440, title="定位时效(分钟)")
    late_hours: int = Field(ge=1, le=10_000, title="补传时限(小时)")
    refused_after_days: int = Field(ge=1, le=3650, title="多少天后拒收")
    day_starts_hour: int = Field(ge=0, le=12, title="一天从几时起")
    precise_m: float = Field(ge=0, le=100, title="过于精确的定位(米)")
    unstated_m: float = Field(100, ge=0, le=10_000, title="未报精度按多少米计")
    most_a_day: int = Field(50, ge=10, le=200, title="一人一天最多打卡次数")


class TimeWindow(RuleValue):
    """Time of day from `start` to `end`, Asia/Shanghai."""

    start: time = Field(title="开始")
    end: time = Field(title="结束")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.end <= self.start:
            raise ValueError("时段的结束须晚于开始")
        return self


class LeaveRule(RuleValue):
    """请假天数对应的审批链: the first entry whose `most_days` covers the leave applies."""

    most_days: int | None = Field(None, ge=1, le=366, description="空为不限", title="不超过多少天")
    chain: tuple[Approver, ...] = Field(min_length=1, max_length=5, title="审批链")
    tell: tuple[Label, ...] = Field((), max_length=10, title="抄告")


class LeaveQuota(RuleValue):
    """一种假一年的天数; a person's own entitlement stands before it."""

    kind: LeaveKind = Field(title="假别")
    days: int = Field(ge=0, le=366, title="一年天数")


class PresenceRules(RuleValue):
    """驻村考勤规则: one district's way of counting."""

    period: Literal["month", "year"] = Field(title="考核周期")
    least_days: int = Field(ge=0, le=366, title="最少驻村天数")
    days_counted: Literal["calendar", "working"] = Field(
        "calendar",
        title="规定天数按日历日或工作日",
        description="working: 当月工作日少于规定天数时, 工作日全部在岗即为达到",
    )
    unit: Literal["day", "half_day"] = Field("day", title="计算单位")
    sign_ins: Literal[1, 2] = Field(1, title="每天打卡次数")
    morning: TimeWindow | None = Field(None, title="早打卡时段")
    evening: TimeWindow | None = Field(None, title="晚打卡时段")
    radius_m: int = Field(500, ge=10, le=50_000, title="打卡半径(米)")
    counts_as_present: tuple[ErrandKind, ...] = Field((), max_length=20, title="算在岗的公出")
    night_duty_counts: bool = Field(False, title="夜间值班算在岗")
    duty_grace_minutes: int = Field(30, ge=0, le=180, title="值班前后多少分钟内的打卡也算")
    leave: tuple[LeaveRule, ...] = Field(min_length=1, max_length=10, title="请假审批")
    leave_days: Literal["calendar", "working"] = Field("calendar", title="请假按日历日或工作日")
    working_day_leave: tuple[LeaveKind, ...] = Field(
        (LeaveKind.ANNUAL,),
        max_length=10,
        title="休息日与法定节假日不计入的假别",
        description="《职工带薪年休假条例》第三条: 国家法定休假日、休息日不计入年休假的假期",
    )
    leave_quotas: tuple[LeaveQuota, ...] = Field((), max_length=10, title="各种假一年的天数")
    leave_late_days: int = Field(30, ge=0, le=365, title="事后补假期限(天)")
    leave_most_once: int | None = Field(None, ge=1, le=366, title="一次最多请假天数")
    leave_most_year: int | None = Field(None, ge=1, le=366, title="一年最多请假天数")
    late_days: int = Field(ge=0, le=365, title="补报期限(天)")
    make_ups_a_month: int = Field(3, ge=0, le=31, title="每月补卡次数")
    note: str = Field("", max_length=500, title="说明")

    @model_validator(mode="after")
    def _check_leave_matrix(self) -> Self:
        if self.leave[-1].most_days is not None:
            raise ValueError("最后一级请假规则须不限天数")
        if len({quota.kind for quota in self.leave_quotas}) < len(self.leave_quotas):
            raise ValueError("一种假只能有一个年度天数")
        if self.sign_ins == 2 and (self.morning is None or self.evening is None):  # noqa: PLR2004 - two sign-ins
            raise ValueError("每天两次打卡须写明早晚时段")
        return self

    def counts_working_days(self, kind: LeaveKind) -> bool:
        """True if rest days and public holidays are no days of this leave."""
        return self.leave_days == "working" or kind in self.working_day_leave


class TeamRequirements(RuleValue):
    """选派要求."""

    least_members: int = Field(ge=1, le=20, title="最少队员数")
    least_term_days: int = Field(ge=1, le=3650, title="最短任期(天)")


class FenceFixLimits(RuleValue):
    """“以我现在的位置设围栏”: how exact the fix must be, metres and minutes."""

    accuracy_m: float = Field(gt=0, le=1000, title="定位误差上限(米)")
    fix_minutes: int = Field(ge=1, le=1440, title="定位时效(分钟)")


class AnomalyThresholds(RuleValue):
    """疑点的界限: what is odd enough for a person to look at."""

    same_place_days: int = Field(ge=2, le=60, description="几天的坐标完全相同", title="坐标完全相同的天数")
    network_m: float = Field(
        200, gt=0, le=10_000, description="精度差于此的是基站定位, 坐标相同属正常", title="基站定位精度(米)"
    )
    still_days: int = Field(
        6, ge=2, le=60, description="几天的坐标几乎相同, 只差半米以内", title="坐标几乎相同的天数"
    )
    speed_kmh: float = Field(gt=10, le=2000, title="移动速度(公里/小时)")
    speed_least_km: float = Field(gt=0, le=1000, title="计速的最短距离(公里)")
    precise_m: float = Field(gt=0, le=100, title="过于精确的定位(米)")
    precise_days: int = Field(ge=2, le=60, title="过于精确的天数")
    device_hours: int = Field(ge=1, le=168, title="换手机的小时数")
    same_second_days: int = Field(ge=2, le=60, title="同一秒打卡的天数")
    look_back_days: int = Field(ge=1, le=60, title="回看天数")


class DeviceRules(RuleValue):
    """常用手机."""

    most: int = Field(ge=1, le=5, title="最多台数")


class SpotCheckRules(RuleValue):
    """抽查."""

    window_minutes: int = Field(ge=5, le=1440, title="应答时限(分钟)")
    most_drawn: int = Field(ge=1, le=1000, title="一次最多抽取人数")


class ComplaintLimits(RuleValue):
    """不登录投诉的次数限制."""

    per_sender_hour: Annotated[int, Field(ge=1, le=100)] = Field(title="每个来源每小时次数")
    per_district_day: Annotated[int, Field(ge=10, le=10_000)] = Field(title="全县每天次数")


class CalendarChange(RuleValue):
    """一天的调休或放假, in the words of the public lists (holiday-cn)."""

    date: Day = Field(title="日期")
    name: str = Field("", max_length=50, title="名称")
    isOffDay: StrictBool = Field(description="true 放假, false 上班", title="放假")  # noqa: N815 - the lists' own name


class CalendarChangeList(RuleValue):
    """一份调休与放假名单; with `year` it is that year's complete list."""

    year: int | None = Field(None, ge=2000, le=2100, title="年份")
    days: tuple[CalendarChange, ...] = Field(max_length=400, title="日期列表")


def _build_calendar(lists: tuple[CalendarChangeList, ...]) -> CalendarChanges:
    return CalendarChanges.from_json(one.model_dump(mode="json", exclude_none=True) for one in lists)


CHECK_IN_SWITCHES = RuleKey[CheckInSwitches]("check_in.switches", CheckInSwitches)
CHECK_IN_LIMITS = RuleKey[CheckInLimits]("check_in.limits", CheckInLimits)
PRESENCE_RULES = RuleKey[PresenceRules]("presence.rules", PresenceRules)
ANOMALY_THRESHOLDS = RuleKey[AnomalyThresholds]("presence.evidence", AnomalyThresholds)
DEVICE_RULES = RuleKey[DeviceRules]("presence.devices", DeviceRules)
SPOT_CHECK_RULES = RuleKey[SpotCheckRules]("presence.spot_checks", SpotCheckRules)
TEAM_REQUIREMENTS = RuleKey[TeamRequirements]("team.requirements", TeamRequirements)
FENCE_FIX_LIMITS = RuleKey[FenceFixLimits]("post.standpoint", FenceFixLimits)
COMPLAINT_LIMITS = RuleKey[ComplaintLimits]("complaint.limits", ComplaintLimits)
CALENDAR_CHANGES = RuleKey[CalendarChanges](
    "calendar.changes",
    Annotated[
        tuple[CalendarChangeList, ...],
        Field(title="调休与放假名单", max_length=50),
        AfterValidator(_build_calendar),
    ],
)

CHECK_IN_HEADS = declare_heads("check_ins")
MONTH_SIGN_HEADS = declare_heads("month_signs")
DEED_HEADS = declare_heads("deeds")
GROUP_HEADS = declare_heads("groups")
RULES: tuple[RuleKey[Any], ...] = (
    PERSON_REQUEST_DAYS,
    CHECK_IN_HEADS,
    MONTH_SIGN_HEADS,
    DEED_HEADS,
    GROUP_HEADS,
    CHECK_IN_SWITCHES,
    CHECK_IN_LIMITS,
    PRESENCE_RULES,
    ANOMALY_THRESHOLDS,
    DEVICE_RULES,
    SPOT_CHECK_RULES,
    TEAM_REQUIREMENTS,
    FENCE_FIX_LIMITS,
    COMPLAINT_LIMITS,
    CALENDAR_CHANGES,
)
"""The registry of the rules above."""


async def load_calendar(work: UnitOfWork, region: str = "") -> CalendarChanges:
    """Returns the district's calendar changes, which apply over the national calendar."""
    return (await work.get_rule(CALENDAR_CHANGES, region=region)).value
