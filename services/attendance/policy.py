"""The shapes of this service's dated rules: what a district may set, and what a value must look like."""

from collections.abc import Callable
from datetime import time
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from services.attendance.fields import Day
from shared.labels import Labelled
from shared.permissions import Role
from shared.rules import Rule
from shared.work import Work
from shared.workdays import Changes


class Approver(Labelled):
    """审批环节."""

    VILLAGE = "village", "村党支部"
    TOWN = "town", "乡镇党委"
    COUNTY = "county", "县委组织部"


STEPS = {
    Role.VILLAGE_CLERK: Approver.VILLAGE,
    Role.TOWN_OFFICER: Approver.TOWN,
    Role.BUREAU: Approver.COUNTY,
    Role.LEADER: Approver.COUNTY,
}
"""Which step of a chain a role takes."""


class ErrandKind(Labelled):
    """公出类别."""

    MEETING = "meeting", "参加会议"
    TRAINING = "training", "参加培训"
    COORDINATION = "coordination", "协调项目、争取资金"
    DOCUMENTS = "documents", "代办手续"
    OTHER = "other", "其他公务"


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Switches(_Value):
    """打卡功能开关 (attendance.md E.6): each function by itself. All evidence off means reports and spot checks only."""

    own_check_in: bool
    imports: bool = True
    spot_checks: bool = True
    photo: Literal["off", "optional"]
    coarse_after_days: int = Field(180, ge=1, le=3650)
    record_keeping_no: str = Field("", max_length=100)

    @property
    def by_report(self) -> bool:
        """Whether presence is reckoned from reports, duty and spot checks, without any punching."""
        return not (self.own_check_in or self.imports)

    @property
    def instead(self) -> str:
        """What somebody hears who checks in where that is switched off."""
        if self.imports:
            return "本地未开通本系统打卡, 请在钉钉或企业微信打卡, 考勤由系统导入"
        return "本地不打卡, 离村请报备, 在岗以值班与抽查为准"


class Limits(_Value):
    """打卡证据的判定界限: minutes, hours, days, metres."""

    clock_minutes: int = Field(ge=1, le=1440)
    fix_minutes: int = Field(ge=1, le=1440)
    late_hours: int = Field(ge=1, le=10_000)
    refused_after_days: int = Field(ge=1, le=3650)
    day_starts_hour: int = Field(ge=0, le=12)
    precise_m: float = Field(ge=0, le=100)
    unstated_m: float = Field(100, ge=0, le=10_000)


class Window(_Value):
    """From and to, Asia/Shanghai."""

    start: time
    end: time

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.start:
            raise ValueError("时段的结束须晚于开始")
        return self


class LeaveRule(_Value):
    """请假天数对应的审批链: the first whose `most_days` covers the leave applies."""

    most_days: int | None = Field(None, ge=1, le=366, description="空为不限")
    chain: tuple[Approver, ...] = Field(min_length=1, max_length=5)
    tell: tuple[str, ...] = ()


class PresenceRules(_Value):
    """驻村考勤规则: one district's way of counting."""

    period: Literal["month", "year"]
    least_days: int = Field(ge=0, le=366)
    unit: Literal["day", "half_day"] = "day"
    sign_ins: Literal[1, 2] = 1
    morning: Window | None = None
    evening: Window | None = None
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
    def _covers(self) -> Self:
        if self.leave[-1].most_days is not None:
            raise ValueError("最后一级请假规则须不限天数")
        if self.sign_ins == 2 and (self.morning is None or self.evening is None):  # noqa: PLR2004 - two sign-ins
            raise ValueError("每天两次打卡须写明早晚时段")
        return self


class TeamRequirements(_Value):
    """选派要求."""

    least_members: int = Field(ge=1, le=20)
    least_term_days: int = Field(ge=1, le=3650)


class Standpoint(_Value):
    """“以我现在的位置设围栏”: how exact the fix must be, metres and minutes."""

    accuracy_m: float = Field(gt=0, le=1000)
    fix_minutes: int = Field(ge=1, le=1440)


class Evidence(_Value):
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


class Devices(_Value):
    """常用手机."""

    most: int = Field(ge=1, le=5)


class SpotRules(_Value):
    """抽查."""

    window_minutes: int = Field(ge=5, le=1440)
    most_drawn: int = Field(ge=1, le=1000)


class ChangedDay(_Value):
    """一天的调休或放假, in the words of the public lists (holiday-cn)."""

    date: Day
    name: str = Field("", max_length=50)
    isOffDay: StrictBool = Field(description="true 放假, false 上班")  # noqa: N815 - the lists' own name


class DaysList(_Value):
    """一份调休与放假名单; with `year` it is that year's complete list."""

    year: int | None = Field(None, ge=2000, le=2100)
    days: tuple[ChangedDay, ...] = Field(max_length=400)


SHAPES: dict[str, Any] = {
    "check_in.switches": Switches,
    "check_in.limits": Limits,
    "presence.rules": PresenceRules,
    "presence.evidence": Evidence,
    "presence.devices": Devices,
    "presence.spot_checks": SpotRules,
    "team.requirements": TeamRequirements,
    "post.standpoint": Standpoint,
    "calendar.changes": list[DaysList],
}

V = TypeVar("V", bound=BaseModel)
S = TypeVar("S")


async def ruled(work: Work, key: str, kind: type[V], region: str = "", **when: Any) -> tuple[V, Rule]:  # noqa: ANN401 - `on`
    """The rule in force in a region as its shape, and the rule itself for decisions to keep."""
    rule = await work.rule(key, region=region or None, **when)
    return _shaped(work, rule, kind.model_validate), rule


async def calendar(work: Work, region: str = "") -> Changes:
    """The district's own working days and days off, over the national calendar."""
    return _shaped(work, await work.rule("calendar.changes", region=region or None), Changes.of)


def _shaped(work: Work, rule: Rule, reading: Callable[[Any], S]) -> S:
    """A rule's value as its shape, read once: a version of a rule never changes."""
    known: dict[str, S] = work.context.kept.setdefault("ruled", {})
    found = known.get(rule.ref)
    if found is None:
        found = known[rule.ref] = reading(rule.value)
    return found
