"""Models of this service's dated rules, which a district may set, and the functions that load them."""

from collections.abc import Callable
from datetime import time
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from services.attendance.fields import Day
from shared.auth import Grant, Role
from shared.china import CalendarChanges, LabelledEnum
from shared.rules import Rule
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


class _RuleModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CheckInSwitches(_RuleModel):
    """打卡功能开关 (attendance.md E.6): each function by itself. All evidence off means reports and spot checks only."""

    own_check_in: bool
    imports: bool = True
    spot_checks: bool = True
    photo: Literal["off", "optional"]
    coarse_after_days: int = Field(180, ge=1, le=3650)
    record_keeping_no: str = Field("", max_length=100)

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


class CheckInLimits(_RuleModel):
    """打卡证据的判定界限: minutes, hours, days, metres."""

    clock_minutes: int = Field(ge=1, le=1440)
    fix_minutes: int = Field(ge=1, le=1440)
    late_hours: int = Field(ge=1, le=10_000)
    refused_after_days: int = Field(ge=1, le=3650)
    day_starts_hour: int = Field(ge=0, le=12)
    precise_m: float = Field(ge=0, le=100)
    unstated_m: float = Field(100, ge=0, le=10_000)


class TimeWindow(_RuleModel):
    """Time of day from `start` to `end`, Asia/Shanghai."""

    start: time
    end: time

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.end <= self.start:
            raise ValueError("时段的结束须晚于开始")
        return self


class LeaveRule(_RuleModel):
    """请假天数对应的审批链: the first entry whose `most_days` covers the leave applies."""

    most_days: int | None = Field(None, ge=1, le=366, description="空为不限")
    chain: tuple[Approver, ...] = Field(min_length=1, max_length=5)
    tell: tuple[str, ...] = ()


class PresenceRules(_RuleModel):
    """驻村考勤规则: one district's way of counting."""

    period: Literal["month", "year"]
    least_days: int = Field(ge=0, le=366)
    unit: Literal["day", "half_day"] = "day"
    sign_ins: Literal[1, 2] = 1
    morning: TimeWindow | None = None
    evening: TimeWindow | None = None
    radius_m: int = Field(500, ge=10, le=50_000)
    counts_as_present: tuple[ErrandKind, ...] = ()
    night_duty_counts: bool = False
    leave: tuple[LeaveRule, ...] = Field(min_length=1, max_length=10)
    leave_days: Literal["calendar", "working"] = "calendar"
    leave_most_once: int | None = Field(None, ge=1, le=366)
    leave_most_year: int | None = Field(None, ge=1, le=366)
    late_days: int = Field(ge=0, le=365)
    make_ups_a_month: int = Field(3, ge=0, le=31)
    note: str = Field("", max_length=500)

    @model_validator(mode="after")
    def _check_leave_matrix(self) -> Self:
        if self.leave[-1].most_days is not None:
            raise ValueError("最后一级请假规则须不限天数")
        if self.sign_ins == 2 and (self.morning is None or self.evening is None):  # noqa: PLR2004 - two sign-ins
            raise ValueError("每天两次打卡须写明早晚时段")
        return self


class TeamRequirements(_RuleModel):
    """选派要求."""

    least_members: int = Field(ge=1, le=20)
    least_term_days: int = Field(ge=1, le=3650)


class FenceFixLimits(_RuleModel):
    """“以我现在的位置设围栏”: how exact the fix must be, metres and minutes."""

    accuracy_m: float = Field(gt=0, le=1000)
    fix_minutes: int = Field(ge=1, le=1440)


class AnomalyThresholds(_RuleModel):
    """疑点的界限: what is odd enough for a person to look at."""

    same_place_days: int = Field(ge=2, le=60, description="几天的坐标完全相同")
    network_m: float = Field(200, gt=0, le=10_000, description="精度差于此的是基站定位, 坐标相同属正常")
    still_days: int = Field(6, ge=2, le=60, description="几天的坐标几乎相同, 只差半米以内")
    speed_kmh: float = Field(gt=10, le=2000)
    speed_least_km: float = Field(gt=0, le=1000)
    precise_m: float = Field(gt=0, le=100)
    precise_days: int = Field(ge=2, le=60)
    device_hours: int = Field(ge=1, le=168)
    same_second_days: int = Field(ge=2, le=60)
    look_back_days: int = Field(ge=1, le=60)


class DeviceRules(_RuleModel):
    """常用手机."""

    most: int = Field(ge=1, le=5)


class SpotCheckRules(_RuleModel):
    """抽查."""

    window_minutes: int = Field(ge=5, le=1440)
    most_drawn: int = Field(ge=1, le=1000)


class CalendarChange(_RuleModel):
    """一天的调休或放假, in the words of the public lists (holiday-cn)."""

    date: Day
    name: str = Field("", max_length=50)
    isOffDay: StrictBool = Field(description="true 放假, false 上班")  # noqa: N815 - the lists' own name


class CalendarChangeList(_RuleModel):
    """一份调休与放假名单; with `year` it is that year's complete list."""

    year: int | None = Field(None, ge=2000, le=2100)
    days: tuple[CalendarChange, ...] = Field(max_length=400)


RULE_MODELS: dict[str, Any] = {
    "check_in.switches": CheckInSwitches,
    "check_in.limits": CheckInLimits,
    "presence.rules": PresenceRules,
    "presence.evidence": AnomalyThresholds,
    "presence.devices": DeviceRules,
    "presence.spot_checks": SpotCheckRules,
    "team.requirements": TeamRequirements,
    "post.standpoint": FenceFixLimits,
    "calendar.changes": list[CalendarChangeList],
}

RuleModel = TypeVar("RuleModel", bound=BaseModel)
ParsedRule = TypeVar("ParsedRule")


async def load_rule(
    work: UnitOfWork,
    key: str,
    model: type[RuleModel],
    region: str = "",
    **when: Any,  # noqa: ANN401 - `on`, as UnitOfWork.get_rule takes it
) -> tuple[RuleModel, Rule]:
    """Returns the rule in force in a region, parsed as `model`, and the Rule itself (for its `ref`)."""
    rule = await work.get_rule(key, region=region or None, **when)
    return _parse_rule(work, rule, model.model_validate), rule


async def load_calendar(work: UnitOfWork, region: str = "") -> CalendarChanges:
    """Returns the district's calendar changes, which apply over the national calendar."""
    return _parse_rule(
        work, await work.get_rule("calendar.changes", region=region or None), CalendarChanges.from_json
    )


def _parse_rule(work: UnitOfWork, rule: Rule, parse: Callable[[Any], ParsedRule]) -> ParsedRule:
    """Returns the parsed value; cached by `rule.ref`, because a version of a rule never changes."""
    parsed: dict[str, ParsedRule] = work.context.memory.setdefault("parsed_rules", {})
    value = parsed.get(rule.ref)
    if value is None:
        value = parsed[rule.ref] = parse(rule.value)
    return value
