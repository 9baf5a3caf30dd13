"""What the other systems' records mean. Pure.

DingTalk: milliseconds, datum not stated and taken as GCJ-02, invalid punches marked, planned days without a punch.
WeCom: seconds, latitude and longitude as integers of 10⁻⁶ degrees.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.attendance.check_ins.schemas import Kind
from services.attendance.imports.kinds import Channel
from shared.fences import Standing

MICRO = 1_000_000
EARLIEST_S, LATEST_S = 946_684_800, 4_102_444_800
"""2000 to 2100, seconds since 1970."""
LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class Read:
    """One record understood. `at` None: planned and not punched. `valid` False: the source itself says so."""

    source_id: str
    external: str
    at: datetime | None
    kind: Kind
    valid: bool
    place: tuple[float, float] | None
    accuracy_m: float | None
    standing: Standing | None
    device: str
    address: str
    corrected: bool


def read(channel: Channel, raw: Mapping[str, Any]) -> Read:
    """The record; ValueError in Chinese when it is none."""
    try:
        found = _dingtalk(raw) if channel is Channel.DINGTALK else _wecom(raw)
    except KeyError as error:
        raise ValueError(f"不是{channel.label}的考勤记录: 缺少 {error.args[0]}") from None
    except (TypeError, OverflowError):
        raise ValueError(f"不是{channel.label}的考勤记录: 字段类型不符") from None
    if not found.external or not found.source_id or len(found.source_id) > LONGEST_ID:
        raise ValueError(f"{channel.label}记录缺少编号或人员")
    return found


def _dingtalk(raw: Mapping[str, Any]) -> Read:
    if "timestamp" in raw and "checkType" not in raw:
        return _sign_in(raw)
    user = str(raw["userId"])[:100]
    # A planned day without a punch carries the planned time as `userCheckTime` in /attendance/list.
    unsigned = raw.get("timeResult") == "NotSigned"
    at = None if unsigned else _instant(_whole(raw, "userCheckTime") / 1000)
    # The row of a planned day keeps its `id` when somebody punches late; then it is another record.
    named = None if unsigned else raw.get("recordId") or raw.get("id")
    mark = (
        f"record:{named}"
        if named
        else f"plan:{user}:{raw.get('planId')}:{raw['workDate']}:{raw['checkType']}"
    )
    invalid = str(raw.get("invalidRecordType") or "") in {"Security", "Other"} or bool(
        raw.get("invalidRecordMsg")
    )
    standing = {"Normal": Standing.INSIDE, "Outside": Standing.OUTSIDE}.get(str(raw.get("locationResult")))
    return Read(
        source_id=mark,
        external=user,
        at=at,
        kind=Kind.ON_DUTY if invalid and "checkType" not in raw else _kind(raw["checkType"]),
        valid=not invalid,
        place=_place(raw.get("userLongitude"), raw.get("userLatitude")),
        accuracy_m=_number(raw.get("userAccuracy")),
        standing=standing,
        device=str(raw.get("deviceId") or "")[:64],
        address=str(raw.get("userAddress") or "")[:200],
        corrected=raw.get("sourceType") in {"BOSS", "APPROVE"},
    )


def _sign_in(raw: Mapping[str, Any]) -> Read:
    """签到 (checkin/record): another data set, for visits outdoors."""
    user, at = str(raw["userId"])[:100], _whole(raw, "timestamp")
    return Read(
        source_id=f"checkin:{user}:{at}",
        external=user,
        at=_instant(at / 1000),
        kind=Kind.ON_DUTY,
        valid=True,
        place=_place(raw.get("longitude"), raw.get("latitude")),
        accuracy_m=None,
        standing=None,
        device="",
        address=str(raw.get("detailPlace") or raw.get("place") or "")[:200],
        corrected=False,
    )


def _wecom(raw: Mapping[str, Any]) -> Read:
    user, seconds, kind = str(raw["userid"])[:100], _whole(raw, "checkin_time"), str(raw["checkin_type"])
    exception = str(raw.get("exception_type") or "")
    unsigned = "未打卡" in exception
    lat, lng = raw.get("lat"), raw.get("lng")
    standing = Standing.OUTSIDE if "地点异常" in exception else Standing.INSIDE
    return Read(
        source_id=f"{user}:{seconds}:{kind}",
        external=user,
        at=None if unsigned else _instant(seconds),
        kind=Kind.OFF_DUTY if kind == "下班打卡" else Kind.ON_DUTY,
        valid=True,
        place=_place(_whole(raw, "lng") / MICRO, _whole(raw, "lat") / MICRO) if lat and lng else None,
        accuracy_m=None,
        standing=None if kind == "外出打卡" else standing,
        device=str(raw.get("deviceid") or "")[:64],
        address=str(raw.get("location_detail") or "")[:200],
        corrected=False,
    )


def _whole(raw: Mapping[str, Any], name: str) -> int:
    value = raw[name]
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} 应为整数, 收到 {str(value)[:50]!r}") from None


def _kind(value: Any) -> Kind:  # noqa: ANN401 - whatever came
    if value not in set(Kind):
        raise ValueError(f"checkType 只能是 OnDuty 或 OffDuty, 收到 {str(value)[:50]!r}")
    return Kind(value)


def _instant(seconds: float) -> datetime:
    if not EARLIEST_S <= seconds <= LATEST_S:
        raise ValueError(f"打卡时间不合理: {seconds:.0f}")
    return datetime.fromtimestamp(seconds, UTC)


def _place(lon: Any, lat: Any) -> tuple[float, float] | None:  # noqa: ANN401 - whatever came
    x, y = _number(lon), _number(lat)
    if not x or not y or abs(x) > 180 or abs(y) > 90:  # noqa: PLR2004 - degrees
        return None
    return x, y


def _number(value: Any) -> float | None:  # noqa: ANN401 - whatever came
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if abs(found) < 1e6 else None  # noqa: PLR2004 - neither a degree nor an accuracy
