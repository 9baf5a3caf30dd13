"""DingTalk and WeCom: parsing of their attendance records (pure), and the client that fetches them.

DingTalk: times in ms; the datum is not stated and taken as GCJ-02; invalid check-ins are marked; planned days without one are rows.
WeCom: times in seconds, latitude and longitude as integers of 10⁻⁶ degrees.
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
from shared.errors import Conflict, FieldError, Invalid, Unavailable
from shared.unit_of_work import CHINA_TIME_ZONE

MICRODEGREES_PER_DEGREE = 1_000_000
MIN_TIMESTAMP_S, MAX_TIMESTAMP_S = 946_684_800, 4_102_444_800
"""2000-01-01 and 2100-01-01, in seconds since 1970."""
MAX_SOURCE_ID_LENGTH = 200
MAX_RECORD_ERRORS = 50
MAX_DETAIL_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class ParsedRecord:
    """A parsed record. `at` is None for a planned day without a check-in; `valid` is False if the source marks it invalid."""

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


MAX_USERS_PER_CALL = {Channel.DINGTALK: 50, Channel.WECOM: 100}
MAX_DAYS_PER_CALL = {Channel.DINGTALK: 7, Channel.WECOM: 30}
MAX_ROWS_PER_PAGE = 50
MAX_DINGTALK_AGE = timedelta(days=180)
BUSY_ERROR_CODES = frozenset({-1, 90002, 90006, 90018, 45009, 45033})
"""errcodes (or the sub_code of DingTalk's 88) for "busy" or "too often"; the documents of -1 say: retry."""
SUBCODE_ERROR_CODE = 88
"""DingTalk's errcode whose reason is in `sub_code`."""
MAX_CALL_TRIES = 5
RETRY_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class ImportCall:
    """Users and days of one API call."""

    users: tuple[str, ...]
    first: date
    last: date


def parse_record(channel: Channel, raw: Mapping[str, Any]) -> ParsedRecord:
    """Returns the parsed record. Raises ValueError with a Chinese message if it is malformed."""
    try:
        record = _parse_dingtalk(raw) if channel is Channel.DINGTALK else _parse_wecom(raw)
    except KeyError as error:
        raise ValueError(f"不是{channel.label}的考勤记录: 缺少 {error.args[0]}") from None
    except (TypeError, OverflowError):
        raise ValueError(f"不是{channel.label}的考勤记录: 字段类型不符") from None
    if not record.external or not record.source_id or len(record.source_id) > MAX_SOURCE_ID_LENGTH:
        raise ValueError(f"{channel.label}记录缺少编号或人员")
    return record


def parse_records(
    channel: Channel, raw_records: Sequence[dict[str, Any]], *, strict: bool
) -> tuple[list[ParsedRecord], Sequence[dict[str, Any]], str]:
    """Returns parsed records, their raw form, and a text that names the malformed ones.

    A malformed record holds up no other. `strict` raises Invalid if every record is malformed: it is another file.
    """
    parsed, accepted, errors = [], [], []
    for index, raw in enumerate(raw_records):
        try:
            parsed.append(parse_record(channel, raw))
            accepted.append(raw)
        except ValueError as error:
            errors.append(FieldError("not_a_record", str(error)[:200], "not a record", f"/records/{index}"))
    if strict and errors and not parsed:
        raise Invalid(
            f"{len(errors)} 条记录无法识别", "None of them is a record", errors=errors[:MAX_RECORD_ERRORS]
        )
    named = "; ".join(f"第 {int(one.pointer.rsplit('/', 1)[1]) + 1} 条 {one.detail}" for one in errors)
    text = f"{len(errors)} 条无法识别, 未导入: {named}" if errors else ""
    return parsed, accepted, text[:MAX_DETAIL_LENGTH]


def plan_calls(pull: ImportPull, users: Sequence[str], today: date) -> list[ImportCall]:
    """Splits a pull into calls within the limits of the other system."""
    first = max(pull.first, today - MAX_DINGTALK_AGE) if pull.channel is Channel.DINGTALK else pull.first
    return [
        ImportCall(tuple(group), start, end)
        for group in _split_users(users, MAX_USERS_PER_CALL[pull.channel])
        for start, end in _split_period(first, pull.last, MAX_DAYS_PER_CALL[pull.channel])
    ]


async def fetch_records(
    clients: ServiceClients, token: str, pull: ImportPull, call: ImportCall
) -> list[dict[str, Any]]:
    """Returns the raw records of one call. Raises Conflict with their message if refused, Unavailable if busy."""
    fetch = _fetch_dingtalk if pull.channel is Channel.DINGTALK else _fetch_wecom
    return await fetch(clients, token, pull, list(call.users), call.first, call.last)


async def fetch_all_records(
    clients: ServiceClients, pull: ImportPull, users: Sequence[str], today: date
) -> list[dict[str, Any]]:
    """Returns the raw records of all calls of a pull."""
    token = await fetch_token(clients, pull)
    raw_records: list[dict[str, Any]] = []
    for call in plan_calls(pull, users, today):
        raw_records += await fetch_records(clients, token, pull, call)
    return raw_records


async def fetch_token(clients: ServiceClients, pull: ImportPull) -> str:
    """Returns an access token for the keys of a pull."""
    secret = pull.app_secret.get_secret_value()
    if pull.channel is Channel.DINGTALK:
        path, params = "/gettoken", {"appkey": pull.app_key, "appsecret": secret}
    else:
        path, params = "/cgi-bin/gettoken", {"corpid": pull.app_key, "corpsecret": secret}
    return str((await _call_api(clients, pull.channel, "GET", path, params=params)).get("access_token", ""))


def _parse_dingtalk(raw: Mapping[str, Any]) -> ParsedRecord:
    """Parses a row of listRecord or list."""
    if "timestamp" in raw and "checkType" not in raw:
        return _parse_dingtalk_sign_in(raw)
    user = str(raw["userId"])[:100]
    # A planned day without a check-in carries the planned time as `userCheckTime` in /attendance/list.
    unsigned = raw.get("timeResult") == "NotSigned"
    at = None if unsigned else _parse_instant(_parse_int(raw, "userCheckTime") / 1000)
    # The row of a planned day keeps its `id` after a late check-in, which is another record.
    record_id = None if unsigned else raw.get("recordId") or raw.get("id")
    source_id = (
        f"record:{record_id}"
        if record_id
        else f"plan:{user}:{raw.get('planId')}:{raw['workDate']}:{raw['checkType']}"
    )
    is_invalid = str(raw.get("invalidRecordType") or "") in {"Security", "Other"} or bool(
        raw.get("invalidRecordMsg")
    )
    verdict = {"Normal": FencePosition.INSIDE, "Outside": FencePosition.OUTSIDE}.get(
        str(raw.get("locationResult"))
    )
    return ParsedRecord(
        source_id=source_id,
        external=user,
        at=at,
        kind=Kind.ON_DUTY if is_invalid and "checkType" not in raw else _parse_kind(raw["checkType"]),
        valid=not is_invalid,
        place=_parse_place(raw.get("userLongitude"), raw.get("userLatitude")),
        accuracy_m=_parse_number(raw.get("userAccuracy")),
        verdict=verdict,
        device=str(raw.get("deviceId") or "")[:64],
        address=str(raw.get("userAddress") or "")[:200],
        corrected=raw.get("sourceType") in {"BOSS", "APPROVE"},
    )


def _parse_dingtalk_sign_in(raw: Mapping[str, Any]) -> ParsedRecord:
    """Parses a row of 签到 (checkin/record), a separate data set for outdoor visits."""
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
    """Parses a row of getcheckindata."""
    user, seconds, kind = str(raw["userid"])[:100], _parse_int(raw, "checkin_time"), str(raw["checkin_type"])
    exception = str(raw.get("exception_type") or "")
    unsigned = "未打卡" in exception
    lat, lng = raw.get("lat"), raw.get("lng")
    verdict = FencePosition.OUTSIDE if "地点异常" in exception else FencePosition.INSIDE
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
        verdict=None if kind == "外出打卡" else verdict,
        device=str(raw.get("deviceid") or "")[:64],
        address=str(raw.get("location_detail") or "")[:200],
        corrected=False,
    )


def _parse_int(raw: Mapping[str, Any], name: str) -> int:
    """Returns an integer field. Raises ValueError or KeyError."""
    value = raw[name]
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} 应为整数, 收到 {str(value)[:50]!r}") from None


def _parse_kind(value: Any) -> Kind:  # noqa: ANN401 - unchecked JSON
    """Returns the check-in kind. Raises ValueError."""
    if value not in set(Kind):
        raise ValueError(f"checkType 只能是 OnDuty 或 OffDuty, 收到 {str(value)[:50]!r}")
    return Kind(value)


def _parse_instant(seconds: float) -> datetime:
    """Returns the UTC time. Raises ValueError outside 2000 to 2100."""
    if not MIN_TIMESTAMP_S <= seconds <= MAX_TIMESTAMP_S:
        raise ValueError(f"打卡时间不合理: {seconds:.0f}")
    return datetime.fromtimestamp(seconds, UTC)


def _parse_place(lon: Any, lat: Any) -> tuple[float, float] | None:  # noqa: ANN401 - unchecked JSON
    """Returns (lon, lat) in degrees, or None if missing, zero or out of range."""
    x, y = _parse_number(lon), _parse_number(lat)
    if not x or not y or abs(x) > 180 or abs(y) > 90:  # noqa: PLR2004 - degrees
        return None
    return x, y


def _parse_number(value: Any) -> float | None:  # noqa: ANN401 - unchecked JSON
    """Returns a number below 10⁶ in size, or None."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < 1e6 else None  # noqa: PLR2004 - neither a degree nor an accuracy


def _split_users(users: Sequence[str], size: int) -> Iterator[list[str]]:
    """Yields users in groups of `size`."""
    for start in range(0, len(users), size):
        yield list(users[start : start + size])


def _split_period(first: date, last: date, days: int) -> Iterator[tuple[date, date]]:
    """Yields consecutive periods of at most `days` days."""
    while first <= last:
        end = min(last, first + timedelta(days=days - 1))
        yield first, end
        first = end + timedelta(days=1)


async def _call_api(
    clients: ServiceClients,
    channel: Channel,
    method: str,
    path: str,
    **options: Any,  # noqa: ANN401 - options of the HTTP client
) -> dict[str, Any]:
    """Calls the API, with retries while it is busy. Raises Conflict for any other errcode, Unavailable if still busy."""
    for attempt in range(MAX_CALL_TRIES):
        answer = await clients.request(channel, method, path, **options)
        if not isinstance(answer, dict):
            raise Unavailable(f"{channel.label}的答复无法识别", "Not an answer")
        code = answer.get("errcode", 0)
        if code == SUBCODE_ERROR_CODE and str(answer.get("sub_code", "")).lstrip("-").isdigit():
            code = int(answer["sub_code"])
        if code not in BUSY_ERROR_CODES:
            if code:
                message = answer.get("sub_msg") or answer.get("errmsg", "")
                raise Conflict(f"{channel.label}答复 {code}: {message}", f"errcode {code}")
            return answer
        await asyncio.sleep(RETRY_PAUSE_S * 2**attempt)
    raise Unavailable(f"{channel.label}限流, 请稍后再导入", "Throttled", retry_after=60)


async def _fetch_dingtalk(
    clients: ServiceClients, token: str, pull: ImportPull, users: list[str], first: date, last: date
) -> list[dict[str, Any]]:
    """Fetches listRecord, or all pages of list."""
    low, high = f"{first} 00:00:00", f"{last} 23:59:59"
    params = {"access_token": token}
    if pull.details:
        body: dict[str, Any] = {
            "userIds": users,
            "checkDateFrom": low,
            "checkDateTo": high,
            "isI18n": "false",
        }
        answer = await _call_api(
            clients, pull.channel, "POST", "/attendance/listRecord", params=params, json=body
        )
        return list(answer.get("recordresult") or [])
    raw_records: list[dict[str, Any]] = []
    while True:
        body = {
            "userIdList": users,
            "workDateFrom": low,
            "workDateTo": high,
            "offset": len(raw_records),
            "limit": MAX_ROWS_PER_PAGE,
        }
        answer = await _call_api(clients, pull.channel, "POST", "/attendance/list", params=params, json=body)
        rows = list(answer.get("recordresult") or [])
        raw_records += rows
        if not answer.get("hasMore") or not rows:
            return raw_records


async def _fetch_wecom(
    clients: ServiceClients, token: str, pull: ImportPull, users: list[str], first: date, last: date
) -> list[dict[str, Any]]:
    """Fetches getcheckindata."""
    begin = datetime.combine(first, time(), CHINA_TIME_ZONE)
    end = datetime.combine(last + timedelta(days=1), time(), CHINA_TIME_ZONE)
    body = {
        "opencheckindatatype": 3,
        "starttime": int(begin.timestamp()),
        "endtime": int(end.timestamp()) - 1,
        "useridlist": users,
    }
    params = {"access_token": token}
    answer = await _call_api(
        clients, pull.channel, "POST", "/cgi-bin/checkin/getcheckindata", params=params, json=body
    )
    return list(answer.get("checkindata") or [])
