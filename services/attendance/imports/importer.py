"""What the other systems' records mean. Pure.

DingTalk: milliseconds, datum not stated and taken as GCJ-02, invalid punches marked, planned days without a punch.
WeCom: seconds, latitude and longitude as integers of 10⁻⁶ degrees.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from services.attendance.check_ins.schemas import Kind
from services.attendance.imports.schemas import Channel, ImportPull
from shared.china import FencePosition
from shared.clients import ServiceClients
from shared.errors import Conflict, Unavailable
from shared.unit_of_work import CHINA_TIME_ZONE

MICRODEGREES_PER_DEGREE = 1_000_000
MIN_TIMESTAMP_S, MAX_TIMESTAMP_S = 946_684_800, 4_102_444_800
"""2000 to 2100, seconds since 1970."""
MAX_SOURCE_ID_LENGTH = 200


@dataclass(frozen=True, slots=True)
class ParsedRecord:
    """One record understood. `at` None: planned and not punched. `valid` False: the source itself says so."""

    source_id: str
    external: str
    at: datetime | None
    kind: Kind
    valid: bool
    place: tuple[float, float] | None
    accuracy_m: float | None
    verdict: FencePosition | None
    device: str
    address: str
    corrected: bool


def parse_record(channel: Channel, raw: Mapping[str, Any]) -> ParsedRecord:
    """The record; ValueError in Chinese when it is none."""
    try:
        found = _parse_dingtalk(raw) if channel is Channel.DINGTALK else _parse_wecom(raw)
    except KeyError as error:
        raise ValueError(f"不是{channel.label}的考勤记录: 缺少 {error.args[0]}") from None
    except (TypeError, OverflowError):
        raise ValueError(f"不是{channel.label}的考勤记录: 字段类型不符") from None
    if not found.external or not found.source_id or len(found.source_id) > MAX_SOURCE_ID_LENGTH:
        raise ValueError(f"{channel.label}记录缺少编号或人员")
    return found


def _parse_dingtalk(raw: Mapping[str, Any]) -> ParsedRecord:
    if "timestamp" in raw and "checkType" not in raw:
        return _parse_dingtalk_sign_in(raw)
    user = str(raw["userId"])[:100]
    # A planned day without a punch carries the planned time as `userCheckTime` in /attendance/list.
    unsigned = raw.get("timeResult") == "NotSigned"
    at = None if unsigned else _parse_instant(_parse_int(raw, "userCheckTime") / 1000)
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
    standing = {"Normal": FencePosition.INSIDE, "Outside": FencePosition.OUTSIDE}.get(
        str(raw.get("locationResult"))
    )
    return ParsedRecord(
        source_id=mark,
        external=user,
        at=at,
        kind=Kind.ON_DUTY if invalid and "checkType" not in raw else _parse_kind(raw["checkType"]),
        valid=not invalid,
        place=_parse_place(raw.get("userLongitude"), raw.get("userLatitude")),
        accuracy_m=_parse_number(raw.get("userAccuracy")),
        verdict=standing,
        device=str(raw.get("deviceId") or "")[:64],
        address=str(raw.get("userAddress") or "")[:200],
        corrected=raw.get("sourceType") in {"BOSS", "APPROVE"},
    )


def _parse_dingtalk_sign_in(raw: Mapping[str, Any]) -> ParsedRecord:
    """签到 (checkin/record): another data set, for visits outdoors."""
    user, at = str(raw["userId"])[:100], _parse_int(raw, "timestamp")
    return ParsedRecord(
        source_id=f"checkin:{user}:{at}",
        external=user,
        at=_parse_instant(at / 1000),
        kind=Kind.ON_DUTY,
        valid=True,
        place=_parse_place(raw.get("longitude"), raw.get("latitude")),
        accuracy_m=None,
        verdict=None,
        device="",
        address=str(raw.get("detailPlace") or raw.get("place") or "")[:200],
        corrected=False,
    )


def _parse_wecom(raw: Mapping[str, Any]) -> ParsedRecord:
    user, seconds, kind = str(raw["userid"])[:100], _parse_int(raw, "checkin_time"), str(raw["checkin_type"])
    exception = str(raw.get("exception_type") or "")
    unsigned = "未打卡" in exception
    lat, lng = raw.get("lat"), raw.get("lng")
    standing = FencePosition.OUTSIDE if "地点异常" in exception else FencePosition.INSIDE
    return ParsedRecord(
        source_id=f"{user}:{seconds}:{kind}",
        external=user,
        at=None if unsigned else _parse_instant(seconds),
        kind=Kind.OFF_DUTY if kind == "下班打卡" else Kind.ON_DUTY,
        valid=True,
        place=_parse_place(
            _parse_int(raw, "lng") / MICRODEGREES_PER_DEGREE, _parse_int(raw, "lat") / MICRODEGREES_PER_DEGREE
        )
        if lat and lng
        else None,
        accuracy_m=None,
        verdict=None if kind == "外出打卡" else standing,
        device=str(raw.get("deviceid") or "")[:64],
        address=str(raw.get("location_detail") or "")[:200],
        corrected=False,
    )


def _parse_int(raw: Mapping[str, Any], name: str) -> int:
    value = raw[name]
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} 应为整数, 收到 {str(value)[:50]!r}") from None


def _parse_kind(value: Any) -> Kind:  # noqa: ANN401 - whatever came
    if value not in set(Kind):
        raise ValueError(f"checkType 只能是 OnDuty 或 OffDuty, 收到 {str(value)[:50]!r}")
    return Kind(value)


def _parse_instant(seconds: float) -> datetime:
    if not MIN_TIMESTAMP_S <= seconds <= MAX_TIMESTAMP_S:
        raise ValueError(f"打卡时间不合理: {seconds:.0f}")
    return datetime.fromtimestamp(seconds, UTC)


def _parse_place(lon: Any, lat: Any) -> tuple[float, float] | None:  # noqa: ANN401 - whatever came
    x, y = _parse_number(lon), _parse_number(lat)
    if not x or not y or abs(x) > 180 or abs(y) > 90:  # noqa: PLR2004 - degrees
        return None
    return x, y


def _parse_number(value: Any) -> float | None:  # noqa: ANN401 - whatever came
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if abs(found) < 1e6 else None  # noqa: PLR2004 - neither a degree nor an accuracy


MAX_USERS_PER_CALL = {Channel.DINGTALK: 50, Channel.WECOM: 100}
MAX_DAYS_PER_CALL = {Channel.DINGTALK: 7, Channel.WECOM: 30}
MAX_ROWS_PER_PAGE = 50
MAX_DINGTALK_AGE = timedelta(days=180)
BUSY_ERROR_CODES = frozenset({-1, 90002, 90006, 90018, 45009, 45033})
"""errcodes (or the sub_code of DingTalk's 88) that mean "busy" or "too often"; -1 asks for a second try itself."""
SUBCODE_ERROR_CODE = 88
"""DingTalk's errcode whose meaning stands in `sub_code`."""
MAX_CALL_TRIES = 5
RETRY_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class ImportCall:
    """What one call may ask about: some users, some days."""

    users: tuple[str, ...]
    first: date
    last: date


def plan_calls(asked: ImportPull, users: Sequence[str], today: date) -> list[ImportCall]:
    """The calls a pull needs, within the other system's limits."""
    first = max(asked.first, today - MAX_DINGTALK_AGE) if asked.channel is Channel.DINGTALK else asked.first
    return [
        ImportCall(tuple(some), start, end)
        for some in _split_users(users, MAX_USERS_PER_CALL[asked.channel])
        for start, end in _split_period(first, asked.last, MAX_DAYS_PER_CALL[asked.channel])
    ]


async def fetch_records(
    wire: ServiceClients, token: str, asked: ImportPull, part: ImportCall
) -> list[dict[str, Any]]:
    """The records of one part. Conflict with their words when they refuse, Unavailable when they are busy."""
    asks = _fetch_dingtalk if asked.channel is Channel.DINGTALK else _fetch_wecom
    return await asks(wire, token, asked, list(part.users), part.first, part.last)


async def fetch_all_records(
    wire: ServiceClients, asked: ImportPull, users: Sequence[str], today: date
) -> list[dict[str, Any]]:
    """Every record of these users and days."""
    pass_ = await fetch_token(wire, asked)
    found: list[dict[str, Any]] = []
    for part in plan_calls(asked, users, today):
        found += await fetch_records(wire, pass_, asked, part)
    return found


def _split_users(users: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(users), size):
        yield list(users[start : start + size])


def _split_period(first: date, last: date, days: int) -> Iterator[tuple[date, date]]:
    while first <= last:
        end = min(last, first + timedelta(days=days - 1))
        yield first, end
        first = end + timedelta(days=1)


async def _call_api(
    wire: ServiceClients, channel: Channel, method: str, path: str, **rest: Any
) -> dict[str, Any]:
    for turn in range(MAX_CALL_TRIES):
        answer = await wire.request(channel, method, path, **rest)
        if not isinstance(answer, dict):
            raise Unavailable(f"{channel.label}的答复无法识别", "Not an answer")
        code = answer.get("errcode", 0)
        if code == SUBCODE_ERROR_CODE and str(answer.get("sub_code", "")).lstrip("-").isdigit():
            code = int(answer["sub_code"])
        if code not in BUSY_ERROR_CODES:
            if code:
                words = answer.get("sub_msg") or answer.get("errmsg", "")
                raise Conflict(f"{channel.label}答复 {code}: {words}", f"errcode {code}")
            return answer
        await asyncio.sleep(RETRY_PAUSE_S * 2**turn)
    raise Unavailable(f"{channel.label}限流, 请稍后再导入", "Throttled", retry_after=60)


async def fetch_token(wire: ServiceClients, asked: ImportPull) -> str:
    """Their access token for these keys."""
    secret = asked.app_secret.get_secret_value()
    if asked.channel is Channel.DINGTALK:
        path, params = "/gettoken", {"appkey": asked.app_key, "appsecret": secret}
    else:
        path, params = "/cgi-bin/gettoken", {"corpid": asked.app_key, "corpsecret": secret}
    return str((await _call_api(wire, asked.channel, "GET", path, params=params)).get("access_token", ""))


async def _fetch_dingtalk(
    wire: ServiceClients, token: str, asked: ImportPull, users: list[str], first: date, last: date
) -> list[dict[str, Any]]:
    low, high = f"{first} 00:00:00", f"{last} 23:59:59"
    params = {"access_token": token}
    if asked.details:
        body: dict[str, Any] = {
            "userIds": users,
            "checkDateFrom": low,
            "checkDateTo": high,
            "isI18n": "false",
        }
        answer = await _call_api(
            wire, asked.channel, "POST", "/attendance/listRecord", params=params, json=body
        )
        return list(answer.get("recordresult") or [])
    found: list[dict[str, Any]] = []
    while True:
        body = {
            "userIdList": users,
            "workDateFrom": low,
            "workDateTo": high,
            "offset": len(found),
            "limit": MAX_ROWS_PER_PAGE,
        }
        answer = await _call_api(wire, asked.channel, "POST", "/attendance/list", params=params, json=body)
        rows = list(answer.get("recordresult") or [])
        found += rows
        if not answer.get("hasMore") or not rows:
            return found


async def _fetch_wecom(
    wire: ServiceClients, token: str, asked: ImportPull, users: list[str], first: date, last: date
) -> list[dict[str, Any]]:
    begin = datetime.combine(first, time(), CHINA_TIME_ZONE)
    over = datetime.combine(last + timedelta(days=1), time(), CHINA_TIME_ZONE)
    body = {
        "opencheckindatatype": 3,
        "starttime": int(begin.timestamp()),
        "endtime": int(over.timestamp()) - 1,
        "useridlist": users,
    }
    params = {"access_token": token}
    answer = await _call_api(
        wire, asked.channel, "POST", "/cgi-bin/checkin/getcheckindata", params=params, json=body
    )
    return list(answer.get("checkindata") or [])
